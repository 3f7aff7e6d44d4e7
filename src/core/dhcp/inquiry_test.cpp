#include "dhcp/inquiry.hpp"

#include <gtest/gtest.h>

#include "dhcp/test_bench.hpp"

namespace ringhold::dhcp {

namespace {

using namespace std::literals;

const std::string example_test = option_of(120, "\0"s + labels("example.test"));
const std::string nameserver = option_of(6, "\x0a\x4d\x00\x02"sv);

/// An inquiry in virtual time, with a server that answers when the test says so.
class InquiryTest : public testing::Test {
 protected:
  void start() {
    inquiry.start(now, outbox);
    look();
  }
  /// Lets time go on to the next deadline.
  Duration wait() {
    const Instant before = now;
    now = *inquiry.next_expiry();
    inquiry.expire(now, outbox);
    look();
    return now - before;
  }
  void receive(const std::string& bytes) {
    outbox.clear();
    inquiry.receive({Protocol::dhcp, Transport::udp, {}, {}, *Endpoint::parse("10.77.0.1:67", Port{}), bytes}, now, outbox);
    look();
  }
  Reply reply(std::string options) const { return {.xid = question.xid, .options = std::move(options)}; }
  void answer(std::string options) { receive(reply(std::move(options)).bytes()); }

  /// The words of what was noted in the last step.
  std::string noted() const {
    std::string text;
    for (const auto& note : outbox.notes()) {
      text.append(text.empty() ? "" : "; ").append(note.name);
      for (const auto& field : outbox.fields(note))
        text.append(" ").append(field.key).append("=").append(field.is_number ? std::to_string(field.number)
                                                                              : std::string{outbox.text(field)});
    }
    return text;
  }

  SeededRandom random{1};
  Inquiry inquiry{{our_hardware, our_address, 10min}, random};
  Outbox outbox;
  Instant now = from_unix_ms(1'700'000'000'000);
  Message question;  ///< the last that was sent
  std::string step;  ///< what was noted in the last step
  std::size_t questions = 0;
  Destination destination;

 private:
  void look() {
    step = noted();
    for (const auto& send : outbox.sends()) {
      question = *Message::parse(outbox.message(send));
      destination = send.destination;
      ++questions;
    }
    outbox.clear();
  }
};

}  // namespace

TEST_F(InquiryTest, broadcasts_DHCPINFORM_from_its_own_address_DIS_02_RFC2131_4_4_3) {
  EXPECT_FALSE(inquiry.next_expiry());
  start();
  EXPECT_EQ(questions, 1U);
  EXPECT_EQ(question.type(), MessageType::inform);
  EXPECT_EQ(question.ciaddr, our_address);
  EXPECT_TRUE(question.is_for(our_hardware));
  EXPECT_EQ(destination.protocol, Protocol::dhcp);
  EXPECT_EQ(destination.transport, Transport::udp);
  EXPECT_EQ(destination.remote.text(), "255.255.255.255:67");
  EXPECT_EQ(destination.local.text(), "10.77.0.31:68");
  EXPECT_FALSE(inquiry.configuration());
}

TEST_F(InquiryTest, asks_again_after_4_8_16_32_64_seconds_and_so_on_RFC2131_4_1) {
  start();
  const std::uint32_t xid = question.xid;
  bool all_even = true;
  for (const Duration expected : {4s, 8s, 16s, 32s, 64s, 64s, 64s}) {
    const Duration waited = wait();
    EXPECT_GE(waited, expected - 1s);
    EXPECT_LE(waited, expected + 1s);
    all_even = all_even && waited == expected;
    EXPECT_EQ(question.xid, xid) << "an answer to any of them counts";
  }
  EXPECT_EQ(questions, 8U);
  EXPECT_FALSE(all_even) << "clients must not march in step";
  EXPECT_NEAR(question.seconds, 252, 7);
}

TEST_F(InquiryTest, goes_on_for_ever) {
  start();
  for (int i = 0; i < 5'000; ++i) EXPECT_LE(wait(), 65s);
  EXPECT_EQ(question.seconds, 65'535) << "and does not begin anew at zero";
}

TEST_F(InquiryTest, does_nothing_before_its_time) {
  start();
  inquiry.expire(now + 2s, outbox);
  EXPECT_TRUE(outbox.empty());
}

TEST_F(InquiryTest, takes_the_answer_DIS_02_DIS_03) {
  start();
  answer(example_test + nameserver);
  ASSERT_TRUE(inquiry.configuration());
  EXPECT_EQ(inquiry.configuration()->sip_domains, std::vector<Text>{"example.test"});
  EXPECT_EQ(inquiry.configuration()->nameservers, std::vector{*Address::parse("10.77.0.2")});
  EXPECT_EQ(inquiry.configuration()->server, *Address::parse("10.77.0.1")) << "it said nothing itself, so its source does";
  EXPECT_TRUE(inquiry.take_changed());
  EXPECT_FALSE(inquiry.take_changed());
  EXPECT_EQ(step, "dhcp_answered server=10.77.0.1 nameservers=10.77.0.2 domain= sip_domains=example.test");
  EXPECT_EQ(*inquiry.next_expiry(), now + 10min);
}

TEST_F(InquiryTest, warns_of_addresses_because_they_bypass_SRV_DIS_02_1_k) {
  start();
  answer(option_of(120, "\1\x0a\x4d\x00\x02\x0a\x4d\x00\x03"sv) + option_of(54, "\x0a\x4d\x00\x09"sv));
  EXPECT_EQ(step,
            "dhcp_answered server=10.77.0.9 nameservers= domain= sip_domains=; "
            "dhcp_sip_addresses server=10.77.0.9 addresses=10.77.0.2,10.77.0.3");
}

TEST_F(InquiryTest, asks_again_from_time_to_time_and_sees_a_change_DIS_02) {
  start();
  const std::uint32_t xid = question.xid;
  answer(example_test);
  (void)inquiry.take_changed();
  EXPECT_EQ(wait(), 10min);
  EXPECT_EQ(questions, 2U);
  EXPECT_NE(question.xid, xid);
  EXPECT_EQ(question.seconds, 0);
  answer(example_test);
  EXPECT_FALSE(inquiry.take_changed());
  EXPECT_EQ(step, "") << "the same answer is no news";
  wait();
  answer(option_of(120, "\0"s + labels("other.test")));
  EXPECT_TRUE(inquiry.take_changed());
  EXPECT_EQ(inquiry.configuration()->sip_domains, std::vector<Text>{"other.test"});
}

TEST_F(InquiryTest, another_server_that_says_the_same_is_no_change) {
  start();
  answer(example_test + option_of(54, "\x0a\x4d\x00\x01"sv));
  (void)inquiry.take_changed();
  wait();
  answer(example_test + option_of(54, "\x0a\x4d\x00\x02"sv));
  EXPECT_FALSE(inquiry.take_changed());
  EXPECT_EQ(step, "");
  EXPECT_EQ(inquiry.configuration()->server, *Address::parse("10.77.0.2"));
}

TEST_F(InquiryTest, tells_once_that_nobody_answers_and_keeps_the_old_answer_DIS_02) {
  start();
  answer(example_test);
  EXPECT_TRUE(inquiry.take_changed());
  wait();
  EXPECT_EQ(step, "");
  wait();
  EXPECT_EQ(step, "") << "one that was lost is no silence";
  wait();
  EXPECT_EQ(step, "dhcp_unanswered address=10.77.0.31 asked=3 answer=kept");
  for (int i = 0; i < 20; ++i) {
    wait();
    EXPECT_EQ(step, "");
  }
  EXPECT_EQ(inquiry.configuration()->sip_domains, std::vector<Text>{"example.test"});
  answer(example_test);
  EXPECT_EQ(step, "dhcp_answered server=10.77.0.1 nameservers= domain= sip_domains=example.test") << "the silence is over";
  EXPECT_FALSE(inquiry.take_changed());
  for (int i = 0; i < 3; ++i) wait();
  EXPECT_EQ(step, "dhcp_unanswered address=10.77.0.31 asked=3 answer=kept") << "a new silence is told again";
}

TEST_F(InquiryTest, says_when_there_is_no_answer_at_all) {
  start();
  wait();
  wait();
  EXPECT_EQ(step, "dhcp_unanswered address=10.77.0.31 asked=3 answer=none");
}

TEST_F(InquiryTest, takes_only_what_answers_its_own_question_RFC2131_4_4_1) {
  start();
  auto other = reply(example_test);
  other.xid ^= 1U;
  receive(other.bytes());
  other = reply(example_test);
  other.hardware[5] ^= 1U;
  receive(other.bytes());
  other = reply(example_test);
  other.operation = Operation::request;
  receive(other.bytes());
  for (const auto type : {MessageType::offer, MessageType::nak, MessageType::inform, MessageType{0}}) {
    other = reply(example_test);
    other.type = type;
    receive(other.bytes());
  }
  receive("");
  receive("\x02"s);
  EXPECT_FALSE(inquiry.configuration());
  EXPECT_EQ(step, "");
  answer(example_test);
  EXPECT_TRUE(inquiry.configuration());
}

TEST_F(InquiryTest, takes_the_first_answer_only) {
  start();
  answer(example_test);
  answer(option_of(120, "\0"s + labels("late.test")));
  EXPECT_EQ(inquiry.configuration()->sip_domains, std::vector<Text>{"example.test"});
}

TEST_F(InquiryTest, takes_nothing_that_it_did_not_ask_for) {
  answer(example_test);
  EXPECT_FALSE(inquiry.configuration()) << "not even xid 0 before the first question";
}

TEST_F(InquiryTest, refuses_a_malformed_option_and_uses_the_others_DIS_02) {
  start();
  answer(option_of(120, "\0\7example"sv) + nameserver);
  EXPECT_EQ(step,
            "dhcp_refused source=10.77.0.1:67 where=option 120 offset=243 why=name does not end with a zero byte; "
            "dhcp_answered server=10.77.0.1 nameservers=10.77.0.2 domain= sip_domains=");
  wait();
  answer(option_of(120, "\0\7example"sv) + nameserver);
  EXPECT_EQ(step, "") << "told once";
  wait();
  answer(example_test + nameserver);
  EXPECT_EQ(step, "dhcp_answered server=10.77.0.1 nameservers=10.77.0.2 domain= sip_domains=example.test");
  wait();
  answer(option_of(120, "\0\7example"sv) + nameserver);
  EXPECT_EQ(step, "dhcp_refused source=10.77.0.1:67 where=option 120 offset=243 why=name does not end with a zero byte");
  EXPECT_EQ(inquiry.configuration()->sip_domains, std::vector<Text>{"example.test"}) << "what was good stays";
}

TEST_F(InquiryTest, tells_of_broken_answers_once_and_waits_for_a_better_one_X1) {
  start();
  const std::string broken = reply(example_test).bytes().substr(0, 250);
  receive(broken);
  EXPECT_EQ(step, "dhcp_refused source=10.77.0.1:67 where=options offset=243 why=option goes past the end");
  receive(broken);
  EXPECT_EQ(step, "") << "who floods us does not flood the log";
  EXPECT_FALSE(inquiry.configuration());
  answer(example_test);
  EXPECT_TRUE(inquiry.configuration());
}

TEST_F(InquiryTest, begins_anew_when_told_to) {
  start();
  answer(example_test);
  const std::uint32_t xid = question.xid;
  start();
  EXPECT_EQ(questions, 2U);
  EXPECT_NE(question.xid, xid);
  EXPECT_EQ(inquiry.configuration()->sip_domains, std::vector<Text>{"example.test"});
}

}  // namespace ringhold::dhcp
