#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ringhold {

TEST(QuickHash, tells_texts_apart_by_each_byte_and_by_length) {
  std::set<std::uint64_t> seen;
  std::size_t texts = 0;
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string text(size, 'a');
    ++texts;
    seen.insert(quick_hash(text));
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'b';
      ++texts;
      seen.insert(quick_hash(other));
    }
  }
  EXPECT_EQ(seen.size(), texts);
}

TEST(QuickHash, depends_on_the_text_and_not_on_where_it_stands) {
  const std::string text = "0123456789z9hG4bKabcdefghij";
  for (std::size_t size = 0; size <= 20; ++size) {
    const std::string copy = "x" + text.substr(3, size);
    EXPECT_EQ(quick_hash(std::string_view{text}.substr(3, size)), quick_hash(std::string_view{copy}.substr(1)));
  }
}

}  // namespace ringhold
