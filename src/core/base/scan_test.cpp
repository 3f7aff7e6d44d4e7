#include "base/scan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ringhold {

TEST(Scan, finds_what_find_finds_at_every_length_and_place) {
  for (std::size_t size = 0; size <= 70; ++size)
    for (std::size_t place = 0; place <= size; ++place) {
      std::string text(size, 'x');
      if (place < size) text[place] = ':';
      for (std::size_t from = 0; from <= size; ++from)
        ASSERT_EQ(find_byte(text, from, ':'), std::min(size, text.find(':', from))) << size << " " << place << " " << from;
    }
}

TEST(Scan, finds_the_first_of_several) {
  const std::string text = "a: b: c" + std::string(40, ':');
  EXPECT_EQ(find_byte(text, 0, ':'), 1U);
  EXPECT_EQ(find_byte(text, 2, ':'), 4U);
  EXPECT_EQ(find_byte(std::string(33, '\xff'), 0, '\n'), 33U);
}

}  // namespace ringhold
