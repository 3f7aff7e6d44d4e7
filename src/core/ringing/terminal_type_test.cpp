#include "ringing/terminal_type.hpp"

#include <gtest/gtest.h>

namespace ringhold::ringing {

TEST(TerminalType, a_star_stands_for_any_characters_RNG09) {
  EXPECT_TRUE(fits("Yealink*", "yealink SIP-T46U"));
  EXPECT_TRUE(fits("*Android*", "LinphoneAndroid/5.1"));
  EXPECT_TRUE(fits("a*b*c", "a-b-b-c"));
  EXPECT_TRUE(fits("*", ""));
  EXPECT_TRUE(fits("", ""));
  EXPECT_FALSE(fits("", "x"));
  EXPECT_FALSE(fits("Yealink", "Yealink T46"));
  EXPECT_FALSE(fits("a*b*c", "a-c-b"));
  EXPECT_FALSE(fits("*iOS", "iOS 17"));
}

TEST(TerminalType, many_stars_take_no_time) {
  const std::string stars = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
  EXPECT_FALSE(fits(stars, std::string(2000, 'a')));
}

TEST(TerminalType, what_a_phone_says_of_itself_goes_before_its_user_agent_RNG09) {
  const TerminalTypes types{usual_types()};
  const auto found = [&](std::string_view parameters, std::string_view user_agent) {
    const auto [type, source] = types.classify(sip::Parameters{parameters}, user_agent);
    return std::string{type->name} + " " + std::string{name(source)};
  };
  EXPECT_EQ(found("", "snom D785/10"), "ip-phone user-agent");
  EXPECT_EQ(found("", "MicroSIP/3.21"), "pc-client user-agent");
  EXPECT_EQ(found(";mobility=\"mobile\"", "snom"), "mobile-client feature-tag");
  EXPECT_EQ(found(";+sip.mobility=\"MOBILE\"", "snom"), "mobile-client feature-tag");
  EXPECT_EQ(found(";mobility=\"fixed\"", "snom"), "ip-phone user-agent");
  EXPECT_EQ(found(";terminal-type=1;mobility=\"mobile\"", "snom"), "pc-client contact-parameter");
  EXPECT_EQ(found(";terminal-type=mobile-client", "snom"), "mobile-client contact-parameter");
  EXPECT_EQ(found(";terminal-type=fax", "snom"), "ip-phone user-agent");
  EXPECT_EQ(found("", ""), "ip-phone otherwise");
  EXPECT_EQ(TerminalTypes{{}}.classify(sip::Parameters{""}, "snom").type, nullptr);
}

}  // namespace ringhold::ringing
