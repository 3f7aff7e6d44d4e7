#include "resolver/srv_order.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

namespace ringhold::resolver {
namespace {

struct Server {
  std::uint16_t priority;
  std::uint16_t weight;
  char name;
};

constexpr int draws = 10'000;

/// How often each order came.
std::map<std::string, int> orders(const std::vector<Server>& servers) {
  SeededRandom random{2782};
  std::map<std::string, int> counts;
  for (int i = 0; i < draws; ++i) {
    std::vector<Server> drawn = servers;
    order_srv(std::span{drawn}, random);
    std::string order;
    for (const Server& server : drawn) order.push_back(server.name);
    ++counts[order];
  }
  return counts;
}

TEST(SrvOrder, the_lowest_priority_comes_first_always_DIS08) {
  EXPECT_EQ(orders({{21, 0, 'S'}, {20, 10, 'B'}, {10, 1, 'A'}}), (std::map<std::string, int>{{"ABS", draws}}));
  EXPECT_EQ(orders({{1, 0, 'S'}, {0, 0, 'A'}}), (std::map<std::string, int>{{"AS", draws}}));
}

TEST(SrvOrder, weight_zero_is_seldom_first_among_equals_DIS08) {
  auto counts = orders({{65535, 0, 'S'}, {65535, 50, 'A'}});
  // RFC 2782: a number from 0 to 50, and 0 means S: one in 51, 196 of 10 000.
  EXPECT_GT(counts["SA"], 140);
  EXPECT_LT(counts["SA"], 260);
  EXPECT_EQ(counts["SA"] + counts["AS"], draws);
}

TEST(SrvOrder, is_drawn_by_weight_RFC2782) {
  auto counts = orders({{1, 20, 'A'}, {1, 60, 'B'}, {1, 20, 'C'}, {2, 99, 'D'}});
  int first_b = 0;
  for (const auto& [order, count] : counts) {
    EXPECT_EQ(order.back(), 'D');
    if (order.front() == 'B') first_b += count;
  }
  EXPECT_NEAR(first_b, 6000, 200);
  // With B gone, A and C share the second place evenly.
  EXPECT_NEAR(counts["BACD"], 3000, 200);
  EXPECT_NEAR(counts["BCAD"], 3000, 200);
  EXPECT_EQ(counts.size(), 6U);
}

TEST(SrvOrder, equals_without_weights_keep_their_order) {
  EXPECT_EQ(orders({{1, 0, 'A'}, {1, 0, 'B'}}), (std::map<std::string, int>{{"AB", draws}}));
}

TEST(SrvOrder, takes_none_one_and_the_greatest_weights) {
  EXPECT_EQ(orders({}), (std::map<std::string, int>{{"", draws}}));
  EXPECT_EQ(orders({{65535, 65535, 'A'}}), (std::map<std::string, int>{{"A", draws}}));
  auto counts = orders({{0, 65535, 'A'}, {0, 65535, 'B'}});
  EXPECT_NEAR(counts["AB"], draws / 2, 250);
}

}  // namespace
}  // namespace ringhold::resolver
