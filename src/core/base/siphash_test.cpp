#include "base/siphash.hpp"

#include <gtest/gtest.h>

namespace ringhold {
namespace {

TEST(SipHash, gives_the_authors_vectors) {
  // Appendix A of the paper, and the reference implementation's first vectors: key 00 01 … 0f, input 00 01 … .
  const SipHash hash{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  const char input[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  EXPECT_EQ(hash({std::string_view{input, 15}}), 0xa129ca6149be45e5U);
  EXPECT_EQ(hash({std::string_view{input, 0}}), 0x726fdb47dd0e0e31U);
}

TEST(SipHash, tells_parts_from_their_concatenation) {
  const SipHash hash{1, 2};
  EXPECT_NE(hash({"ab", "c"}), hash({"a", "bc"}));
  EXPECT_NE(hash({"a"}), hash({"a", ""}));
  EXPECT_NE(hash({"a"}), (SipHash{1, 3}({"a"})));
}

}  // namespace
}  // namespace ringhold
