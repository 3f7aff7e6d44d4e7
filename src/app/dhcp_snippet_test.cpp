#include "app/dhcp_snippet.hpp"

#include <gtest/gtest.h>

namespace ringhold::app {

namespace {
const std::vector<Endpoint> dns{*Endpoint::parse("10.77.0.2", Port{53}), *Endpoint::parse("127.0.0.1", Port{53}),
                                *Endpoint::parse("10.77.0.3:5353", Port{53})};
}  // namespace

TEST(DhcpSnippet, writes_the_domain_as_RFC3361_wants_it_D12) { EXPECT_EQ(option_120("example.com"), "00076578616d706c6503636f6d00"); }

TEST(DhcpSnippet, knows_three_servers_D12) {
  EXPECT_EQ(dhcp_lines("dnsmasq", "a.bc", dns),
            (std::vector<std::string>{"dhcp-option=option:dns-server,10.77.0.2", "dhcp-option=120,00:01:61:02:62:63:00"}));
  EXPECT_EQ(dhcp_lines("kea", "a.bc", dns)->back(), R"({ "code": 120, "space": "dhcp4", "csv-format": false, "data": "00016102626300" })");
  EXPECT_EQ(dhcp_lines("isc", "a.bc", dns)->back(), "option sip-servers 00:01:61:02:62:63:00;");
  EXPECT_FALSE(dhcp_lines("windows", "a.bc", dns));
}

TEST(DhcpSnippet, does_not_hand_out_what_phones_cannot_use_D12) {
  EXPECT_FALSE(dhcp_lines("dnsmasq", "a.bc", {*Endpoint::parse("127.0.0.1:5353", Port{53})}));
}

}  // namespace ringhold::app
