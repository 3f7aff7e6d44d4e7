#include "registrar/test_bench.hpp"

// R2, R4, RST-01 to RST-12: whose contact it is, and whether its device was restarted.
namespace ringhold::registrar {
namespace {

TEST_F(Registering, changed_call_id_of_a_live_device_is_a_restart_RST05) {
  send({});
  EXPECT_EQ(send({.call_id = "boot-2", .branch = "n"}).status(), 200);
  EXPECT_FALSE(decision_.restarts.empty());
  EXPECT_EQ(noted("restart_detected"), 1U);
  EXPECT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->call_id(), "boot-2");
}

TEST_F(Registering, a_new_user_in_the_contact_at_the_same_socket_is_a_restart_RST05_R2) {
  send({.contact = "<sip:alice-0x55f4@10.77.0.11:5060>"});
  send({.contact = "<sip:alice-0x5603@10.77.0.11:5070>", .call_id = "boot-2", .branch = "n"});
  EXPECT_TRUE(decision_.restarts.empty()) << "another program there";
  send({.contact = "<sip:alice-0x7777@10.77.0.11:5060>", .call_id = "boot-3", .branch = "o"});
  ASSERT_EQ(decision_.restarts.size(), 1U);
  EXPECT_FALSE(decision_.restarts[0].other_contact);
  ASSERT_EQ(bindings().size(), 2U);
  for (const auto* binding : bindings()) EXPECT_NE(binding->contact(), "sip:alice-0x55f4@10.77.0.11:5060");
}

TEST_F(Registering, refreshes_are_no_restart_RST02) {
  for (int cseq = 1; cseq < 5; ++cseq) {
    send({.cseq = cseq, .branch = "r" + std::to_string(cseq)});
    EXPECT_TRUE(decision_.restarts.empty());
    now_ += 50s;
  }
}

TEST_F(Registering, a_cycle_ends_by_expiry_or_removal_RST06) {
  send({});
  now_ += 200s;
  location_.expire(now_, outbox_);
  send({.call_id = "boot-2", .branch = "n"});
  EXPECT_TRUE(decision_.restarts.empty());
  send({.call_id = "boot-2", .cseq = 2, .headers = "Expires: 0\r\n", .branch = "o"});
  send({.call_id = "boot-3", .branch = "p"});
  EXPECT_TRUE(decision_.restarts.empty());
}

TEST_F(Registering, other_devices_of_the_user_are_no_restart_RST07) {
  for (int round = 1; round < 100; ++round)
    for (int device = 1; device < 4; ++device) {
      const std::string number = std::to_string(device);
      send({.contact = "<sip:alice@10.77.0.1" + number + ":5060>",
            .call_id = "d" + number,
            .cseq = round,
            .branch = number + "-" + std::to_string(round),
            .source = "10.77.0.1" + number + ":5060"});
      ASSERT_TRUE(decision_.restarts.empty());
    }
  EXPECT_EQ(bindings().size(), 3U);
}

TEST_F(Registering, rebooted_device_replaces_its_old_contact_R2) {
  const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";
  send({.contact = "<sip:alice-a@10.77.0.11:40001>" + instance});
  send({.contact = "<sip:alice-b@10.77.0.11:40002>" + instance, .call_id = "boot-2", .branch = "n", .source = "10.77.0.11:40002"});
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->contact(), "sip:alice-b@10.77.0.11:40002");
}

TEST_F(Registering, drops_the_oldest_above_the_limit_R2) {
  for (int i = 1; i < 6; ++i) {
    const std::string address = "10.77.0.2" + std::to_string(i) + ":5060";
    send({.contact = "<sip:alice@" + address + ">", .call_id = address, .branch = address, .source = address});
    now_ += 1s;
  }
  EXPECT_EQ(bindings().size(), 3U);
  EXPECT_EQ(noted("binding_dropped"), 1U);
  EXPECT_EQ(bindings().back()->contact(), "sip:alice@10.77.0.23:5060");
}

TEST_F(Registering, a_restart_is_told_once_for_all_contacts_of_the_device_RST05) {
  const std::string both = "<sip:alice@10.77.0.11:5060>, <sip:alice@10.77.0.11:5060;transport=tcp>";
  send({.contact = both});
  ASSERT_EQ(bindings().size(), 2U);
  send({.contact = both, .call_id = "boot-2", .branch = "n"});
  EXPECT_FALSE(decision_.restarts.empty());
  EXPECT_EQ(noted("restart_detected"), 1U);
  EXPECT_EQ(noted("binding_added"), 0U);
  ASSERT_EQ(bindings().size(), 2U);
  for (const auto* binding : bindings()) {
    EXPECT_EQ(binding->call_id(), "boot-2");
    EXPECT_EQ(binding->registered_at, start);
  }
}

TEST_F(Registering, rebooted_device_leaves_none_of_its_old_contacts_R2) {
  send({.contact = "<sip:alice@10.77.0.11:5060>, <sip:alice@10.77.0.11:5060;transport=tcp>"});
  send({.contact = "<sip:alice@10.77.0.11:5070>", .call_id = "boot-2", .branch = "n"});
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->contact(), "sip:alice@10.77.0.11:5070");
  EXPECT_EQ(noted("binding_replaced"), 2U);
}

TEST_F(Registering, flows_of_one_instance_are_no_restart_RST07) {
  for (int round = 1; round < 4; ++round)
    for (const int flow : {1, 2}) {
      const std::string number = std::to_string(flow);
      std::string contact = "<sip:alice@10.77.0.11:4000";
      contact.append(number).append(">;+sip.instance=\"<urn:uuid:1>\";reg-id=").append(number);
      send({.contact = contact, .call_id = "flow-" + number, .cseq = round, .branch = std::to_string(10 * round + flow)});
      ASSERT_TRUE(decision_.restarts.empty());
    }
  EXPECT_EQ(bindings().size(), 2U);
}

TEST_F(Registering, says_good_bye_with_another_call_id_is_one_restart_RST12) {
  send({});
  send({.contact = "<sip:alice@10.77.0.12>", .call_id = "other", .branch = "o", .source = "10.77.0.12:5060", .user_agent = "Phone 2"});
  EXPECT_EQ(send({.contact = "*", .call_id = "boot-2", .headers = "Expires: 0\r\n", .branch = "s"}).status(), 200);
  EXPECT_FALSE(decision_.restarts.empty());
  EXPECT_EQ(noted("restart_detected"), 1U);  // not for the other phone of that user (RST-07)
  EXPECT_TRUE(bindings().empty());
  send({.call_id = "boot-2", .cseq = 2, .branch = "t"});
  EXPECT_TRUE(decision_.restarts.empty());
  send({.call_id = "boot-3", .headers = "Expires: 0\r\n", .branch = "u"});
  EXPECT_FALSE(decision_.restarts.empty());
  EXPECT_TRUE(decision_.removed);
}

TEST_F(Registering, good_bye_with_the_same_call_id_is_no_restart_RST12) {
  send({});
  send({.cseq = 2, .headers = "Expires: 0\r\n", .branch = "s"});
  EXPECT_TRUE(decision_.removed);
  EXPECT_TRUE(decision_.restarts.empty());
  send({.cseq = 3, .branch = "t"});
  send({.contact = "*", .cseq = 4, .headers = "Expires: 0\r\n", .branch = "u"});
  EXPECT_TRUE(decision_.restarts.empty());
}

TEST_F(Registering, tells_a_restart_from_another_address_RST11) {
  const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";
  send({.contact = "<sip:alice@10.77.0.11>" + instance});
  send({.contact = "<sip:alice@10.77.0.66>" + instance, .call_id = "forged", .branch = "f", .source = "10.77.0.66:5060"});
  EXPECT_FALSE(decision_.restarts.empty());
  EXPECT_TRUE(decision_.restarts.at(0).other_address);
  send({.contact = "<sip:alice@10.77.0.66>" + instance, .call_id = "boot-3", .branch = "g", .source = "10.77.0.66:5061"});
  EXPECT_FALSE(decision_.restarts.empty());
  EXPECT_FALSE(decision_.restarts.at(0).other_address);
}

}  // namespace
}  // namespace ringhold::registrar
