#include <gtest/gtest.h>

#include "location/device.hpp"
#include "location/journal.hpp"
#include "location/location_service.hpp"

namespace ringhold::location {
namespace {

constexpr Instant start = from_unix_ms(1'790'000'000'000);

Binding binding(const Text& user = "alice", Duration lifetime = 60s) {
  Binding one;
  one.aor = "sip:" + user + "@example.test";
  one.contact = "sip:" + user + "@10.77.0.11:5062;transport=tcp";
  one.device = one.aor + " phone";
  one.call_id = "c";
  one.cseq = 4;
  one.expires_at = start + lifetime;
  one.registered_at = start;
  one.transport = Transport::tcp;
  one.flow = FlowId{7};
  one.local = *Endpoint::parse("10.77.0.2:5060", Port{});
  one.source = *Endpoint::parse("10.77.0.11:40000", Port{});
  one.user_agent = "Phone";
  return one;
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
  location.get(id)->expires_at = start + 30s;
  location.touched(id, outbox);
  location.get(id)->expires_at = start + 90s;
  location.touched(id, outbox);
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
  location.flow_closed(FlowId{7});
  EXPECT_FALSE(location.find_contact(alice, start)->flow);
}

TEST(LocationService, finds_a_browser_by_a_name_that_nobody_can_look_up_RFC7118) {
  Outbox outbox;
  LocationService location{10};
  auto browser = binding();
  browser.contact = "sip:q7@df7jal23ls0d.invalid;transport=ws";
  browser.transport = Transport::wss;
  location.add(browser, outbox);
  const auto* found = location.find_contact(*sip::Uri::parse("sip:q7@DF7JAL23ls0d.invalid;transport=ws;ob"), start);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->transport, Transport::wss);
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
  Binding again = binding("alice", 180s);
  again.registered_at = start + 60s;
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
  location.get(id)->flow = FlowId{9};
  location.touched(id, outbox);
  location.flow_closed(FlowId{7});
  EXPECT_EQ(location.get(id)->flow, FlowId{9});
  location.flow_closed(FlowId{9});
  EXPECT_FALSE(location.get(id)->flow);
}

TEST(LocationService, rings_the_preferred_then_the_latest_first_C2) {
  Outbox outbox;
  LocationService location{10};
  const auto add = [&](const Text& host, std::uint16_t q, Duration since) {
    Binding one = binding();
    one.contact = "sip:alice@" + host;
    one.q = q;
    one.registered_at = start + since;
    location.add(one, outbox);
  };
  add("10.77.0.21", 500, 2s);
  add("10.77.0.22", 1000, 0s);
  add("10.77.0.23", 1000, 1s);
  const auto found = location.find("sip:alice@example.test", start + 3s);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0]->contact, "sip:alice@10.77.0.23");
  EXPECT_EQ(found[1]->contact, "sip:alice@10.77.0.22");
  EXPECT_EQ(found[2]->contact, "sip:alice@10.77.0.21");
}

TEST(LocationService, takes_back_what_lives_and_erases_what_expired_R6) {
  Outbox outbox;
  LocationService location{10};
  location.restore({Table::binding, put(binding("alice", 60s)).columns}, start + 30s, outbox);
  location.restore({Table::binding, put(binding("bob", 20s)).columns}, start + 30s, outbox);
  ASSERT_EQ(location.size(), 1U);
  EXPECT_EQ(location.find("sip:alice@example.test", start + 30s).size(), 1U);
  ASSERT_EQ(outbox.changes().size(), 1U);
  EXPECT_EQ(outbox.changes()[0].key, binding_id(binding("bob")));
  EXPECT_TRUE(outbox.changes()[0].columns.empty());
  location.expire(start + 61s, outbox);  // its timer was set again
  EXPECT_EQ(location.size(), 0U);
}

TEST(Journal, a_row_gives_the_binding_back_R6) {
  const Binding before = binding();
  const Change change = put(before);
  ASSERT_EQ(change.columns.size(), binding_columns);
  const auto after = from_row({Table::binding, change.columns});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->contact, before.contact);
  EXPECT_EQ(after->call_id, before.call_id);
  EXPECT_EQ(after->cseq, before.cseq);
  EXPECT_EQ(after->expires_at, before.expires_at);
  EXPECT_EQ(after->source, before.source);
  EXPECT_EQ(after->device, before.device);
  EXPECT_FALSE(after->flow);
}

TEST(Journal, a_damaged_row_costs_itself_only_R6) {
  auto columns = put(binding()).columns;
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
  EXPECT_EQ(device_key({"a", "<urn:1>", {}, "u", address, "X"}), device_key({"a", "<urn:1>", {}, "v", *Address::parse("10.0.0.1"), "Y"}));
  EXPECT_NE(device_key({"a", "<urn:1>", {}, "u", address, "X"}),
            device_key({"b", "<urn:1>", {}, "u", address, "X"}));  // field notes: pjsua
  EXPECT_NE(device_key({"a", "<urn:1>", 1, "u", address, "X"}), device_key({"a", "<urn:1>", 2, "u", address, "X"}));
  EXPECT_NE(device_key({"a", "", {}, "u", address, "X"}), device_key({"a", "", {}, "u", address, "Y"}));
}

}  // namespace
}  // namespace ringhold::location
