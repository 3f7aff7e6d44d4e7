#include "events/notifier.hpp"

#include <gtest/gtest.h>

namespace ringhold::events {
namespace {

constexpr std::string_view aor = "sip:alice@example.test";

/// A watcher of alice's registrations.
class Watching : public ::testing::Test {
 protected:
  struct Ask {
    std::string headers = "Expires: 600\r\n";
    int cseq = 1;
    std::string to_tag{};
    std::string call_id = "w";
    std::string contact = "Contact: <sip:w@10.77.0.30:5062>\r\n";
  };
  void subscribe(const Ask& ask) {
    outbox_.clear();
    const std::string bytes = "SUBSCRIBE sip:alice@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.30:5062;branch=z9hG4bK" + ask.call_id +
                              std::to_string(ask.cseq) + "\r\nFrom: <sip:alice@example.test>;tag=wf\r\nTo: <sip:alice@example.test>" +
                              (ask.to_tag.empty() ? "" : ";tag=" + ask.to_tag) + "\r\nCall-ID: " + ask.call_id +
                              "\r\nCSeq: " + std::to_string(ask.cseq) + " SUBSCRIBE\r\nEvent: reg;id=7\r\n" + ask.contact + ask.headers +
                              "Content-Length: 0\r\n\r\n";
    const auto request = *sip::Message::parse(bytes);
    const Packet packet{
        Protocol::sip, Transport::udp, FlowId{1}, *Endpoint::parse("10.77.0.2:5060", Port{}), *Endpoint::parse("10.77.0.30:5062", Port{}),
        bytes};
    if (notifier_.knows(request))
      notifier_.refresh(request, packet, location_, layer_, now_, outbox_);
    else
      notifier_.subscribe(request, packet, aor, location_, layer_, now_, outbox_);
    keep_notify();
  }
  void keep_notify() {
    if (!outbox_.sends().empty() && last().is_request()) notify_ = outbox_.message(outbox_.sends().back());
  }
  sip::Message sent(std::size_t i) { return *sip::Message::parse(outbox_.message(outbox_.sends()[i])); }
  sip::Message last() { return sent(outbox_.sends().size() - 1); }
  Text body() { return Text{last().body()}; }
  bool says(std::string_view text) { return body().find(text) != Text::npos; }
  /// The watcher answers the last NOTIFY.
  void answer(int status) {
    const auto notify = *sip::Message::parse(notify_);
    std::string bytes = "SIP/2.0 " + std::to_string(status) + " X\r\n";
    for (const auto& line : notify.lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::to ||
          line.header == sip::Header::call_id || line.header == sip::Header::cseq)
        bytes += line.line;
    bytes += "Content-Length: 0\r\n\r\n";
    outbox_.clear();
    const auto response = *sip::Message::parse(bytes);
    const auto received = layer_.receive(response, {Protocol::sip, Transport::udp, {}, {}, {}, bytes}, now_, outbox_);
    ASSERT_EQ(received.disposition, transaction::Disposition::response);
    notifier_.on_response(received.owner, status, location_, layer_, now_, outbox_);
    keep_notify();
  }
  void add_binding(const std::string& contact, Duration lifetime = 60s) {
    location::Registration registration;
    registration.aor = aor;
    registration.contact = contact;
    registration.call_id = "boot<1>";
    registration.parameters = ";+sip.instance=\"<urn:uuid:1>\"";
    registration.expires_at = now_ + lifetime;
    registration.registered_at = now_;
    ASSERT_TRUE(location_.add(registration, changes_));
  }
  void tell() {
    outbox_.clear();
    notifier_.tell(location_.take_events(), location_, layer_, now_, outbox_);
    keep_notify();
  }
  void pass(Duration duration) {
    outbox_.clear();
    now_ += duration;
    for (const auto& failure : layer_.expire(now_, outbox_)) notifier_.on_failure(failure, location_, outbox_);
    notifier_.expire(location_, layer_, now_, outbox_);
  }

  Instant now_ = from_unix_ms(1'790'000'000'000);
  SeededRandom random_{7};
  Outbox outbox_, changes_;
  Text notify_;  ///< the last one
  location::LocationService location_{100};
  transaction::Layer layer_{transaction::Timers{}, 100};
  Notifier notifier_{Settings{{*Target::parse("udp:10.77.0.2:5060")}}, random_, 3};
};

TEST_F(Watching, is_answered_and_told_the_full_state_RFC3680_4) {
  add_binding("sip:alice@10.77.0.11?a&b");
  subscribe({});
  ASSERT_EQ(outbox_.sends().size(), 2U);
  EXPECT_EQ(sent(0).status(), 200);
  EXPECT_EQ(sent(0).value(sip::Header::expires), "600");
  const auto notify = sent(1);
  EXPECT_EQ(notify.request_uri(), "sip:w@10.77.0.30:5062");
  EXPECT_EQ(notify.value(sip::Header::event), "reg;id=7");
  EXPECT_EQ(notify.value(sip::Header::subscription_state), "active;expires=600");
  EXPECT_EQ(notify.value(sip::Header::content_type), "application/reginfo+xml");
  EXPECT_EQ(notify.from_tag(), sent(0).to_tag());
  EXPECT_EQ(notify.to_tag(), "wf");
  EXPECT_EQ(notify.content_length(), notify.body().size());
  EXPECT_TRUE(says("version=\"0\" state=\"full\""));
  EXPECT_TRUE(says("<registration aor=\"sip:alice@example.test\" id=\"r1\" state=\"active\">"));
  EXPECT_TRUE(says("<uri>sip:alice@10.77.0.11?a&amp;b</uri>"));
  EXPECT_TRUE(says("callid=\"boot&lt;1&gt;\""));
  EXPECT_TRUE(says("<unknown-param name=\"+sip.instance\">&lt;urn:uuid:1&gt;</unknown-param>"));
}

TEST_F(Watching, is_told_changes_one_notify_at_a_time_RFC3680_5) {
  subscribe({});
  EXPECT_TRUE(says("state=\"init\""));
  add_binding("sip:alice@10.77.0.11");
  tell();
  EXPECT_TRUE(outbox_.empty());  // the first one is not answered yet
  answer(200);
  EXPECT_TRUE(says("version=\"1\" state=\"partial\"")) << body();
  EXPECT_TRUE(says("state=\"active\" event=\"registered\""));
  answer(200);
  EXPECT_TRUE(outbox_.empty());
  location_.remove(location_.ids(aor, now_).at(0), location::Happened::unregistered, changes_);
  tell();
  EXPECT_TRUE(says("version=\"2\" state=\"partial\""));
  EXPECT_TRUE(says("id=\"r1\" state=\"terminated\""));
  EXPECT_TRUE(says("state=\"terminated\" event=\"unregistered\""));
  answer(200);
  add_binding("sip:alice@10.77.0.11", 10s);
  tell();
  answer(200);
  location_.expire(now_ + 11s, changes_);
  tell();
  EXPECT_TRUE(says("event=\"expired\""));
}

TEST_F(Watching, sums_up_many_changes_as_the_full_state_X1) {
  subscribe({});
  for (int i = 0; i < 40; ++i) add_binding("sip:alice@10.77.0." + std::to_string(i));
  tell();
  answer(200);
  EXPECT_TRUE(says("version=\"1\" state=\"full\""));
}

TEST_F(Watching, may_refresh_and_end_in_the_dialog_RFC6665_4_2) {
  subscribe({});
  const std::string tag{sent(0).to_tag()};
  answer(200);
  subscribe({.headers = "Expires: 900\r\n", .cseq = 2, .to_tag = tag});
  EXPECT_EQ(sent(0).status(), 200);
  EXPECT_EQ(last().value(sip::Header::subscription_state), "active;expires=900");
  EXPECT_TRUE(says("state=\"full\""));
  answer(200);
  pass(700s);
  EXPECT_EQ(notifier_.size(), 1U);
  subscribe({.headers = "Expires: 0\r\n", .cseq = 3, .to_tag = tag});
  EXPECT_EQ(last().value(sip::Header::subscription_state), "terminated;reason=timeout");
  EXPECT_EQ(notifier_.size(), 0U);
  add_binding("sip:alice@10.77.0.11");
  EXPECT_TRUE(location_.take_events().empty());  // nobody watches any more
}

TEST_F(Watching, an_old_subscribe_in_the_dialog_is_refused_RFC3261_12_2_2) {
  subscribe({.cseq = 5});
  const std::string tag{sent(0).to_tag()};
  subscribe({.cseq = 4, .to_tag = tag});
  EXPECT_EQ(last().status(), 500);
}

TEST_F(Watching, fetches_once_with_expires_0_RFC6665_4_4_3) {
  subscribe({.headers = "Expires: 0\r\n"});
  ASSERT_EQ(outbox_.sends().size(), 2U);
  EXPECT_EQ(last().value(sip::Header::subscription_state), "terminated;reason=timeout");
  EXPECT_EQ(notifier_.size(), 0U);
}

TEST_F(Watching, ends_with_its_time_RFC6665_4_2) {
  subscribe({});
  answer(200);
  pass(601s);
  EXPECT_EQ(last().value(sip::Header::subscription_state), "terminated;reason=timeout");
  EXPECT_EQ(notifier_.size(), 0U);
}

TEST_F(Watching, ends_by_481_and_by_silence_RFC6665_4_2_2) {
  subscribe({});
  answer(481);
  EXPECT_EQ(notifier_.size(), 0U);
  subscribe({.call_id = "second"});
  for (int i = 0; i < 40; ++i) pass(1s);
  EXPECT_EQ(notifier_.size(), 0U);
}

TEST_F(Watching, lives_on_when_the_watcher_is_busy_RFC6665_4_2_2) {
  subscribe({});
  answer(503);
  EXPECT_EQ(notifier_.size(), 1U);
  add_binding("sip:alice@10.77.0.11");
  tell();
  EXPECT_TRUE(says("state=\"full\""));
}

TEST_F(Watching, is_refused_with_the_reason_RFC6665_4_2_1) {
  subscribe({.headers = "Expires: 5\r\n"});
  EXPECT_EQ(last().status(), 423);
  EXPECT_EQ(last().value(sip::Header::min_expires), "30");
  subscribe({.headers = "Accept: text/plain\r\n", .cseq = 2});
  EXPECT_EQ(last().status(), 406);
  subscribe({.cseq = 3, .contact = ""});
  EXPECT_EQ(last().status(), 400);
  EXPECT_EQ(notifier_.size(), 0U);
}

TEST_F(Watching, are_bounded_X1) {
  for (int i = 0; i < 3; ++i) subscribe({.call_id = std::to_string(i)});
  subscribe({.call_id = "more"});
  ASSERT_EQ(outbox_.sends().size(), 1U);
  EXPECT_EQ(last().status(), 503);
  EXPECT_FALSE(last().value(sip::Header::retry_after).empty());
}

}  // namespace
}  // namespace ringhold::events
