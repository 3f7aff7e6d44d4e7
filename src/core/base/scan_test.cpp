#include "base/scan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ringhold {

namespace {

constexpr Characters not_in_words = word_characters.complement();
constexpr Characters not_visible = visible_characters.complement();

}  // namespace

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

TEST(Scan, places_are_all_that_find_finds_at_every_length) {
  for (std::size_t size = 0; size <= 200; ++size)
    for (const std::size_t step : {1U, 7U, 63U, 64U, 65U, 300U}) {
      std::string text(size, 'x');
      for (std::size_t i = size % 5; i < size; i += step) text[i] = '\n';
      Places places{text, '\n'};
      for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) ASSERT_EQ(places.next(), at);
      ASSERT_EQ(places.next(), size);
      ASSERT_EQ(places.next(), size);
    }
}

TEST(Scan, places_can_be_passed_over) {
  const std::string text = "a\nb\nc\n" + std::string(100, 'x') + "\n";
  Places places{text, '\n'};
  EXPECT_EQ(places.next_from(2), 3U);
  EXPECT_EQ(places.next_from(3), 5U);
  EXPECT_EQ(places.next_from(6), 106U);
  EXPECT_EQ(places.next_from(106), text.size());
}

/// What the sixteen-byte steps find must be what a look at each byte finds.
TEST(Scan, ends_of_words_and_of_what_is_visible_are_those_of_the_tables) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  for (const std::size_t before : {0U, 1U, 15U, 16U, 20U})
    for (const std::size_t after : {0U, 1U, 14U, 15U, 33U})
      for (const char c : all) {
        const std::string text = std::string(before, 'a') + c + std::string(after, '0');
        for (std::size_t from = 0; from <= text.size(); ++from) {
          ASSERT_EQ(find_end_of_word(text, from), not_in_words.find_in(text, from)) << int{c} << " " << text;
          ASSERT_EQ(find_end_of_visible(text, from), not_visible.find_in(text, from)) << int{c} << " " << text;
        }
      }
}

}  // namespace ringhold
