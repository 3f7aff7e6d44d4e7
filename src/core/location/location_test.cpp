#include <gtest/gtest.h>

#include <map>

#include "base/random.hpp"
#include "location/device.hpp"
#include "location/journal.hpp"
#include "location/location_service.hpp"

namespace ringhold::location {
namespace {

constexpr Instant start = from_unix_ms(1'790'000'000'000);

/// A registration with the texts that it views.
struct Given {
  Text aor, contact;
  Registration registration;
  operator const Registration&() {
    registration.aor = aor;
    registration.contact = contact;
    return registration;
  }
};

Given binding(const Text& user = "alice", Duration lifetime = 60s) {
  Given one{"sip:" + user + "@example.test", "sip:" + user + "@10.77.0.11:5062;transport=tcp", {}};
  one.registration.parameters = ";+sip.instance=\"<urn:uuid:1>\"";
  one.registration.call_id = "c";
  one.registration.cseq = 4;
  one.registration.expires_at = start + lifetime;
  one.registration.registered_at = start;
  one.registration.transport = Transport::tcp;
  one.registration.flow = FlowId{7};
  one.registration.local = *Endpoint::parse("10.77.0.2:5060", Port{});
  one.registration.source = *Endpoint::parse("10.77.0.11:40000", Port{});
  one.registration.user_agent = "Phone";
  return one;
}

Change row_of(const Registration& registration) {
  Outbox outbox;
  LocationService location{1};
  location.add(registration, outbox);
  return outbox.changes().at(0);
}

TEST(LocationService, finds_a_binding_until_it_expires_R1) {
  Outbox outbox;
  LocationService location{10};
  ASSERT_TRUE(location.add(binding(), outbox));
  EXPECT_EQ(location.find("sip:alice@example.test", start + 59s).size(), 1U);
  EXPECT_TRUE(location.find("sip:alice@example.test", start + 60s).empty());  // also when the timer is late
  location.expire(start + 61s, outbox);
  EXPECT_EQ(location.size(), 0U);
  EXPECT_TRUE(outbox.changes().back().columns.empty());
}

TEST(LocationService, follows_a_deadline_that_moved_either_way_R1) {
  Outbox outbox;
  LocationService location{10};
  location.add(binding("alice", 3600s), outbox);
  const BindingId id = location.ids("sip:alice@example.test", start).at(0);
  location.update(id, binding("alice", 30s), outbox);
  location.update(id, binding("alice", 90s), outbox);
  location.expire(start + 31s, outbox);
  EXPECT_EQ(location.size(), 1U);
  location.expire(start + 91s, outbox);
  EXPECT_EQ(location.size(), 0U);
}

TEST(LocationService, finds_whose_contact_a_request_names_C1) {
  Outbox outbox;
  LocationService location{10};
  location.add(binding(), outbox);
  const auto alice = *sip::Uri::parse("sip:alice@10.77.0.11:5062;ob");
  ASSERT_NE(location.find_contact(alice, start), nullptr);
  EXPECT_EQ(location.find_contact(*sip::Uri::parse("sip:bob@10.77.0.11:5062"), start), nullptr);
  location.flow_closed(FlowId{7}, outbox);
  EXPECT_FALSE(location.find_contact(alice, start)->flow);
}

TEST(LocationService, finds_a_browser_by_a_name_that_nobody_can_look_up_RFC7118) {
  Outbox outbox;
  LocationService location{10};
  auto browser = binding();
  browser.contact = "sip:q7@df7jal23ls0d.invalid;transport=ws";
  browser.registration.transport = Transport::wss;
  location.add(browser, outbox);
  const auto* found = location.find_contact(*sip::Uri::parse("sip:q7@DF7JAL23ls0d.invalid;transport=ws;ob"), start);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->transport(), Transport::wss);
  EXPECT_EQ(location.find_contact(*sip::Uri::parse("sip:q7@other.invalid;transport=ws"), start), nullptr);
}

TEST(LocationService, says_when_it_is_full_X1) {
  Outbox outbox;
  LocationService location{1};
  EXPECT_TRUE(location.add(binding("alice"), outbox));
  EXPECT_FALSE(location.add(binding("bob"), outbox));
}

TEST(LocationService, a_late_sweep_does_not_erase_the_row_of_a_new_binding_R6) {
  Outbox outbox;
  LocationService location{10};
  location.add(binding(), outbox);
  Given again = binding("alice", 180s);
  again.registration.registered_at = start + 60s;
  ASSERT_TRUE(location.add(again, outbox));  // the first has expired, but its timer has not come yet
  location.expire(start + 61s, outbox);
  EXPECT_EQ(location.size(), 1U);
  EXPECT_EQ(location.find("sip:alice@example.test", start + 61s).size(), 1U);
  EXPECT_FALSE(outbox.changes().back().columns.empty());  // what is on disk is the live one
}

TEST(LocationService, a_full_table_takes_a_contact_again_X1) {
  Outbox outbox;
  LocationService location{1};
  ASSERT_TRUE(location.add(binding(), outbox));
  EXPECT_TRUE(location.add(binding("alice", 180s), outbox));
  EXPECT_EQ(location.size(), 1U);
}

TEST(LocationService, follows_a_device_to_its_new_connection_C1) {
  Outbox outbox;
  LocationService location{10};
  location.add(binding(), outbox);
  const BindingId id = location.ids("sip:alice@example.test", start).at(0);
  Given moved = binding();
  moved.registration.flow = FlowId{9};
  location.update(id, moved, outbox);
  location.flow_closed(FlowId{7}, outbox);
  EXPECT_EQ(location.get(id)->flow, FlowId{9});
  location.flow_closed(FlowId{9}, outbox);
  EXPECT_FALSE(location.get(id)->flow);
}

TEST(LocationService, rings_the_preferred_then_the_latest_first_C2) {
  Outbox outbox;
  LocationService location{10};
  const auto add = [&](const Text& host, std::uint16_t q, Duration since) {
    Given one = binding();
    one.contact = "sip:alice@" + host;
    one.registration.q = q;
    one.registration.registered_at = start + since;
    location.add(one, outbox);
  };
  add("10.77.0.21", 500, 2s);
  add("10.77.0.22", 1000, 0s);
  add("10.77.0.23", 1000, 1s);
  const auto found = location.find("sip:alice@example.test", start + 3s);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0]->contact(), "sip:alice@10.77.0.23");
  EXPECT_EQ(found[1]->contact(), "sip:alice@10.77.0.22");
  EXPECT_EQ(found[2]->contact(), "sip:alice@10.77.0.21");
}

TEST(LocationService, takes_back_what_lives_and_erases_what_expired_R6) {
  Outbox outbox;
  LocationService location{10};
  location.restore({Table::binding, row_of(binding("alice", 60s)).columns.unpacked()}, start + 30s, outbox);
  location.restore({Table::binding, row_of(binding("bob", 20s)).columns.unpacked()}, start + 30s, outbox);
  ASSERT_EQ(location.size(), 1U);
  EXPECT_EQ(location.find("sip:alice@example.test", start + 30s).size(), 1U);
  ASSERT_EQ(outbox.changes().size(), 1U);
  EXPECT_EQ(outbox.changes()[0].key, "sip:bob@example.test sip:bob@10.77.0.11:5062;transport=tcp");
  EXPECT_TRUE(outbox.changes()[0].columns.empty());
  location.expire(start + 61s, outbox);  // its timer was set again
  EXPECT_EQ(location.size(), 0U);
}

TEST(LocationService, agrees_with_a_plain_list_whatever_happens_R1) {
  struct Row {
    Text aor, contact;
    FlowId flow;
    Instant expires_at;
    Reach reach;
  };
  SeededRandom random{11};
  Outbox outbox;
  LocationService location{60};
  std::map<Text, Row> model;  // by AOR and contact
  Instant now = start;
  for (int round = 0; round < 20'000; ++round) {
    const Text user = "u" + std::to_string(random.below(12));
    Given given = binding(user, 1s * (1 + random.below(60)));
    given.contact = "sip:" + (random.below(4) == 0 ? Text{"same"} : user) + "@10.77.0." + std::to_string(random.below(5));
    Registration& registration = given.registration;
    registration.flow = FlowId{random.below(4)};
    registration.expires_at = now + 1s * (1 + random.below(60));
    registration.reach = random.below(3) == 0 ? Reach::flow : Reach::contact;
    registration.user_agent = random.below(2) == 0 ? "A" : "B";
    const Row row{given.aor, given.contact, registration.flow, registration.expires_at, registration.reach};
    const Text key = row.aor + " " + row.contact;
    const auto live = location.ids(given.aor, now);
    const auto same = std::ranges::find_if(live, [&](BindingId id) { return location.get(id)->contact() == given.contact; });
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
      case 3:
        if (same != live.end())
          location.update(*same, given, outbox);
        else if (!location.add(given, outbox))
          break;
        model[key] = row;
        break;
      case 4:
        if (same != live.end()) location.remove(*same, Happened::unregistered, outbox);
        if (same != live.end()) model.erase(key);
        break;
      case 5:
        if (!registration.flow) break;
        location.flow_closed(registration.flow, outbox);
        std::erase_if(model, [&](auto& one) { return one.second.flow == registration.flow && one.second.reach == Reach::flow; });
        for (auto& [name, one] : model)
          if (one.flow == registration.flow) one.flow = {};
        break;
      case 6: now += 1s * random.below(3); break;
      case 7: location.expire(now, outbox); break;
    }
    outbox.clear();
    std::erase_if(model, [&](const auto& one) { return one.second.expires_at <= now; });
    for (int u = 0; u < 12; ++u) {
      const Text aor = "sip:u" + std::to_string(u) + "@example.test";
      const auto found = location.find(aor, now);
      ASSERT_EQ(found.size(), static_cast<std::size_t>(std::ranges::count_if(model, [&](auto& one) { return one.second.aor == aor; })));
      for (const Binding* one : found) {
        const auto expected = model.find(aor + " " + Text{one->contact()});
        ASSERT_NE(expected, model.end()) << round;
        ASSERT_EQ(one->flow, expected->second.flow) << round;
        ASSERT_EQ(one->expires_at, expected->second.expires_at);
      }
    }
    const bool any = std::ranges::any_of(model, [](auto& one) { return one.second.contact == "sip:same@10.77.0.1"; });
    const Binding* found = location.find_contact(*sip::Uri::parse("sip:same@10.77.0.1"), now);
    ASSERT_EQ(found != nullptr, any) << round;
  }
}

TEST(LocationService, keeps_a_contact_in_400_bytes_R7) {
  EXPECT_LE(sizeof(Binding), 176U);  // texts, tables and the wheel take about 210 more: location_bench
}

TEST(Journal, a_row_gives_the_binding_back_R6) {
  Given given = binding();
  given.registration.parameters = ";+sip.instance=\"<urn:uuid:1>\";reg-id=2";
  given.registration.reg_id = 2;
  given.registration.reach = Reach::flow;
  const Registration& before = given;
  const Row row{Table::binding, row_of(before).columns.unpacked()};
  ASSERT_EQ(row.columns.size(), binding_columns);
  const auto after = from_row(row);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->aor, before.aor);
  EXPECT_EQ(after->contact, before.contact);
  EXPECT_EQ(after->parameters, before.parameters);
  EXPECT_EQ(after->call_id, before.call_id);
  EXPECT_EQ(after->cseq, before.cseq);
  EXPECT_EQ(after->expires_at, before.expires_at);
  EXPECT_EQ(after->source, before.source);
  EXPECT_EQ(after->reg_id, 2U);
  EXPECT_EQ(after->reach, Reach::flow);
  EXPECT_FALSE(after->flow);
}

TEST(Journal, a_damaged_row_costs_itself_only_R6) {
  auto columns = row_of(binding()).columns.unpacked();
  for (std::size_t i = 1; i < columns.size(); ++i) {
    auto damaged = columns;
    if (std::holds_alternative<Text>(damaged[i]))
      damaged[i] = std::int64_t{-1};
    else
      damaged[i] = Text{"x"};
    EXPECT_FALSE(from_row({Table::binding, damaged})) << i;
  }
  columns.pop_back();
  EXPECT_FALSE(from_row({Table::binding, columns}));
}

TEST(Device, is_its_instance_else_what_can_be_seen_R2) {
  const Address address = *Address::parse("10.77.0.11");
  const auto differ = [](const DeviceTraits& a, const DeviceTraits& b) {
    EXPECT_EQ(a == b, device_key(a) == device_key(b));
    return !(a == b);
  };
  EXPECT_FALSE(differ({"a", "<urn:1>", 0, "u", address, "X"}, {"a", "<urn:1>", 0, "v", *Address::parse("10.0.0.1"), "Y"}));
  EXPECT_TRUE(differ({"a", "<urn:1>", 0, "u", address, "X"}, {"b", "<urn:1>", 0, "u", address, "X"}));  // field notes: pjsua
  EXPECT_TRUE(differ({"a", "<urn:1>", 1, "u", address, "X"}, {"a", "<urn:1>", 2, "u", address, "X"}));
  EXPECT_TRUE(differ({"a", "", 0, "u", address, "X"}, {"a", "", 0, "u", address, "Y"}));
  Outbox outbox;
  LocationService location{1};
  location.add(binding(), outbox);
  EXPECT_EQ(traits_of(*location.find("sip:alice@example.test", start).at(0)).instance, "<urn:uuid:1>");
}

}  // namespace
}  // namespace ringhold::location
