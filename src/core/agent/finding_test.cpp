#include "agent/agent_bench.hpp"

namespace ringhold::agent {
namespace {

using FindingServers = AgentBench;

TEST_F(FindingServers, srv_records_give_the_order_the_survivable_one_last_T2) {
  start(usual());
  pass(2s);
  EXPECT_EQ(server(), c1);
  const auto servers = agent_->report(now_).accounts.at(0).servers;
  ASSERT_EQ(servers.size(), 3U);
  EXPECT_EQ(servers[1].endpoint.text(), c2);
  EXPECT_EQ(servers[2].endpoint.text(), box);
}

TEST_F(FindingServers, addresses_that_came_along_are_not_asked_for_DIS18) {
  start(usual());
  pass(2s);
  EXPECT_EQ(std::ranges::count_if(queries_, [](const std::string& one) { return one.starts_with("A sip"); }), 0);
  queries_.clear();
  additional_ = false;
  start(usual());
  pass(2s);
  EXPECT_EQ(std::ranges::count(queries_, "A ringhold.example.test"), 1);
  EXPECT_EQ(server(), c1);
}

TEST_F(FindingServers, all_dead_servers_are_tried_in_order_DIS23) {
  for (int central = 1; central <= 5; ++central) {
    zone_.clear();
    hosts_ = {{"ringhold.example.test", "10.77.0.2"}};
    std::string expected;
    for (int i = 1; i <= central; ++i) {
      const std::string host = "sip" + std::to_string(i) + ".example.test";
      zone_.push_back({static_cast<std::uint16_t>(i), 0, host});
      hosts_[host] = "10.78.0.1" + std::to_string(i);
      refuses("10.78.0.1" + std::to_string(i) + ":5060");
      expected += "1" + std::to_string(i) + " ";
    }
    zone_.push_back({100, 0, "ringhold.example.test"});
    clear();
    start(usual());
    pass(3s);
    EXPECT_EQ(way(), expected + "2");
    EXPECT_EQ(server(), box);
  }
}

TEST_F(FindingServers, when_the_ttl_is_over_dns_is_asked_before_the_refresh_DIS22) {
  ttl_ = 20;
  start(usual());
  pass(2s);
  for (int cycle = 0; cycle < 3; ++cycle) {
    clear();
    ASSERT_TRUE(pass_until([&] { return !registers().empty(); }, 60s));
    EXPECT_EQ(std::ranges::count(queries_, "SRV _sip._udp.example.test"), 1) << "first the question, then the refresh";
    pass(1s);
  }
}

TEST_F(FindingServers, a_long_ttl_is_kept_to_DIS22) {
  ttl_ = 300;
  start(usual());
  pass(2s);
  clear();
  pass(4min);
  EXPECT_GE(registers().size(), 4U);
  EXPECT_EQ(std::ranges::count(queries_, "SRV _sip._udp.example.test"), 0) << "no query before the fifth cycle";
  pass(2min);
  EXPECT_GE(std::ranges::count(queries_, "SRV _sip._udp.example.test"), 1);
}

TEST_F(FindingServers, a_name_that_is_not_known_is_a_failure_SWI03) {
  rcode_ = dns::Rcode::nx_domain;
  start(usual());
  pass(1s);
  EXPECT_TRUE(registers().empty());
  EXPECT_EQ(state(), switching::State::waiting);
  EXPECT_EQ(agent_->report(now_).accounts.at(0).last.why, Why::unresolved);
  EXPECT_EQ(std::ranges::count(notes_, "agent_servers_unknown"), 1);
  rcode_ = dns::Rcode::no_error;
  pass(10min);
  EXPECT_EQ(server(), c1) << "it never gives up";
}

TEST_F(FindingServers, a_server_failure_of_dns_is_one_too_SWI03) {
  rcode_ = dns::Rcode::serv_fail;
  start(usual());
  pass(1s);
  EXPECT_EQ(state(), switching::State::waiting);
}

TEST_F(FindingServers, without_dns_the_servers_of_before_serve) {
  ttl_ = 20;
  start(usual());
  pass(2s);
  dns_dead_ = true;
  clear();
  pass(10min);
  EXPECT_EQ(server(), c1);
  Instant last = registers().front().at;
  for (const Sent& sent : registers()) {
    EXPECT_LT(sent.at - last, 60s);
    last = sent.at;
  }
  refuses(c1);
  pass(2min);
  EXPECT_EQ(server(), c2);
}

TEST_F(FindingServers, from_a_server_that_dns_names_no_more_it_moves_first_DIS22) {
  ttl_ = 20;
  start(usual());
  pass(2s);
  hosts_["sip1.example.test"] = "10.78.0.13";
  clear();
  pass(2min);
  EXPECT_EQ(server(), "10.78.0.13:5060");
  ASSERT_EQ(registers(c1).size(), 1U);
  EXPECT_TRUE(registers(c1)[0].removes()) << "it lives still, and is told";
  EXPECT_GT(registers(c1)[0].at, registers("10.78.0.13:5060")[0].at);
}

TEST_F(FindingServers, the_survivable_one_first_in_an_outage_is_not_for_good_X22) {
  ttl_ = 30;
  start(usual());
  pass(2s);
  // The box has seen that the centre is gone, and puts itself first (D7).
  zone_ = {{1, 0, "ringhold.example.test"}, {10, 60, "sip1.example.test"}, {20, 40, "sip2.example.test"}};
  dies(c1), dies(c2);
  ASSERT_TRUE(pass_until([&] { return server() == box; }, 90s));
  pass(5min);
  ASSERT_EQ(server(), box);
  zone_ = {{10, 60, "sip1.example.test"}, {20, 40, "sip2.example.test"}, {21, 0, "ringhold.example.test"}};
  lives(c1), lives(c2);
  const Instant up = now_;
  ASSERT_TRUE(pass_until([&] { return server() == c1; }, 150s));
  EXPECT_LE(now_ - up, 90s);
}

TEST_F(FindingServers, accounts_spread_by_weight_RFC2782) {
  zone_ = {{10, 75, "sip1.example.test"}, {10, 25, "sip2.example.test"}};
  Settings settings = usual();
  settings.accounts.clear();
  for (int i = 0; i < 2'000; ++i) settings.accounts.push_back({"sip:u" + std::to_string(i) + "@example.test", "u", "p"});
  start(settings);
  pass(25s);
  const auto report = agent_->report(now_);
  const auto first =
      std::ranges::count_if(report.accounts, [](const AccountReport& one) { return one.server && one.server->endpoint.text() == c1; });
  EXPECT_NEAR(static_cast<double>(first), 1'500, 80) << "four standard deviations";
}

class FindingByDhcp : public AgentBench {
 protected:
  static Settings by_dhcp() {
    Settings settings = usual();
    settings.discovery.domain = settings.discovery.nameserver = true;
    settings.discovery.interface.hardware = dhcp::our_hardware;
    settings.discovery.interface.address = dhcp::our_address;
    return settings;
  }
  static std::string names(std::initializer_list<std::string_view> all) {
    std::string data(1, '\0');
    for (const std::string_view name : all) data += dhcp::labels(name);
    return dhcp::option_of(120, data);
  }
  static std::string address(std::string_view text) {
    const auto parsed = *Address::parse(text);
    return {reinterpret_cast<const char*>(parsed.bytes().data()), 4};
  }
};

TEST_F(FindingByDhcp, a_domain_leads_to_srv_queries_at_the_given_server_DIS02_DIS03) {
  Settings settings = by_dhcp();
  settings.domain.clear();
  settings.nameservers.clear();
  dhcp_options_ = names({"example.test"}) + dhcp::option_of(6, address("10.77.0.2"));
  start(settings);
  pass(2s);
  EXPECT_EQ(server(), c1);
  EXPECT_EQ(dhcp_questions_, 1U);
  EXPECT_GE(std::ranges::count(queries_, "SRV _sip._udp.example.test"), 1);
}

TEST_F(FindingByDhcp, addresses_are_registered_at_in_order_DIS02_X32) {
  dhcp_options_ = dhcp::option_of(120, "\x01" + address("10.78.0.11") + address("10.78.0.12"));
  refuses(c1);
  start(by_dhcp());
  pass(2s);
  EXPECT_EQ(way(), "11 12");
  EXPECT_TRUE(queries_.empty()) << "no SRV, and so no survivable registrar";
  EXPECT_EQ(std::ranges::count(notes_, "dhcp_sip_addresses"), 1) << "which is said";
}

TEST_F(FindingByDhcp, without_an_answer_the_configuration_serves_T1) {
  start(by_dhcp());
  pass(5s);
  EXPECT_EQ(server(), "");
  pass(5s);
  EXPECT_EQ(server(), c1);
  pass(30min);
  EXPECT_GE(dhcp_questions_, 20U) << "it goes on asking";
}

TEST_F(FindingByDhcp, without_answer_and_configuration_it_waits_for_one_T1) {
  Settings settings = by_dhcp();
  settings.domain.clear();
  start(settings);
  pass(1h);
  EXPECT_EQ(server(), "");
  dhcp_options_ = names({"example.test"});
  pass(70s);
  EXPECT_EQ(server(), c1);
}

TEST_F(FindingByDhcp, several_names_are_tried_in_order_RFC3361) {
  dhcp_options_ = names({"other.test", "example.test"});
  start(by_dhcp());
  pass(8s);
  EXPECT_EQ(server(), c1) << "the first has no servers";
  const auto first = std::ranges::find_if(queries_, [](const std::string& one) { return one.ends_with("_udp.other.test"); });
  EXPECT_NE(first, queries_.end());
}

TEST_F(FindingByDhcp, a_change_is_followed_without_a_gap_SWI18) {
  dhcp_options_ = dhcp::option_of(120, "\x01" + address("10.78.0.11"));
  start(by_dhcp());
  pass(2s);
  ASSERT_EQ(server(), c1);
  dhcp_options_ = dhcp::option_of(120, "\x01" + address("10.78.0.12"));
  clear();
  pass(11min);
  EXPECT_EQ(server(), c2);
  EXPECT_TRUE(registers(c1).back().removes());
  EXPECT_GE(registers(c1).back().at, registers(c2).front().at);
}

TEST_F(FindingByDhcp, a_broken_option_is_refused_and_the_configuration_serves_DIS02) {
  dhcp_options_ = dhcp::option_of(120, "\x07rubbish") + dhcp::option_of(6, "abc");
  start(by_dhcp());
  pass(8s);
  EXPECT_EQ(server(), c1);
  EXPECT_GE(std::ranges::count(notes_, "dhcp_refused"), 1);
}

TEST_F(FindingServers, who_knows_no_server_asks_dns_when_the_wait_is_over) {
  Settings settings = usual();
  settings.switching.retry_all = 10s;
  dns_dead_ = true;
  start(settings);
  pass(7s);
  dns_dead_ = false;
  pass(12s);
  EXPECT_EQ(server(), c1);
  EXPECT_EQ(way(), "11") << "nothing goes to an address that nobody gave";
}

TEST_F(FindingServers, an_answer_to_one_account_does_not_make_the_list_of_another_one_new_X22) {
  ttl_ = 40;
  Settings settings = usual();
  settings.accounts.push_back({"sip:bob@example.test", "bob", "secret"});
  zone_ = {{1, 0, "sip2.example.test"}};
  start(settings);
  pass(30s);
  ASSERT_EQ(registers(c2).size(), 2U);
  // Both are refreshed at times of their own, and c2 dies when one of them has asked.
  zone_ = {{1, 0, "sip1.example.test"}, {2, 0, "sip2.example.test"}};
  clear();
  ASSERT_TRUE(pass_until([&] { return !registers(c2).empty(); }, 60s));
  refuses(c2);
  pass(40s);
  for (const AccountReport& one : agent_->report(now_).accounts) EXPECT_EQ(one.server ? one.server->endpoint.text() : "", c1);
}

TEST_F(FindingServers, dns_that_was_silent_once_is_asked_again_X23) {
  ttl_ = 20;
  has_soa_ = true;
  start(usual());
  pass(2s);
  dns_dead_ = true;
  pass(2min);
  EXPECT_EQ(server(), c1) << "what was known serves meanwhile";
  dns_dead_ = false;
  zone_ = {{1, 0, "sip2.example.test"}, {2, 0, "sip1.example.test"}};
  pass(3min);
  EXPECT_EQ(server(), c2);
}

TEST_F(FindingServers, before_a_return_the_order_is_read_again_DIS22_X22) {
  ttl_ = 20;
  Settings settings = usual();
  settings.expires = 3600s;
  refuses(c1);
  start(settings);
  pass(1min);
  ASSERT_EQ(server(), c2);
  zone_ = {{1, 0, "sip2.example.test"}, {2, 0, "sip1.example.test"}};
  clear();
  lives(c1);
  pass(5min);
  EXPECT_EQ(server(), c2);
  EXPECT_TRUE(registers(c1).empty());
}

}  // namespace
}  // namespace ringhold::agent
