#include "auth/answering.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ringhold::auth {
namespace {

class Answering : public ::testing::Test {
 protected:
  static std::string response(const std::string& challenges, int status = 407) {
    return "SIP/2.0 " + std::to_string(status) + " X\r\nVia: SIP/2.0/UDP 10.77.0.5;branch=z9hG4bK1\r\n" + challenges + "\r\n";
  }
  bool take(const std::string& challenges) { return known_.take(*sip::Message::parse(response(challenges)), hasher_); }
  std::string credentials() { return known_.credentials({"alice", "secret"}, {"INVITE", "sip:bob@example.test", "c"}, hasher_); }
  static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

  Hasher hasher_;
  KnownChallenges known_;
};

constexpr const char* first = "Proxy-Authenticate: Digest realm=\"a\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"\r\n";

TEST_F(Answering, each_use_of_a_nonce_is_counted_RFC7616) {
  EXPECT_EQ(credentials(), "");
  ASSERT_TRUE(take(first));
  EXPECT_TRUE(has(credentials(), "nc=00000001"));
  const std::string second = credentials();
  EXPECT_TRUE(has(second, "nc=00000002"));
  EXPECT_TRUE(second.starts_with("Proxy-Authorization: Digest ")) << second;
  for (int i = 0; i < 14; ++i) credentials();
  EXPECT_TRUE(has(credentials(), "nc=00000011"));
}

TEST_F(Answering, a_new_nonce_takes_the_place_of_the_old_one_RFC7616) {
  take(first);
  credentials();
  take("Proxy-Authenticate: Digest realm=\"a\", nonce=\"n2\", algorithm=SHA-256, qop=\"auth\", stale=true\r\n");
  const std::string lines = credentials();
  EXPECT_TRUE(has(lines, "nonce=\"n2\"") && has(lines, "nc=00000001")) << lines;
  EXPECT_FALSE(has(lines, "n1"));
}

TEST_F(Answering, realms_are_answered_side_by_side_and_only_some_RFC3261_22_3) {
  take(first);
  take("WWW-Authenticate: Digest realm=\"b\", nonce=\"m\"\r\n");
  const std::string lines = credentials();
  EXPECT_TRUE(has(lines, "Proxy-Authorization: ") && has(lines, "\r\nAuthorization: ")) << lines;
  for (int i = 0; i < 100; ++i) take("WWW-Authenticate: Digest realm=\"r" + std::to_string(i) + "\", nonce=\"m\"\r\n");
  const std::string last = credentials();
  EXPECT_EQ(std::ranges::count(last, '\n'), static_cast<std::ptrdiff_t>(KnownChallenges::most));
  EXPECT_TRUE(has(last, "\"r99\"")) << "the oldest are forgotten";
}

TEST_F(Answering, what_cannot_be_answered_is_not_taken) {
  EXPECT_FALSE(take("Proxy-Authenticate: Digest realm=\"a\", nonce=\"n\", algorithm=OTHER\r\n"));
  EXPECT_FALSE(take("Proxy-Authenticate: Digest realm=\"a\", nonce=\"n\", qop=\"auth-int\"\r\n"));
  EXPECT_FALSE(take(""));
  EXPECT_FALSE(is_stale(*sip::Message::parse(response(first))));
  EXPECT_TRUE(is_stale(*sip::Message::parse(response("WWW-Authenticate: Digest realm=\"a\", nonce=\"n\", stale=TRUE\r\n", 401))));
}

}  // namespace
}  // namespace ringhold::auth
