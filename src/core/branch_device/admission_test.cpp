#include "branch_device/admission.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ringhold::branch_device {
namespace {

using Verdict = Admission::Verdict;
using Source = Admission::Source;

const Instant start = from_unix_ms(1'700'000'000'000);

struct Stage {
  explicit Stage(const Admission::Settings& settings) : admission{settings} {}
  Verdict ask(std::string_view from, Instant now, Source source = Source::branch, std::string_view user_agent = "phone") {
    const std::string bytes = "REGISTER sip:example.test SIP/2.0\r\nUser-Agent: " + std::string{user_agent} + "\r\n\r\n";
    return admission.ask(*sip::Message::parse(bytes), *Address::parse(from), source, now);
  }
  Admission admission;
};

TEST(Admission, serves_a_storm_of_5000_phones_in_10_s_R7) {
  Stage stage{{}};
  for (int i = 0; i < 5'000; ++i)
    ASSERT_EQ(stage.ask("10.77." + std::to_string(i / 250) + "." + std::to_string(i % 250), start + i * 2ms), Verdict::serve);
}

TEST(Admission, refuses_past_the_rate_and_serves_again_R7) {
  Stage stage{{.rate = 100, .rate_per_source = 1'000}};
  for (int i = 0; i < 100; ++i) ASSERT_EQ(stage.ask("10.77.0.11", start), Verdict::serve);
  EXPECT_EQ(stage.ask("10.77.0.11", start), Verdict::refuse);
  EXPECT_EQ(stage.ask("10.77.0.11", start + 10ms), Verdict::serve);
  EXPECT_EQ(stage.ask("10.77.0.11", start + 10ms), Verdict::refuse);
  EXPECT_EQ(stage.ask("10.77.0.11", start + 2s), Verdict::serve);
}

TEST(Admission, spreads_the_retry_R7) {
  SeededRandom random{1};
  std::set<std::uint32_t> drawn;
  for (int i = 0; i < 1'000; ++i) drawn.insert(Admission::retry_after(random));
  EXPECT_EQ(*drawn.begin(), 5U);
  EXPECT_EQ(*drawn.rbegin(), 30U);
  EXPECT_EQ(drawn.size(), 26U);
}

TEST(Admission, drops_what_one_source_sends_past_its_rate_X2) {
  Stage stage{{.rate = 1'000, .rate_per_source = 10}};
  for (int i = 0; i < 10; ++i) ASSERT_EQ(stage.ask("10.77.0.66", start), Verdict::serve);
  EXPECT_EQ(stage.ask("10.77.0.66", start), Verdict::drop);
  EXPECT_EQ(stage.ask("10.77.0.11", start), Verdict::serve) << "the others do not suffer";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(stage.ask("10.78.0.11", start, Source::central), Verdict::serve);
}

TEST(Admission, drops_scanners_by_their_name_X2) {
  Stage stage{{}};
  EXPECT_EQ(stage.ask("10.77.0.66", start, Source::branch, "Friendly-Scanner 1.0"), Verdict::drop);
  EXPECT_EQ(stage.ask("10.77.0.66", start, Source::branch, "sipcli/v1.8"), Verdict::drop);
  EXPECT_EQ(stage.ask("10.77.0.66", start, Source::branch, "Yealink SIP-T46U"), Verdict::serve);
  EXPECT_EQ(stage.ask("10.77.0.66", start, Source::branch, ""), Verdict::serve);
}

TEST(Admission, remembers_a_bounded_number_of_sources_X1) {
  Stage stage{{.rate = 0, .rate_per_source = 10}};
  const auto address = [](std::size_t i) {
    return "10." + std::to_string(i / 65'536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256);
  };
  for (std::size_t i = 0; i < Admission::most_sources + 100; ++i) EXPECT_EQ(stage.ask(address(i), start), Verdict::serve);
  EXPECT_EQ(stage.admission.sources(), Admission::most_sources);
  EXPECT_EQ(stage.ask("10.99.0.1", start + 2s), Verdict::serve);
  EXPECT_EQ(stage.admission.sources(), 1U) << "idle ones were forgotten";
}

}  // namespace
}  // namespace ringhold::branch_device
