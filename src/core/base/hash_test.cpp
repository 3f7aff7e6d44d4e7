#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "base/text.hpp"

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

// Decision 0011: whoever knows the key can make a text whose first words cancel it, so that what stands before does not count.
TEST(QuickHash, collisions_that_one_key_has_are_gone_with_another_X1) {
  const HashKey known;
  const auto text = [&](std::uint64_t before) {
    std::string bytes(40, 'x');
    std::memcpy(bytes.data(), &before, sizeof before);
    std::memcpy(bytes.data() + 16, &known.first, sizeof known.first);
    return bytes;
  };
  EXPECT_EQ(quick_hash(text(1), known), quick_hash(text(2), known));
  EXPECT_NE(quick_hash(text(1), {3, 4}), quick_hash(text(2), {3, 4}));
}

TEST(QuickHash, tables_take_the_key_of_the_program_X1) {
  const HashKey before = std::exchange(hash_key, HashKey{3, 4});
  const std::size_t keyed = TextHash{}("sip:alice@example.test");
  hash_key = before;
  EXPECT_NE(keyed, TextHash{}("sip:alice@example.test"));
}

TEST(QuickHash, depends_on_the_text_and_not_on_where_it_stands) {
  const std::string text = "0123456789z9hG4bKabcdefghij";
  for (std::size_t size = 0; size <= 20; ++size) {
    const std::string copy = "x" + text.substr(3, size);
    EXPECT_EQ(quick_hash(std::string_view{text}.substr(3, size)), quick_hash(std::string_view{copy}.substr(1)));
  }
}

}  // namespace ringhold
