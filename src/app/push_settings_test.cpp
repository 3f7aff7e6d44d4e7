#include "app/push_settings.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/settings_file.hpp"

namespace ringhold::app {

namespace {

const std::string begin = "[branch]\ndomain = \"example.test\"\n[push]\n";

branch_device::Settings::Push good(std::string_view text, const std::string& path = "r.toml") {
  auto read = parse_settings(begin + std::string{text}, path, {});
  EXPECT_TRUE(read) << read.error().front().text();
  return read ? read->branch.push : branch_device::Settings::Push{};
}

std::string first_error(std::string_view text) {
  const auto read = parse_settings(begin + std::string{text}, "r.toml", {});
  return read ? "" : read.error().front().text();
}

}  // namespace

TEST(PushSettings, has_defaults_for_all) {
  const auto push = good("");
  EXPECT_EQ(push.delivery.strategy, delivery::Strategy::one_by_one);
  EXPECT_EQ(push.delivery.attempt, 10s);
  EXPECT_EQ(push.delivery.store_for, 24h * 7);
  EXPECT_EQ(push.delivery.store_messages, 10'000U);
  EXPECT_EQ(push.delivery.store_bytes, 64U << 20U);
  EXPECT_EQ(push.recursion, branch_device::Recursion::pass_up);
  EXPECT_TRUE(push.from.empty() && push.senders.empty() && push.trusted.empty() && push.allowed.empty() && push.users.empty());
}

TEST(PushSettings, reads_every_key_P2_P6_P8) {
  const auto push = good(R"(strategy = "all-at-once"
attempt = "5s"
store_for = "0s"
store_messages = 7
store_size = 2
from = "sip:news@example.test"
senders = ["alice", "8002", "*", "10.77.0.9", "10.78.0.0/24"]
allowed = ["203.0.113.5", "192.0.2.0/24", "Push.Example.NET."]
events = ["X-Push"]
unsolicited = ["snom*"]
recurse = true
[[push.user]]
name = "8002"
order = ["pc-client", "ip-phone"]
addresses = ["sip:8002@10.77.0.12:5062", "sip:second@example.test"]
[[push.user]]
name = "alice"
)");
  EXPECT_EQ(push.delivery.strategy, delivery::Strategy::all_at_once);
  EXPECT_EQ(push.delivery.attempt, 5s);
  EXPECT_EQ(push.delivery.store_for, 0s);
  EXPECT_EQ(push.delivery.store_messages, 7U);
  EXPECT_EQ(push.delivery.store_bytes, 2U << 20U);
  EXPECT_EQ(push.from, "sip:news@example.test");
  EXPECT_EQ(push.senders, (std::vector<Text>{"alice", "8002", "*"}));
  EXPECT_EQ(push.trusted, (std::vector{*Network::parse("10.77.0.9"), *Network::parse("10.78.0.0/24")}));
  EXPECT_EQ(push.allowed, (std::vector{*Network::parse("203.0.113.5"), *Network::parse("192.0.2.0/24")}));
  EXPECT_EQ(push.allowed_hosts, std::vector<Text>{"push.example.net"});
  EXPECT_EQ(push.events, std::vector<Text>{"x-push"});
  EXPECT_EQ(push.unsolicited, std::vector<Text>{"snom*"});
  EXPECT_EQ(push.recursion, branch_device::Recursion::follow);
  ASSERT_EQ(push.users.size(), 2U);
  EXPECT_EQ(push.users[0].name, "8002");
  EXPECT_EQ(push.users[0].order, (std::vector<Text>{"pc-client", "ip-phone"}));
  EXPECT_EQ(push.users[0].addresses.size(), 2U);
}

TEST(PushSettings, names_line_key_and_what_was_expected) {
  EXPECT_EQ(first_error("strategy = \"random\"\n"), "r.toml:4: push.strategy: \"random\": expected \"one-by-one\" or \"all-at-once\"");
  EXPECT_EQ(first_error("attempt = \"31s\"\n"),
            "r.toml:4: push.attempt: expected a duration from \"1s\" to \"30s\", with a unit: ms, s, m, h or d");
  EXPECT_EQ(first_error("store_for = \"366d\"\n"),
            "r.toml:4: push.store_for: expected a duration from \"0d\" to \"365d\", with a unit: ms, s, m, h or d");
  EXPECT_EQ(first_error("store_size = 0\n"), "r.toml:4: push.store_size: expected a whole number from 1 to 4096");
  EXPECT_EQ(first_error("from = \"alice\"\n"), "r.toml:4: push.from: \"alice\": expected a SIP URI, such as \"sip:news@example.com\"");
  EXPECT_EQ(first_error("senders = [\n\"alice@example.test\"]\n"),
            "r.toml:5: push.senders: \"alice@example.test\": expected a user, that is the part before @ in his address, \"*\", or an "
            "address or a network");
  for (const char* wrong : {"10.0.0.300", "a b", "sip:x@y"})
    EXPECT_EQ(first_error("allowed = [\"" + std::string{wrong} + "\"]\n"),
              "r.toml:4: push.allowed: \"" + std::string{wrong} + "\": expected an address, a network or a host name");
  EXPECT_EQ(first_error("events = [\"reg\"]\n"),
            "r.toml:4: push.events: \"reg\": expected an event package other than \"reg\", such as \"x-push\"");
  EXPECT_EQ(first_error("unsolicited = [\"\"]\n"), "r.toml:4: push.unsolicited: expected a pattern for User-Agents, such as \"snom*\"");
  EXPECT_EQ(first_error("recurse = 1\n"), "r.toml:4: push.recurse: expected true or false");
  EXPECT_EQ(first_error("strateggy = \"one-by-one\"\n"), "r.toml:4: push.strateggy: unknown key: did you mean \"strategy\"?");
}

TEST(PushSettings, names_the_types_that_an_order_may_have) {
  EXPECT_EQ(first_error("[[push.user]]\nname = \"8002\"\norder = [\"desk\"]\n"),
            "r.toml:6: push.user.order: \"desk\": expected a type of terminal: \"ip-phone\", \"pc-client\", \"mobile-client\"");
  EXPECT_EQ(first_error("[[push.user]]\nname = \"8002\"\norder = [\"ip-phone\"]\n[[ringing.type]]\nname = \"desk\"\n"),
            "r.toml:6: push.user.order: \"ip-phone\": expected a type of terminal: \"desk\"");
  EXPECT_EQ(first_error("[[push.user]]\nname = \"8002@example.test\"\n"),
            "r.toml:5: push.user.name: \"8002@example.test\": expected a user, that is the part before @ in his address");
  EXPECT_EQ(first_error("[[push.user]]\nname = \"8002\"\naddresses = [\"8003\"]\n"),
            "r.toml:6: push.user.addresses: \"8003\": expected a SIP URI, such as \"sip:8002@10.77.0.12\"");
  EXPECT_EQ(first_error("[[push.user]]\nname = \"8002\"\n[[push.user]]\nname = \"8002\"\n"),
            "r.toml:7: push.user.name: \"8002\": expected each user once");
}

TEST(PushSettings, reads_a_password_from_its_file) {
  std::string folder = (std::filesystem::temp_directory_path() / "ringhold-push-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream{folder + "/secret"} << "  pass word \nsecond line\n";
  std::ofstream{folder + "/empty"};
  const auto push = good("username = \"ringhold\"\npassword_file = \"secret\"\n", folder + "/r.toml");
  EXPECT_EQ(push.username, "ringhold");
  EXPECT_EQ(push.password, "pass word");
  const auto read = parse_settings(begin + "username = \"ringhold\"\npassword_file = \"empty\"\n", folder + "/r.toml", {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().front().expected, "expected a file whose first line is the password");
  std::filesystem::remove_all(folder);
  EXPECT_NE(first_error("username = \"ringhold\"\npassword_file = \"missing\"\n").find("missing: cannot be read"), std::string::npos);
  EXPECT_EQ(first_error("username = \"ringhold\"\n"), "r.toml:4: push.username: expected push.password_file beside it");
  EXPECT_EQ(first_error("password_file = \"x\"\n"), "r.toml:4: push.password_file: expected push.username beside it");
}

}  // namespace ringhold::app
