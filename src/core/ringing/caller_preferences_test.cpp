#include "ringing/caller_preferences.hpp"

#include <gtest/gtest.h>

#include "ringing/feature_set.hpp"

namespace ringhold::ringing {

namespace {

/// What the preferences in these header lines say to a contact with these parameters; -1: it is dropped.
int score(const std::string& lines, std::string_view contact) {
  const std::string text = "INVITE sip:a@b SIP/2.0\r\n" + lines + "\r\n";
  const auto request = *sip::Message::parse(text);
  const auto found = CallerPreferences{request}.score(sip::Parameters{contact});
  return found ? static_cast<int>(*found) : -1;
}
Forking forking(const std::string& lines) {
  const std::string text = "INVITE sip:a@b SIP/2.0\r\n" + lines + "\r\n";
  return CallerPreferences{*sip::Message::parse(text)}.forking();
}

constexpr std::string_view mobile = R"(;mobility="mobile";methods="INVITE,BYE,OPTIONS";video)";
constexpr std::string_view desk = R"(;mobility="fixed";methods="INVITE")";
constexpr int dropped = -1;

}  // namespace

TEST(CallerPreferences, require_drops_who_says_otherwise_RNG18) {
  const std::string wants_mobile = "Accept-Contact: *;mobility=\"mobile\";require\r\n";
  EXPECT_EQ(score(wants_mobile, mobile), 1000);
  EXPECT_EQ(score(wants_mobile, desk), dropped);
  EXPECT_EQ(score(wants_mobile, ";video"), 0) << "it does not say, so it may be mobile";
  EXPECT_EQ(score("Accept-Contact: *;mobility=\"mobile\"\r\n", desk), 0) << "without require it comes last";
  EXPECT_EQ(score("a: *;mobility=mobile;require\r\n", desk), dropped) << "the compact form";
}

TEST(CallerPreferences, explicit_wants_to_see_the_tag_itself_RNG18) {
  EXPECT_EQ(score("Accept-Contact: *;video;require;explicit\r\n", mobile), 1000);
  EXPECT_EQ(score("Accept-Contact: *;video;require;explicit\r\n", desk), dropped);
  EXPECT_EQ(score("Accept-Contact: *;video;require\r\n", desk), 0);
  EXPECT_EQ(score("Accept-Contact: *;video;methods=INVITE\r\n", desk), 500);
  EXPECT_EQ(score("Accept-Contact: *;video;methods=INVITE;explicit\r\n", desk), 0);
}

TEST(CallerPreferences, who_has_no_feature_tags_is_immune_RNG18) {
  for (const char* lines : {"Accept-Contact: *;video;require;explicit\r\n", "Reject-Contact: *;automata\r\n"}) {
    EXPECT_EQ(score(lines, ""), 1000) << lines;
    EXPECT_EQ(score(lines, ";terminal-type=0;reg-id=1"), 1000) << lines;
  }
  EXPECT_EQ(score("Accept-Contact: *;video;require;explicit\r\n", ";+sip.instance=\"<urn:uuid:1>\""), dropped);
}

TEST(CallerPreferences, reject_drops_who_says_all_of_it_RNG18) {
  EXPECT_EQ(score("Reject-Contact: *;automata\r\n", ";automata"), dropped);
  EXPECT_EQ(score("Reject-Contact: *;automata\r\n", ";automata=\"FALSE\""), 1000);
  EXPECT_EQ(score("Reject-Contact: *;automata\r\n", mobile), 1000) << "it does not say";
  EXPECT_EQ(score("Reject-Contact: *;mobility=mobile;automata\r\n", mobile), 1000);
  EXPECT_EQ(score("j: *;mobility=mobile;video\r\n", mobile), dropped);
  EXPECT_EQ(score("Reject-Contact: *;actor=principal, *;video\r\n", mobile), dropped) << "any of several";
  EXPECT_EQ(score("Accept-Contact: *;video\r\nReject-Contact: *;methods=\"OPTIONS\"\r\n", mobile), dropped);
}

TEST(CallerPreferences, several_are_averaged_over_those_that_match_RNG18) {
  EXPECT_EQ(score("Accept-Contact: *;video, *;mobility=mobile;audio\r\n", mobile), 750);
  EXPECT_EQ(score("Accept-Contact: *;video\r\nAccept-Contact: *;mobility=fixed\r\n", mobile), 1000) << "one does not match";
  EXPECT_EQ(score("Accept-Contact: *;mobility=fixed;require, *;video\r\n", mobile), dropped);
}

TEST(CallerPreferences, what_is_malformed_is_left_out_RNG18) {
  for (const char* lines : {"Accept-Contact: \r\n", "Accept-Contact: mobility=mobile;require\r\n", "Accept-Contact: *\r\n",
                            "Accept-Contact: *;require;explicit\r\n", "Accept-Contact: *;mobility=\"mobile;require\r\n",
                            "Accept-Contact: **;mobility=mobile;require\r\n", "Accept-Contact: *;colour=red;require\r\n",
                            "Reject-Contact: *\r\n", "Request-Disposition: \r\n"})
    EXPECT_EQ(score(lines, desk), 1000) << lines;
  EXPECT_EQ(score("Accept-Contact: x, *;mobility=mobile;require\r\n", desk), dropped) << "the other one stands";
  std::string many = "Accept-Contact: *;video";
  for (int i = 0; i < 1'000; ++i) many += ",*;video";
  EXPECT_EQ(score(many + ",*;mobility=mobile;require\r\n", desk), 0) << "nobody means so many";
}

TEST(CallerPreferences, values_are_lists_ranges_and_their_opposites_RNG18) {
  const auto common = [](std::string_view a, std::string_view b) {
    EXPECT_EQ(have_common_value(a, b), have_common_value(b, a)) << a << " " << b;
    return have_common_value(a, b);
  };
  EXPECT_TRUE(common("INVITE,BYE", "options , invite"));
  EXPECT_FALSE(common("INVITE", "BYE"));
  EXPECT_TRUE(common("", "TRUE"));
  EXPECT_FALSE(common("", "FALSE"));
  EXPECT_TRUE(common("!mobile", "fixed"));
  EXPECT_FALSE(common("!mobile", "mobile"));
  EXPECT_TRUE(common("!a", "!b"));
  EXPECT_TRUE(common("#>=5", "#1:5"));
  EXPECT_FALSE(common("#>=5.5", "#<=5"));
  EXPECT_TRUE(common("#=5", "#=+5.0"));
  EXPECT_FALSE(common("!#1:10", "#2:3"));
  EXPECT_TRUE(common("!#1:10", "#2:13"));
  EXPECT_TRUE(common("<A, b>", "x,<A, b>"));
  EXPECT_FALSE(common("<A>", "<a>")) << "texts are as they are";
  EXPECT_TRUE(common("#x", "#1:2")) << "what cannot be read may be anything";
  EXPECT_TRUE(common("!", "a"));
  EXPECT_TRUE(is_feature_tag("Mobility"));
  EXPECT_TRUE(is_feature_tag("extensions"));
  EXPECT_TRUE(is_feature_tag("+sip.instance"));
  EXPECT_FALSE(is_feature_tag("expires"));
  EXPECT_EQ(canonical_tag("+sip.mobility"), "mobility");
  EXPECT_EQ(canonical_tag("+sip.instance"), "+sip.instance");
}

TEST(CallerPreferences, of_request_disposition_only_forking_counts_RNG18) {
  EXPECT_EQ(forking(""), Forking::unsaid);
  EXPECT_EQ(forking("Request-Disposition: proxy, recurse, SEQUENTIAL, no-cancel, queue\r\n"), Forking::sequential);
  EXPECT_EQ(forking("d: parallel\r\n"), Forking::parallel);
  EXPECT_EQ(forking("Request-Disposition: sequential\r\nRequest-Disposition: parallel, no-fork\r\n"), Forking::none);
  EXPECT_EQ(forking("Request-Disposition: fork, redirect, colour\r\n"), Forking::unsaid);
}

}  // namespace ringhold::ringing
