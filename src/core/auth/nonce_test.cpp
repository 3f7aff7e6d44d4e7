#include "auth/nonce.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringhold::auth {
namespace {

using Taken = NonceCounts::Taken;
const KeyedHash hash{{1, 2}};
constexpr Instant noon = from_unix_ms(1'795'213'741'042);

std::string text(const Nonces::Written& written) { return {written.data(), written.size()}; }

}  // namespace

TEST(Nonces, carry_their_time_and_are_never_two_alike_R3) {
  Nonces nonces{hash, 7};
  const std::string first = text(nonces.issue(noon));
  const std::string second = text(nonces.issue(noon));
  EXPECT_NE(first, second);
  ASSERT_TRUE(nonces.read(first));
  EXPECT_EQ(nonces.read(first)->issued_ms, to_unix_ms(noon));
  EXPECT_EQ(nonces.read(second)->serial, 8U);
}

TEST(Nonces, outlive_a_restart_with_the_same_key_only_R3) {
  const std::string nonce = text(Nonces{hash, 7}.issue(noon));
  EXPECT_TRUE((Nonces{hash, 1000}.read(nonce)));
  EXPECT_FALSE((Nonces{KeyedHash{{1, 3}}, 7}.read(nonce)));
}

TEST(Nonces, cannot_be_altered_R3) {
  Nonces nonces{hash, 7};
  const std::string nonce = text(nonces.issue(noon));
  for (std::size_t i = 0; i < nonce.size(); ++i) {
    std::string altered = nonce;
    altered[i] = altered[i] == '0' ? '1' : '0';
    EXPECT_FALSE(nonces.read(altered)) << i;
  }
  EXPECT_FALSE(nonces.read(""));
  EXPECT_FALSE(nonces.read(nonce + "0"));
}

TEST(NonceCounts, take_each_count_once_and_in_order_RFC7616_5_5) {
  NonceCounts counts{16};
  const Nonce nonce{1000, 3};
  EXPECT_EQ(counts.take(nonce, 1, 100, noon), Taken::fresh);
  EXPECT_EQ(counts.take(nonce, 2, 200, noon), Taken::fresh);
  EXPECT_EQ(counts.take(nonce, 1, 100, noon), Taken::replayed);
  EXPECT_EQ(counts.take(nonce, 2, 201, noon), Taken::replayed) << "another request with the same count";
  EXPECT_EQ(counts.take(nonce, 9, 900, noon), Taken::fresh) << "requests in between may have been lost";
}

TEST(NonceCounts, let_a_retransmission_pass_as_long_as_one_can_come_RFC3261_17_1_2_2) {
  NonceCounts counts{16};
  const Nonce nonce{1000, 3};
  counts.take(nonce, 1, 100, noon);
  EXPECT_EQ(counts.take(nonce, 1, 100, noon + 31s), Taken::retransmission);
  EXPECT_EQ(counts.take(nonce, 1, 100, noon + 33s), Taken::replayed);
}

TEST(NonceCounts, forget_an_earlier_nonce_at_their_bound_and_never_take_it_again_X1) {
  NonceCounts counts{4};
  EXPECT_EQ(counts.take({1000, 3}, 1, 100, noon), Taken::fresh);
  EXPECT_EQ(counts.take({1001, 7}, 1, 100, noon), Taken::fresh) << "same place";
  EXPECT_EQ(counts.take({1000, 3}, 2, 200, noon), Taken::replayed);
  EXPECT_EQ(counts.take({1001, 7}, 2, 200, noon), Taken::fresh);
}

}  // namespace ringhold::auth
