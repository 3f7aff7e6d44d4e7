#include "base/journal.hpp"

#include <gtest/gtest.h>

namespace ringhold {

TEST(Journal, packs_columns_and_gives_them_back) {
  Columns columns{Text{"key"}, std::int64_t{-5}, Text{}};
  columns.add(std::string_view{"a\0b", 3});
  columns.add(std::int64_t{1} << 62U);
  EXPECT_EQ(columns.size(), 5U);
  const std::vector<Column> expected{Text{"key"}, std::int64_t{-5}, Text{}, Text{"a\0b", 3}, std::int64_t{1} << 62U};
  EXPECT_EQ(columns.unpacked(), expected);
  EXPECT_TRUE(Columns{}.empty());
  EXPECT_TRUE(Columns{}.unpacked().empty());
}

}  // namespace ringhold
