#include <gtest/gtest.h>

#include <map>

#include "base/address.hpp"
#include "base/machine.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/slab.hpp"
#include "base/timer_wheel.hpp"

namespace ringhold {
namespace {

TEST(TimerWheel, gives_every_key_once_and_never_early) {
  SeededRandom random{7};
  TimerWheel<int> wheel;
  Instant now = from_unix_ms(1'700'000'000'000);
  std::map<int, Instant> deadlines;
  int key = 0;
  for (int round = 0; round < 3000; ++round) {
    const Instant deadline = now + random.between(0ms, round % 7 == 0 ? Duration{40h} : Duration{70s});
    deadlines[key] = deadline;
    wheel.add(deadline, key++);
    now += random.between(0ms, 400ms);
    wheel.expire(now, [&](int due) {
      ASSERT_TRUE(deadlines.contains(due));
      EXPECT_LE(deadlines[due], now);
      deadlines.erase(due);
    });
    for (const auto& [k, at] : deadlines) EXPECT_GT(at, now - 2ms) << k;
    const auto next = wheel.next();
    for (const auto& [k, at] : deadlines) EXPECT_LE(next.value_or(now), at + 1ms) << k;
  }
  now += 400h;
  wheel.expire(now, [&](int due) { deadlines.erase(due); });
  EXPECT_TRUE(deadlines.empty());
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_FALSE(wheel.next());
}

TEST(TimerWheel, takes_a_deadline_before_the_first_one_added) {
  TimerWheel<int> wheel;
  const Instant now = from_unix_ms(1'700'000'000'000);
  wheel.add(now + 1h, 1);
  wheel.add(now + 1s, 2);
  std::vector<int> due;
  wheel.expire(now + 2s, [&](int key) { due.push_back(key); });
  EXPECT_EQ(due, std::vector<int>{2});
}

TEST(Slab, stale_id_finds_nothing) {
  Slab<int> slab{1};
  const auto first = slab.insert(5);
  EXPECT_FALSE(slab.insert(6));
  slab.erase(first);
  const auto second = slab.insert(7);
  EXPECT_EQ(slab.find(first), nullptr);
  EXPECT_EQ(*slab.find(second), 7);
}

TEST(Address, parses_and_prints_both_families) {
  EXPECT_EQ(Endpoint::parse("10.77.0.2:5060", Port{1})->text(), "10.77.0.2:5060");
  EXPECT_EQ(Endpoint::parse("[2001:db8::2]:53", Port{1})->text(), "[2001:db8::2]:53");
  EXPECT_EQ(Endpoint::parse("10.78.0.1", Port{53})->text(), "10.78.0.1:53");
  EXPECT_EQ(Address::parse("::ffff:10.0.0.1"), Address::parse("10.0.0.1"));
  for (const char* bad : {"", "host", "1.2.3", "10.0.0.1:99999", "[10.0.0.1]:5", "2001:db8::2:x"})
    EXPECT_FALSE(Endpoint::parse(bad, Port{1})) << bad;
}

TEST(Network, contains_only_its_own) {
  const auto network = *Network::parse("10.77.0.0/23");
  EXPECT_TRUE(network.contains(*Address::parse("10.77.1.255")));
  EXPECT_FALSE(network.contains(*Address::parse("10.77.2.0")));
  EXPECT_FALSE(network.contains(*Address::parse("::1")));
  EXPECT_FALSE(Network::parse("10.77.0.0/33"));
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains(*Address::parse("255.1.1.1")));
}

TEST(Outbox, keeps_bytes_and_facts_until_cleared) {
  Outbox outbox;
  outbox.send({}, "hello");
  outbox.note({"binding_added", {{"aor", Text{"sip:a@b"}}, {"expires", 60}}});
  EXPECT_EQ(outbox.message(outbox.sends()[0]), "hello");
  EXPECT_EQ(outbox.text(outbox.fields(outbox.notes()[0])[0]), "sip:a@b");
  EXPECT_EQ(outbox.fields(outbox.notes()[0])[1].number, 60);
  outbox.clear();
  EXPECT_TRUE(outbox.empty());
}

}  // namespace
}  // namespace ringhold
