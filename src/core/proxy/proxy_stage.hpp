#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/proxy.hpp"

namespace ringhold::proxy {

inline Endpoint at(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }

/// A proxy with its transaction layer, a caller, and callees that are addresses.
class Proxying : public ::testing::Test {
 protected:
  static Settings settings() {
    Settings settings;
    settings.identity = {{"example.test"}, {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060")}};
    return settings;
  }
  static Hop hop(std::string_view to, Transport transport = Transport::udp) {
    Hop hop;
    hop.request_uri = "sip:bob@" + std::string{to};
    hop.destination = {Protocol::sip, transport, {}, at("10.77.0.2"), at(to)};
    return hop;
  }
  static std::string request(std::string_view method, std::string_view more = "", std::string_view uri = "sip:bob@example.test",
                             std::string_view branch = "c1") {
    std::string text = std::string{method} + " " + std::string{uri} + " SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11;branch=z9hG4bK" +
                       std::string{branch} + "\r\nMax-Forwards: 70\r\n" + std::string{more} +
                       "From: <sip:alice@example.test>;tag=a\r\nTo: <sip:bob@example.test>\r\nCall-ID: c\r\nCSeq: 1 " +
                       std::string{method} + "\r\nContent-Length: 0\r\n\r\n";
    return text;
  }
  Packet packet(const std::string& bytes, std::string_view from) const {
    return {Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.2"), at(from), bytes};
  }
  std::expected<Preprocessed, Refusal> start(const std::string& bytes, const std::vector<Hop>& hops) {
    outbox_.clear();
    const auto message = *sip::Message::parse(bytes);
    const Packet from = packet(bytes, "10.77.0.11");
    EXPECT_EQ(layer_.receive(message, from, now_, outbox_).disposition, transaction::Disposition::new_request);
    const auto way = proxy_.preprocess(message);
    if (way)
      if (auto refusal = proxy_.may_not_forward(message, *way)) return std::unexpected(*refusal);
    if (way) proxy_.forward(message, from, *way, hops, layer_, now_, outbox_);
    return way;
  }
  /// §16.3: the status of the refusal; zero: it may be forwarded.
  int status_of(const std::string& bytes) const {
    const auto message = *sip::Message::parse(bytes);
    const auto way = proxy_.preprocess(message);
    if (!way) return way.error().status;
    const auto refusal = proxy_.may_not_forward(message, *way);
    return refusal ? refusal->status : 0;
  }
  transaction::Disposition receive(const std::string& bytes, std::string_view from) {
    outbox_.clear();
    const auto message = *sip::Message::parse(bytes);
    const Packet got = packet(bytes, from);
    const auto received = layer_.receive(message, got, now_, outbox_);
    if (received.disposition == transaction::Disposition::response) outcome_ = proxy_.on_response(message, received, layer_, now_, outbox_);
    if (received.disposition == transaction::Disposition::cancel) proxy_.cancel(message, got, received, layer_, now_, outbox_);
    return received.disposition;
  }
  void unreachable(std::string_view remote, Transport transport) {
    outbox_.clear();
    for (const auto& failure : layer_.flow_changed({Protocol::sip, transport, {}, at(remote), FlowState::refused}, now_, outbox_))
      proxy_.on_failure(failure, layer_, now_, outbox_);
  }
  /// Whether a fact of this name was noted in the last step.
  bool noted(std::string_view name) const {
    for (const auto& note : outbox_.notes())
      if (note.name == name) return true;
    return false;
  }
  void pass(Duration duration) {
    const Instant until = now_ + duration;
    for (;;) {
      auto next = layer_.next_expiry();
      if (proxy_.next_expiry() && (!next || *proxy_.next_expiry() < *next)) next = proxy_.next_expiry();
      if (!next || *next > until) break;
      now_ = std::max(now_, *next);
      for (const auto& failure : layer_.expire(now_, outbox_)) proxy_.on_failure(failure, layer_, now_, outbox_);
      proxy_.expire(layer_, now_, outbox_);
    }
    now_ = until;
  }
  std::vector<std::string> to(std::string_view address) const {
    std::vector<std::string> found;
    for (const auto& send : outbox_.sends())
      if (send.destination.remote == at(address)) found.emplace_back(outbox_.message(send));
    return found;
  }
  std::string last_to(std::string_view address) const {
    const auto found = to(address);
    return found.empty() ? std::string{} : found.back();
  }
  static std::string answer(const std::string& received, int status, std::string_view more = "") {
    const auto message = *sip::Message::parse(received);
    std::string text = "SIP/2.0 " + std::to_string(status) + " X\r\n" + std::string{more};
    for (const auto& line : message.lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::call_id ||
          line.header == sip::Header::cseq)
        text += line.line;
    return text + "To: " + std::string{message.value(sip::Header::to)} + ";tag=t\r\nContent-Length: 0\r\n\r\n";
  }

  SeededRandom random_{1};
  Instant now_ = from_unix_ms(1'790'000'000'000);
  Outbox outbox_;
  ResponseOutcome outcome_;
  transaction::Layer layer_{transaction::Timers{}, 1000};
  Proxy proxy_{settings(), random_};
};

inline constexpr std::string_view caller = "10.77.0.11";

}  // namespace ringhold::proxy
