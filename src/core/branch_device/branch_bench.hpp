#pragma once

#include <gtest/gtest.h>

#include <string>

#include "branch_device/branch_device.hpp"
#include "sip/message.hpp"

namespace ringhold::branch_device {

inline Settings settings() {
  Settings settings;
  settings.branch.domain = "example.test";
  settings.branch.name = "ringhold.example.test";
  settings.branch.addresses = {*Address::parse("10.77.0.2")};
  settings.branch.networks = {*Network::parse("10.77.0.0/24")};
  settings.sip.listen = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060")};
  settings.dns.upstream = {*Endpoint::parse("10.78.0.1", Port{53})};
  settings.central.servers = {*Target::parse("udp:10.78.0.11:5060")};
  return settings;
}

/// A branch device, phones that are addresses, and a clock that only the test moves.
class Branch : public ::testing::Test {
 protected:
  Branch() {
    device_.start(now_, outbox_);
    drop();
  }

  static Endpoint at(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }
  void drop() { outbox_.clear(); }
  void send(std::string_view from, const std::string& message, Transport transport = Transport::udp, FlowId flow = FlowId{1}) {
    drop();
    device_.receive({Protocol::sip, transport, flow, at("10.77.0.2"), at(from), message}, now_, outbox_);
  }
  void pass(Duration duration) {
    const Instant until = now_ + duration;
    while (device_.next_expiry() && *device_.next_expiry() <= until) {
      now_ = std::max(now_, *device_.next_expiry());
      device_.expire(now_, outbox_);
    }
    now_ = until;
    device_.expire(now_, outbox_);
  }
  /// The last message that went to `to`; empty when none did.
  std::string to(std::string_view to) const {
    std::string found;
    for (const auto& send : outbox_.sends())
      if (send.destination.protocol == Protocol::sip && send.destination.remote == at(to)) found = outbox_.message(send);
    return found;
  }
  std::size_t count_to(std::string_view to) const {
    std::size_t count = 0;
    for (const auto& send : outbox_.sends())
      if (send.destination.protocol == Protocol::sip && send.destination.remote == at(to)) ++count;
    return count;
  }
  static std::string request(std::string method, std::string uri, std::string from, std::string to, std::string source, std::string branch,
                             int cseq = 1, std::string more = "") {
    return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + source + ";branch=z9hG4bK" + branch +
           ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:" + from + "@example.test>;tag=f" + from + "\r\nTo: <" + to + ">\r\nCall-ID: c-" +
           from + "-" + method.substr(0, 3) + "\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\n" + more +
           "Content-Length: 0\r\n\r\n";
  }
  void register_phone(const std::string& user, const std::string& address, int cseq = 1) {
    send(address, request("REGISTER", "sip:example.test", user, "sip:" + user + "@example.test", address, "r" + user + std::to_string(cseq),
                          cseq, "Contact: <sip:" + user + "@" + address + ">;expires=120\r\n"));
  }
  void lose_central() {
    drop();
    pass(25s);
    drop();
  }
  std::string mode() { return std::get<StatusReport>(device_.command(GetStatus{}, now_, outbox_)).mode; }
  StatusReport status() { return std::get<StatusReport>(device_.command(GetStatus{}, now_, outbox_)); }
  /// Our response to `received` as a phone would make it.
  static std::string answer(const std::string& received, int status, const std::string& tag, const std::string& contact) {
    const auto message = sip::Message::parse(received);
    std::string text = "SIP/2.0 " + std::to_string(status) + " X\r\n";
    for (const auto& line : message->lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::call_id ||
          line.header == sip::Header::cseq || line.header == sip::Header::record_route)
        text += line.line;
    text +=
        "To: " + std::string{message->value(sip::Header::to)} + (message->to_tag().empty() && !tag.empty() ? ";tag=" + tag : "") + "\r\n";
    return text + (contact.empty() ? "" : "Contact: <" + contact + ">\r\n") + "Content-Length: 0\r\n\r\n";
  }

  SeededRandom random_{42};
  Instant now_ = from_unix_ms(1'790'000'000'000);
  Outbox outbox_;
  BranchDevice device_{settings(), random_};
};

}  // namespace ringhold::branch_device
