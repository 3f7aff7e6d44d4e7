#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "base/outbox.hpp"
#include "transaction/layer.hpp"

namespace ringhold::transaction {

/// For the tests of the layer: messages in, what went out and when, and time that passes.
class Stage {
 public:
  struct Sent {
    double at;
    std::string bytes;
    Destination destination;
  };
  struct Failed {
    double at;
    Failure failure;
  };

  explicit Stage(const Timers& timers = {}, std::size_t capacity = 100) : layer{timers, capacity} {}

  static Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }
  static Packet packet(Transport transport, std::uint64_t flow = 7, std::string_view remote = "10.77.0.31:5062") {
    return {Protocol::sip, transport, FlowId{flow}, endpoint("10.77.0.2:5060"), endpoint(remote), {}};
  }
  static Destination to(Transport transport, std::uint64_t flow = 9, std::string_view remote = "10.77.0.32:5060") {
    return {Protocol::sip, transport, FlowId{flow}, endpoint("10.77.0.2:5060"), endpoint(remote)};
  }

  Received receive(std::string_view bytes, const Packet& from) {
    const auto message = sip::Message::parse(bytes);
    check(message.has_value());
    const Received received = layer.receive(*message, from, now, outbox);
    collect();
    return received;
  }
  TransactionId serve(std::string_view bytes, const Packet& from, Owner owner = {}) {
    return layer.create_server(*sip::Message::parse(bytes), from, owner, now);
  }
  void respond(TransactionId server, int status, std::string_view bytes) {
    const auto begin = outbox.bytes().size();
    outbox.bytes().append(bytes);
    layer.respond(server, status, begin, now, outbox);
    collect();
  }
  TransactionId start(sip::Method method, std::string_view branch, std::string_view bytes, const Destination& destination,
                      Owner owner = {}) {
    const auto begin = outbox.bytes().size();
    outbox.bytes().append(bytes);
    const TransactionId id = layer.start_client(method, branch, begin, destination, owner, now, outbox);
    collect();
    return id;
  }
  void change(Transport transport, FlowState state, std::uint64_t flow, std::string_view remote) {
    keep(layer.flow_changed({Protocol::sip, transport, FlowId{flow}, endpoint(remote), state}, now, outbox));
  }
  /// Calls expire() whenever the layer wants it, as the shell does.
  void pass(Duration duration) {
    const Instant until = now + duration;
    for (auto next = layer.next_expiry(); next && *next <= until; next = layer.next_expiry()) {
      now = std::max(now, *next);
      keep(layer.expire(now, outbox));
    }
    now = until;
  }
  void expire_late(Duration duration) {
    now += duration;
    keep(layer.expire(now, outbox));
  }

  double seconds() const { return std::round(std::chrono::duration<double>(now - started).count() * 100) / 100; }
  std::vector<double> times() const {
    std::vector<double> all;
    for (const Sent& one : sent) all.push_back(one.at);
    return all;
  }

  Instant started = from_unix_ms(1'700'000'000'123);
  Instant now = started;
  Layer layer;
  Outbox outbox;
  std::vector<Sent> sent;
  std::vector<Failed> failed;
  std::vector<std::string> notes;

 private:
  void keep(std::span<const Failure> failures) {
    for (const Failure& failure : failures) failed.push_back({seconds(), failure});
    collect();
  }
  void collect() {
    for (const auto& send : outbox.sends()) sent.push_back({seconds(), std::string{outbox.message(send)}, send.destination});
    for (const auto& note : outbox.notes()) notes.emplace_back(note.name);
    outbox.clear();
  }
};

struct Words {
  std::string method = "INVITE";
  std::string branch = "z9hG4bKabc1";
  std::string uri = "sip:bob@example.test";
  std::string sent_by = "10.77.0.31:5062";
  std::string from_tag = "f1";
  std::string to_tag = {};
  std::string call_id = "c1@10.77.0.31";
  std::string cseq = "1";
  std::string transport = "UDP";
  std::string extra = {};
};

inline std::string head(const Words& words) {
  return "Via: SIP/2.0/" + words.transport + " " + words.sent_by + (words.branch.empty() ? "" : ";branch=" + words.branch) + "\r\n" +
         words.extra + "From: <sip:alice@example.test>;tag=" + words.from_tag + "\r\nTo: <sip:bob@example.test>" +
         (words.to_tag.empty() ? "" : ";tag=" + words.to_tag) + "\r\nCall-ID: " + words.call_id + "\r\nCSeq: " + words.cseq + " ";
}

inline std::string request(const Words& words) {
  return words.method + " " + words.uri + " SIP/2.0\r\n" + head(words) + words.method + "\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
}

inline std::string response(int status, const Words& words) {
  return "SIP/2.0 " + std::to_string(status) + " Words\r\n" + head(words) + words.method + "\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace ringhold::transaction
