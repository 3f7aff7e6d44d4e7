#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "app/settings_file.hpp"
#include "app/toml_section.hpp"

namespace ringhold::app {
namespace {

const std::string path = ::testing::TempDir() + "ringhold_agent.toml";

Surroundings machine() {
  Surroundings machine;
  machine.interfaces = {
      {"lo", *Address::parse("127.0.0.1"), 8}, {"eth0", *Address::parse("10.77.0.5"), 24}, {"eth1", *Address::parse("10.99.0.5"), 24}};
  machine.resolvers = {*Endpoint::parse("10.99.0.2", Port{53})};
  return machine;
}

AgentConfiguration good(const std::string& text) {
  auto configuration = parse_agent_settings(text, path, machine());
  if (configuration) return *configuration;
  for (const SettingError& error : configuration.error()) ADD_FAILURE() << error.text();
  return {};
}
std::string error(const std::string& text) {
  const auto configuration = parse_agent_settings(text, path, machine());
  if (configuration) return "none";
  return configuration.error().front().text();
}

const std::string least = "[agent]\ndomain = \"example.test\"\naccounts = [{ aor = \"sip:Alice@Example.TEST\" }]\n";

TEST(AgentSettings, a_domain_and_an_account_are_enough_T1) {
  const auto agent = good(least);
  EXPECT_EQ(agent.mind.accounts.at(0).aor, "sip:Alice@example.test");
  EXPECT_EQ(agent.mind.accounts.at(0).username, "Alice");
  EXPECT_EQ(agent.mind.nameservers.at(0).text(), "10.99.0.2:53");
  EXPECT_EQ(agent.mind.uplinks.at(0).text(), "udp:10.99.0.5:0") << "of the network that the name server is in";
  EXPECT_EQ(agent.mind.expires, 300s);
  EXPECT_EQ(agent.mind.switching.heartbeat, 20s);
  EXPECT_FALSE(agent.listening.tls);
}

TEST(AgentSettings, all_keys_are_read_T14) {
  std::ofstream{::testing::TempDir() + "alice.password"} << "s3cret\nsecond line\n";
  const auto agent = good(
      "[agent]\naccounts = [{ aor = \"sip:alice@example.test\", username = \"al\", password_file = \"alice.password\", type = "
      "\"pc-client\" }]\n"
      "servers = [\"udp:10.77.0.2:5060\", \"tls:10.77.0.3\"]\nuplink = [\"udp:10.77.0.5:5066\", \"tcp:10.77.0.5:5066\"]\nexpires = "
      "\"60s\"\n"
      "store = \"sqlite:agent.db\"\n[agent.switch]\nheartbeat = \"5s\"\nretry_all = \"6s\"\nretry_single = \"7s\"\nreturn_after = "
      "\"8s\"\n");
  EXPECT_EQ(agent.mind.accounts.at(0).username, "al");
  EXPECT_EQ(agent.mind.accounts.at(0).password, "s3cret");
  EXPECT_EQ(agent.mind.accounts.at(0).type, "pc-client");
  EXPECT_EQ(agent.mind.servers.at(1).text(), "tls:10.77.0.3:5061");
  EXPECT_EQ(agent.mind.uplinks.at(2).text(), "tls:10.77.0.5:0") << "TLS leaves from a port of its own";
  EXPECT_EQ(agent.mind.uplinks.size(), 3U);
  for (const Target& one : agent.listening.sip) EXPECT_NE(one.transport, Transport::tls) << "where nobody listens";
  EXPECT_EQ(agent.store_path, ::testing::TempDir() + "agent.db");
  EXPECT_EQ(agent.mind.expires, 60s);
  EXPECT_EQ(agent.mind.switching.heartbeat, 5s);
  EXPECT_EQ(agent.mind.switching.retry_all, 6s);
  EXPECT_EQ(agent.mind.switching.retry_single, 7s);
  EXPECT_EQ(agent.mind.switching.return_after, 8s);
}

TEST(AgentSettings, connections_over_tls_leave_from_an_address_of_their_family_T3) {
  const auto agent =
      good(least + "servers = [\"tls:[2001:db8::11]:5061\"]\nuplink = [\"udp:10.77.0.5:5066\", \"tcp:[2001:db8::5]:5066\"]\n");
  ASSERT_EQ(agent.mind.uplinks.size(), 4U);
  EXPECT_EQ(agent.mind.uplinks.at(2).text(), "tls:10.77.0.5:0");
  EXPECT_EQ(agent.mind.uplinks.at(3).text(), "tls:[2001:db8::5]:0");
}

TEST(AgentSettings, in_the_branch_devices_file_the_domain_is_the_branchs) {
  const std::string branch = "[branch]\ndomain = \"example.test\"\n[dns]\nupstream = [\"10.78.0.1\"]\n[store]\nurl = \"memory:\"\n";
  const auto agent = good(branch + "[agent]\naccounts = [{ aor = \"sip:alice@example.test\" }]\n");
  EXPECT_EQ(agent.mind.domain, "example.test");
  EXPECT_NE(error(branch).find("agent"), std::string::npos) << "there is none";
  EXPECT_NE(error(branch + "[sip]\nlisten = [\"nonsense\"]\n[agent]\naccounts = [{ aor = \"sip:a@b.test\" }]\n").find("sip.listen"),
            std::string::npos)
      << "what stands beside it is looked at";
  EXPECT_TRUE(parse_settings(branch + "[agent]\naccounts = [{ aor = \"sip:alice@example.test\" }]\n", path, machine()).has_value());
  EXPECT_FALSE(parse_settings(branch + "[agent]\naccounts = [{ aor = \"alice\" }]\n", path, machine()).has_value())
      << "for serve as well: the file is wrong";
}

TEST(AgentSettings, phones_and_content_T14_T15_PSH02) {
  const auto usual = good(least);
  ASSERT_EQ(usual.mind.listen.size(), 2U);
  EXPECT_EQ(usual.mind.listen[0].text(), "udp:127.0.0.1:5080");
  EXPECT_TRUE(std::ranges::any_of(usual.mind.networks, [](const Network& one) { return one.contains(*Address::parse("10.77.0.9")); }));
  EXPECT_FALSE(usual.mind.push.has_handler);
  Surroundings named = machine();
  named.host_name = "agent.lan";
  EXPECT_EQ(parse_agent_settings(least, path, named)->mind.names, (std::vector<Text>{"localhost", "agent.lan"}));
  const auto agent =
      good(least +
           "listen = [\"udp:10.77.0.5:5080\"]\nnetworks = [\"10.77.1.0/24\"]\n[agent.push]\nsocket = \"push.sock\"\ntime_limit = \"5s\"\n"
           "redirect = [{ content_type = \"image/*\", larger_than = 1000, when = \"mon-fri 17:00-08:00\", status = 302, lasts = \"1h\", "
           "contacts = [\"sip:alice-pc@example.test\"] }]\n");
  EXPECT_EQ(agent.mind.listen.size(), 1U);
  ASSERT_EQ(agent.listening.sip.size(), 3U);
  EXPECT_EQ(agent.listening.sip_keys, (std::vector<std::string_view>{"agent.uplink", "agent.uplink", "agent.listen"}))
      << "so that a taken port is said to be in the right place";
  EXPECT_EQ(agent.mind.networks.at(0).text(), "10.77.1.0/24");
  EXPECT_TRUE(agent.mind.push.has_handler);
  EXPECT_EQ(agent.handler.socket, ::testing::TempDir() + "push.sock");
  EXPECT_EQ(agent.handler.time_limit, 5s);
  const agent::PushRule& rule = agent.mind.push.rules.at(0);
  EXPECT_EQ(rule.larger_than, 1000U);
  EXPECT_TRUE(rule.when);
  EXPECT_EQ(rule.lasts, 1h);
  EXPECT_EQ(rule.contacts.at(0), "sip:alice-pc@example.test");
}

TEST(AgentSettings, dhcp_wants_an_interface_DIS02) {
  const std::string by_dhcp = "[agent]\ndomain = \"dhcp\"\nnameserver = \"dhcp\"\naccounts = [{ aor = \"sip:alice@example.test\" }]\n";
  Surroundings wired = machine();
  wired.default_interface = "eth0";
  wired.interfaces[1].hardware = {2, 0, 0, 0, 0, 1};
  const auto agent = parse_agent_settings(by_dhcp, path, wired);
  ASSERT_TRUE(agent);
  EXPECT_TRUE(agent->mind.discovery.domain && agent->mind.discovery.nameserver);
  EXPECT_EQ(agent->listening.dhcp->name, "eth0");
  EXPECT_EQ(agent->mind.discovery.interface.address.text(), "10.77.0.5");
  EXPECT_EQ(agent->mind.uplinks.at(0).text(), "udp:10.77.0.5:0");
  EXPECT_NE(error(by_dhcp).find("agent.interface: there is no default route"), std::string::npos);
  EXPECT_NE(error(by_dhcp + "interface = \"lo\"\n").find("\"lo\": expected an Ethernet interface"), std::string::npos);
  EXPECT_NE(error(least + "interface = \"eth0\"\n").find("it is for DHCP"), std::string::npos);
}

TEST(AgentSettings, what_is_wrong_is_said_with_its_line) {
  EXPECT_NE(error("[agent]\ndomain = \"example.test\"\n").find("agent.accounts: expected at least one"), std::string::npos);
  EXPECT_NE(error("[agent]\naccounts = [{ aor = \"sip:alice@example.test\" }]\n").find("agent.domain: missing"), std::string::npos);
  EXPECT_NE(error("[agent]\ndomain = \"e.test\"\naccounts = [{ aor = \"alice\" }]\n").find(":3: agent.accounts.aor: \"alice\": expected"),
            std::string::npos);
  EXPECT_NE(error(least + "heartbeat = \"5s\"\n").find("unknown key"), std::string::npos);
  EXPECT_NE(error(least + "[agent.switch]\nheartbeat = 5\n").find("agent.switch.heartbeat"), std::string::npos);
  EXPECT_NE(error(least + "[agent.push]\nhandler = \"missing\"\n").find("agent.push.handler"), std::string::npos);
  EXPECT_NE(
      error(least + "[agent.push]\nredirect = [{ status = 404, contacts = [\"sip:a@b.test\"] }]\n").find("agent.push.redirect.contacts"),
      std::string::npos);
  EXPECT_NE(error(least + "[agent.push]\nredirect = [{ status = 401 }]\n").find("agent.push.redirect.status"), std::string::npos);
  EXPECT_NE(error(least + "[agent.push]\nredirect = [{ when = \"someday\" }]\n").find("agent.push.redirect.when"), std::string::npos);
  EXPECT_NE(error("[agent]\ndomain = \"e.test\"\naccounts = [{ aor = \"sip:a@e.test\" }, { aor = \"sip:a@e.test\" }]\n").find("twice"),
            std::string::npos);
  EXPECT_NE(error("[agent]\ndomain = \"e.test\"\naccounts = [{ aor = \"sip:a@e.test\", password_file = \"missing\" }]\n")
                .find("agent.accounts.password_file"),
            std::string::npos);
}

}  // namespace
}  // namespace ringhold::app
