#include "app/surroundings.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringhold::app {

namespace {
const std::string head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
}

TEST(Surroundings, the_default_interface_is_that_of_the_default_route_DIS_02) {
  EXPECT_EQ(parse_default_interface(head + "eth1\t000A4D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
                                           "eth0\t00000000\t010A4D0A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"),
            "eth0");
}

TEST(Surroundings, of_several_default_routes_the_one_with_the_smallest_metric_counts) {
  EXPECT_EQ(parse_default_interface(head + "wlan0\t00000000\t010A4D0A\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
                                           "eth0\t00000000\t010A4D0A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                                           "eth1\t00000000\t010A4D0A\t0003\t0\t0\t200\t00000000\t0\t0\t0\n"
                                           "wlan0\t00000000\t010A4D0A\t0003\t0\t0\t150\t00000000\t0\t0\t0\n"),
            "eth0");
}

TEST(Surroundings, there_may_be_no_default_route) {
  EXPECT_EQ(parse_default_interface(""), "");
  EXPECT_EQ(parse_default_interface(head), "");
  EXPECT_EQ(parse_default_interface(head + "eth0\t00000000\t010A4D0A\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"), "") << "it is down";
  EXPECT_EQ(parse_default_interface(head + "eth0\t00000000\t010A4D0A\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n"), "") << "0.0.0.0/8";
  EXPECT_EQ(parse_default_interface(head + "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"), "") << "unreachable";
  EXPECT_EQ(parse_default_interface(head + "eth0\t00000000\n"), "");
}

TEST(Surroundings, interfaces_that_are_no_Ethernet_have_no_hardware_address) {
  const auto found = look_around();
  const auto loopback = std::ranges::find(found.interfaces, "lo", &Surroundings::Interface::name);
  if (loopback == found.interfaces.end()) GTEST_SKIP() << "this machine has no loopback";
  EXPECT_EQ(loopback->hardware, (std::array<std::uint8_t, 6>{}));
}

}  // namespace ringhold::app
