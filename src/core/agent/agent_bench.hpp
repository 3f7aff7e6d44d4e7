#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/agent.hpp"
#include "dhcp/test_bench.hpp"
#include "dns/builder.hpp"
#include "sip/message.hpp"

namespace ringhold::agent {

/// What a server of the test does with one method.
struct Reaction {
  int status = 200;  ///< zero: silence
  std::string headers;
};

/// An agent, servers that are addresses with prepared answers, a zone, and a clock that only the test moves (behaviour part 1).
class AgentBench : public ::testing::Test {
 protected:
  static constexpr const char* c1 = "10.78.0.11:5060";
  static constexpr const char* c2 = "10.78.0.12:5060";
  static constexpr const char* box = "10.77.0.2:5060";
  static constexpr const char* resolver = "10.77.0.2:53";
  static constexpr const char* phones = "10.77.1.";

  struct Sent {
    Instant at;
    std::string to;
    std::string bytes;
    Transport transport = Transport::udp;
    FlowId flow{};

    std::string method() const { return bytes.substr(0, bytes.find(' ')); }
    std::string header(sip::Header header) const {
      const auto message = sip::Message::parse(bytes);
      return message ? std::string{message->value(header)} : "";
    }
    std::uint32_t cseq() const {
      const auto message = sip::Message::parse(bytes);
      return message && message->cseq() ? message->cseq()->number : 0;
    }
    std::string branch() const {
      const auto message = sip::Message::parse(bytes);
      return message && message->top_via() ? std::string{message->top_via()->branch} : "";
    }
    bool removes() const { return bytes.find(";expires=0") != std::string::npos; }
  };

  static Settings usual() {
    Settings settings;
    settings.accounts = {{"sip:alice@example.test", "alice", "secret"}};
    settings.domain = "example.test";
    settings.nameservers = {*Endpoint::parse(resolver, Port{53})};
    settings.uplinks = {*Target::parse("udp:10.77.0.5:5066"), *Target::parse("tcp:10.77.0.5:5066")};
    settings.expires = 60s;
    return settings;
  }
  /// Servers by configuration, without DNS.
  static Settings with(const std::vector<std::string>& servers) {
    Settings settings = usual();
    for (const std::string& server : servers) settings.servers.push_back(*Target::parse("udp:" + server));
    return settings;
  }

  void start(const Settings& settings) {
    settings_ = settings;
    agent_.emplace(settings_, random_);
    agent_->restore(rows());
    outbox_.clear();
    agent_->start(now_, outbox_);
    deliver();
  }
  void change_network() {
    outbox_.clear();
    agent_->network_changed(now_, outbox_);
    deliver();
  }
  /// What a phone, or a server, sends to that place of ours.
  void receive(const std::string& from, const std::string& to, const std::string& bytes, Transport transport = Transport::udp,
               FlowId flow = FlowId{1}) {
    outbox_.clear();
    agent_->receive({Protocol::sip, transport, flow, *Endpoint::parse(to, Port{5060}), *Endpoint::parse(from, Port{5060}), bytes}, now_,
                    outbox_);
    deliver();
  }
  void closes(FlowId flow, const std::string& remote, Transport transport = Transport::tcp) {
    outbox_.clear();
    agent_->connection_changed({Protocol::sip, transport, flow, *Endpoint::parse(remote, Port{5060}), FlowState::closed}, now_, outbox_);
    deliver();
  }
  /// The handler has done its work.
  void handles(const Outbox::HandOut& content, HandlerResult result, const std::string& why = "") {
    outbox_.clear();
    agent_->handled(content.id, {result, Text{why}}, now_, outbox_);
    deliver();
  }
  /// The connection to a server is gone: as it answers that it knows of none.
  void closes(const std::string& server) {
    outbox_.clear();
    agent_->connection_changed({Protocol::sip, Transport::tcp, FlowId{9}, *Endpoint::parse(server, Port{5060}), FlowState::closed}, now_,
                               outbox_);
    deliver();
  }
  /// Timers and answers, up to then.
  void pass(Duration duration) {
    const Instant until = now_ + duration;
    for (;;) {
      const auto next = agent_->next_expiry();
      const Instant coming = answers_.empty() ? Instant::max() : answers_.begin()->first;
      const Instant first = std::min(next.value_or(Instant::max()), coming);
      if (first > until) break;
      now_ = std::max(now_, first);
      outbox_.clear();
      if (coming <= now_) {
        const Answer answer = answers_.begin()->second;
        answers_.erase(answers_.begin());
        if (answer.refused) {
          agent_->connection_changed({answer.protocol, answer.transport, {}, answer.from, FlowState::refused}, now_, outbox_);
        } else {
          agent_->receive({answer.protocol, answer.transport, answer.flow, {}, answer.from, answer.bytes}, now_, outbox_);
        }
      } else {
        agent_->expire(now_, outbox_);
      }
      deliver();
    }
    now_ = until;
  }
  /// Until something that the agent does, or for so long.
  template <typename Condition>
  bool pass_until(Condition condition, Duration most) {
    const Instant end = now_ + most;
    while (now_ < end && !condition()) pass(100ms);
    return condition();
  }

  // The servers.
  void answers(const std::string& server, const std::string& method, int status, const std::string& headers = "") {
    reactions_[server][method] = {status, headers};
  }
  void dies(const std::string& server) { dead_.insert(server), refusing_.erase(server); }
  void refuses(const std::string& server) { refusing_.insert(server), dead_.erase(server); }
  void lives(const std::string& server) { dead_.erase(server), refusing_.erase(server); }
  /// Once: the next request of that method; in order.
  void next(const std::string& server, const std::string& method, int status, const std::string& headers = "") {
    once_[server + method].push_back({status, headers});
  }

  /// REGISTERs in the order of sending, without retransmissions.
  std::vector<Sent> registers(const std::string& to = "") const {
    std::vector<Sent> found;
    std::set<std::string> seen;
    for (const Sent& sent : sent_)
      if (sent.method() == "REGISTER" && (to.empty() || sent.to == to) && seen.insert(sent.to + sent.branch()).second)
        found.push_back(sent);
    return found;
  }
  std::size_t count(const std::string& method, const std::string& to) const {
    return static_cast<std::size_t>(std::ranges::count_if(sent_, [&](const Sent& one) { return one.method() == method && one.to == to; }));
  }
  /// "11 12 2": last bytes of the addresses, "-" before a removal.
  std::string way() const {
    std::string text;
    for (const Sent& sent : registers()) {
      const auto address = sent.to.substr(0, sent.to.find(':'));
      text += (text.empty() ? "" : " ") + std::string{sent.removes() ? "-" : ""} + address.substr(address.rfind('.') + 1);
    }
    return text;
  }
  void clear() { sent_.clear(), queries_.clear(); }
  std::string server() const {
    const auto report = agent_->report(now_);
    return report.accounts.at(0).server ? report.accounts.at(0).server->endpoint.text() : "";
  }
  switching::State state() const { return agent_->report(now_).accounts.at(0).state; }

  std::vector<Row> rows() const {
    std::vector<Row> rows;
    for (const auto& [key, columns] : rows_) rows.push_back({key.first, columns});
    return rows;
  }

  // The zone: priority, weight, host; host and address.
  struct Service {
    std::uint16_t priority;
    std::uint16_t weight;
    std::string host;
  };
  std::vector<Service> zone_{{10, 60, "sip1.example.test"}, {20, 40, "sip2.example.test"}, {21, 0, "ringhold.example.test"}};
  std::map<std::string, std::string> hosts_{
      {"sip1.example.test", "10.78.0.11"}, {"sip2.example.test", "10.78.0.12"}, {"ringhold.example.test", "10.77.0.2"}};
  std::uint32_t ttl_ = 300;
  bool additional_ = true;
  bool has_soa_ = false;  ///< so that it is known what is not there (RFC 2308)
  dns::Rcode rcode_ = dns::Rcode::no_error;
  bool dns_dead_ = false;
  std::string dhcp_options_;  ///< what the DHCP server answers; empty: silence
  std::size_t dhcp_questions_ = 0;
  std::vector<std::string> queries_;  ///< "SRV _sip._udp.example.test"

  SeededRandom random_{7};
  Instant now_{1'790'000'000s};
  Duration round_trip_ = 20ms;
  Settings settings_;
  std::optional<Agent> agent_;
  Outbox outbox_;
  std::vector<Sent> sent_;
  std::vector<std::string> notes_;
  std::string said_;                     ///< the same with what they say, a line each
  std::vector<Outbox::HandOut> handed_;  ///< pushed content, to the handler
  std::map<std::pair<Table, Text>, std::vector<Column>> rows_;

 private:
  struct Answer {
    Protocol protocol = Protocol::sip;
    Transport transport = Transport::udp;
    FlowId flow;
    Endpoint from;
    std::string bytes;
    bool refused = false;
  };

  void deliver() {
    for (const auto& note : outbox_.notes()) {
      notes_.emplace_back(note.name);
      said_ += note.name;
      for (const auto& field : outbox_.fields(note)) {
        said_.append(" ").append(field.key).append("=");
        said_ += field.is_number ? std::to_string(field.number) : std::string{outbox_.text(field)};
      }
      said_ += "\n";
    }
    for (Outbox::HandOut& one : outbox_.hand_outs()) handed_.push_back(std::move(one));
    for (const Change& change : outbox_.changes()) {
      const std::pair key{change.table, change.key};
      if (change.columns.empty())
        rows_.erase(key);
      else
        rows_[key] = change.columns.unpacked();
    }
    for (const auto& send : outbox_.sends()) {
      const std::string bytes{outbox_.message(send)};
      const std::string to = send.destination.remote.text();
      if (send.destination.protocol == Protocol::dhcp) {
        ++dhcp_questions_;
        if (dhcp_options_.empty()) continue;
        std::uint32_t xid = 0;
        for (std::size_t i = 4; i < 8; ++i) xid = xid << 8U | static_cast<unsigned char>(bytes[i]);
        const std::string ack = dhcp::Reply{.xid = xid, .options = dhcp_options_}.bytes();
        answers_.emplace(now_ + round_trip_, Answer{Protocol::dhcp, Transport::udp, {}, *Endpoint::parse("10.77.0.3:67", Port{67}), ack});
        continue;
      }
      if (send.destination.protocol == Protocol::dns) {
        if (!dns_dead_)
          answers_.emplace(now_ + round_trip_, Answer{Protocol::dns, send.destination.transport, send.destination.flow,
                                                      send.destination.remote, zone_answer(bytes)});
        continue;
      }
      sent_.push_back({now_, to, bytes, send.destination.transport, send.destination.flow});
      if (refusing_.contains(to))
        answers_.emplace(now_ + round_trip_, Answer{Protocol::sip, send.destination.transport, {}, send.destination.remote, "", true});
      if (refusing_.contains(to) || dead_.contains(to)) continue;
      const std::string answer = sip_answer(sent_.back());
      if (!answer.empty())
        answers_.emplace(now_ + round_trip_, Answer{Protocol::sip, send.destination.transport, {}, send.destination.remote, answer});
    }
    outbox_.clear();
  }

  std::string sip_answer(const Sent& sent) {
    const auto message = sip::Message::parse(sent.bytes);
    if (!message || !message->is_request()) return "";
    Reaction reaction;
    if (sent.to.starts_with(phones)) reaction.status = 0;  // what they do is for each test to say
    const std::string branch = sent.to + sent.branch();
    if (const auto given = given_.find(branch); given != given_.end()) {
      reaction = given->second;
    } else if (auto& once = once_[sent.to + sent.method()]; !once.empty()) {
      reaction = once.front();
      once.erase(once.begin());
    } else if (const auto usual = reactions_[sent.to].find(sent.method()); usual != reactions_[sent.to].end()) {
      reaction = usual->second;
    }
    given_[branch] = reaction;
    if (reaction.status == 0) return "";
    std::string bytes = "SIP/2.0 " + std::to_string(reaction.status) + " Whatever\r\n";
    for (const auto& line : message->lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::call_id ||
          line.header == sip::Header::cseq || (line.header == sip::Header::record_route && reaction.status / 100 == 2))
        bytes += line.line;
    bytes += "To: " + std::string{message->value(sip::Header::to)} + (message->to_tag().empty() ? ";tag=s\r\n" : "\r\n");
    if (reaction.status == 200 && sent.method() == "REGISTER" && !sent.removes() && reaction.headers.empty())
      bytes += "Contact: " + std::string{message->value(sip::Header::contact)} +
               ";expires=" + std::string{message->value(sip::Header::expires)} + "\r\n";
    return bytes + reaction.headers + "Content-Length: 0\r\n\r\n";
  }

  std::string zone_answer(const std::string& query) {
    const auto asked = dns::Message::parse(query);
    const dns::Question& question = asked->questions.at(0);
    const std::string name = lower_case(question.name.text());
    const bool is_srv = question.type == dns::type::srv;
    queries_.push_back((is_srv ? "SRV " : question.type == dns::type::a ? "A " : "? ") + name);
    std::string out;
    const auto any_rcode = static_cast<std::uint16_t>(rcode_);
    dns::Builder builder{out, asked->id, static_cast<std::uint16_t>(dns::flag::qr | dns::flag::rd | dns::flag::ra | any_rcode), question};
    const auto add_address = [&](dns::Section section, const std::string& host) {
      const auto address = hosts_.find(host);
      if (address == hosts_.end()) return;
      const auto parsed = *Address::parse(address->second);
      const auto four = parsed.bytes();
      builder.add(section, *dns::Name::from_text(host), dns::type::a, dns::class_in, ttl_, {reinterpret_cast<const char*>(four.data()), 4});
    };
    if (rcode_ == dns::Rcode::no_error && is_srv && name.starts_with("_sip._udp.example.test")) {
      for (const Service& one : zone_)
        builder.add(dns::Section::answer, question.name, dns::type::srv, dns::class_in, ttl_,
                    dns::Srv{one.priority, one.weight, 5060, *dns::Name::from_text(one.host)}.data());
      if (additional_)
        for (const Service& one : zone_) add_address(dns::Section::additional, one.host);
    }
    if (rcode_ == dns::Rcode::no_error && question.type == dns::type::a)
      add_address(dns::Section::answer, name.substr(0, name.find_last_not_of('.') + 1));
    const bool is_there = question.type == dns::type::a || name.starts_with("_sip._udp.");
    if (has_soa_ && (rcode_ == dns::Rcode::nx_domain || !is_there)) {
      const std::string soa = std::string(2, '\0') + std::string(18, '\0') + "\x01\x2c";
      builder.add(dns::Section::authority, *dns::Name::from_text("example.test"), dns::type::soa, dns::class_in, ttl_, soa);
    }
    return out;
  }

  std::map<std::string, std::map<std::string, Reaction>> reactions_;
  std::map<std::string, std::vector<Reaction>> once_;
  std::map<std::string, Reaction> given_;  ///< to retransmissions the same
  std::set<std::string> dead_, refusing_;
  std::multimap<Instant, Answer> answers_;
};

}  // namespace ringhold::agent
