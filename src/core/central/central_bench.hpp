#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "central/central.hpp"
#include "sip/message.hpp"
#include "transaction/layer.hpp"

namespace ringhold::central {

/// A central site for the tests: servers that answer, refuse or are silent, in virtual time.
class CentralBench {
 public:
  enum class Server : std::uint8_t { well, silent, refusing, overloaded };
  static inline const Target c1 = *Target::parse("udp:10.78.0.11:5060");
  static inline const Target c2 = *Target::parse("udp:10.78.0.12:5060");

  static Settings settings() {
    Settings settings;
    settings.identity = {.domain = "example.test", .host = "ringhold.example.test", .listen = {*Target::parse("udp:10.77.0.2:5060")}};
    return settings;
  }

  explicit CentralBench(std::vector<Target> targets = {c1, c2}) {
    std::vector<central::Server> servers;
    std::uint16_t priority = 10;
    for (const Target& target : targets) servers.push_back({"sip.example.test", target, priority += 10, 60});
    central_.set_servers(servers, now_);
  }

  void start() { central_.start(now_, outbox_); }
  /// A restart: a new mind that is given what the old one kept.
  void restart_into(CentralBench& next) const {
    for (const auto& [key, value] : kept_) next.central_.restore(Row{Table::setting, {Text{key}, Text{value}}});
    next.kept_ = kept_;
    next.now_ = now_;
  }

  /// Lets time pass; hears every packet, answers as the servers are.
  void pass(Duration duration) {
    const Instant end = now_ + duration;
    while (now_ < end) {
      now_ += 50ms;
      step();
    }
  }
  /// How long until the mode is `mode`; at most `limit`.
  Duration until(Mode mode, Duration limit) {
    const Instant begin = now_;
    while (central_.mode() != mode && now_ - begin < limit) pass(50ms);
    return now_ - begin;
  }
  void answer_dns(DnsSign sign) { central_.note_dns(sign, now_, outbox_); }
  bool send_home(std::string_view device) { return central_.send_home(device, false, now_, outbox_); }

  std::map<Target, Server> servers_;  ///< missing: well
  Duration rtt_ = 20ms;
  Instant now_ = from_unix_ms(1'700'000'000'000);
  SeededRandom random_{1};
  transaction::Layer layer_{transaction::Timers{}, 1'000};
  Outbox outbox_;
  Central central_{settings(), random_};
  std::vector<std::string> notes_;  ///< "mode_changed normal survivable"
  std::map<std::string, std::string> kept_;
  std::map<Target, int> probes_;

 private:
  struct Answer {
    Instant at;
    Target from;
    std::string bytes;
  };

  void step() {
    while (!answers_.empty() && answers_.front().at <= now_) {
      const Answer answer = answers_.front();
      answers_.erase(answers_.begin());
      const auto message = sip::Message::parse(answer.bytes);
      Packet packet;
      packet.remote = answer.from.endpoint;
      packet.bytes = answer.bytes;
      const auto received = layer_.receive(*message, packet, now_, outbox_);
      if (received.disposition == transaction::Disposition::response)
        central_.on_response(received.owner, message->status(), now_, outbox_);
    }
    for (const auto& failure : layer_.expire(now_, outbox_)) central_.on_failure(failure, now_, outbox_);
    if (const auto next = central_.next_expiry(); next && *next <= now_) central_.expire(now_, layer_, outbox_);
    drain();
  }

  void drain() {
    std::vector<Endpoint> refused;
    for (const auto& send : outbox_.sends()) {
      const Target target{send.destination.transport, send.destination.remote};
      const std::string_view request = outbox_.message(send);
      ++probes_[target];
      const auto known = servers_.find(target);
      const Server server = known == servers_.end() ? Server::well : known->second;
      if (server == Server::refusing) refused.push_back(target.endpoint);
      if (server == Server::well) answers_.push_back({now_ + rtt_, target, response(request, "200 OK")});
      if (server == Server::overloaded) answers_.push_back({now_ + rtt_, target, response(request, "503 Service Unavailable")});
    }
    for (const auto& note : outbox_.notes()) {
      std::string line{note.name};
      for (const auto& field : outbox_.fields(note))
        if (field.key == "from" || field.key == "to") line.append(" ").append(outbox_.text(field));
      notes_.push_back(line);
    }
    for (const auto& change : outbox_.changes()) kept_[change.key] = std::get<Text>(change.columns.unpacked().at(1));
    outbox_.clear();
    for (const Endpoint& remote : refused) {
      FlowChange change;
      change.remote = remote;
      change.state = FlowState::refused;
      for (const auto& failure : layer_.flow_changed(change, now_, outbox_)) central_.on_failure(failure, now_, outbox_);
    }
    if (!refused.empty()) drain();
  }

  static std::string response(std::string_view request, std::string_view status) {
    std::string text = "SIP/2.0 " + std::string{status} + "\r\n";
    for (const std::string_view header : {"Via", "From", "To", "Call-ID", "CSeq"}) {
      const auto begin = request.find("\r\n" + std::string{header} + ":") + 2;
      text.append(request.substr(begin, request.find("\r\n", begin) + 2 - begin));
    }
    return text + "Content-Length: 0\r\n\r\n";
  }

  std::vector<Answer> answers_;
};

}  // namespace ringhold::central
