#pragma once

#include <string>
#include <vector>

#include "agent/agent_bench.hpp"

namespace ringhold::agent {

/// An agent with phones behind it: addresses in 10.77.1.0/24 that use its listener.
class EdgeBench : public AgentBench {
 protected:
  static constexpr const char* listener = "10.77.0.5:5080";
  static constexpr const char* uplink = "10.77.0.5:5066";
  static constexpr const char* p1 = "10.77.1.1:5060";
  static constexpr const char* p2 = "10.77.1.2:5060";
  static constexpr const char* challenge = "Proxy-Authenticate: Digest realm=\"example.test\", nonce=\"n1\", qop=\"auth\"\r\n";

  static Settings edge(const std::vector<std::string>& servers) {
    Settings settings = with(servers);
    settings.listen = {*Target::parse("udp:10.77.0.5:5080"), *Target::parse("tcp:10.77.0.5:5080")};
    settings.networks = {*Network::parse("10.77.1.0/24")};
    return settings;
  }
  static Settings edge_of_two(const std::vector<std::string>& servers) {
    Settings settings = edge(servers);
    settings.accounts.push_back({"sip:bob@example.test", "bob", "secret2"});
    return settings;
  }

  /// One request; a new Call-ID and branch each time, unless `more` brings a Call-ID.
  struct Ask {
    std::string method = "INVITE";
    std::string uri = "sip:carol@example.test";
    std::string from = "sip:alice@example.test";
    std::string to{};  ///< value of To; empty: the URI
    std::string more{};
    std::string call_id{};
    int cseq = 1;
  };
  std::string request(const Ask& ask, const std::string& sender) {
    ++number_;
    call_id_ = ask.call_id.empty() ? "call-" + std::to_string(number_) : ask.call_id;
    return ask.method + " " + ask.uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + sender + ";branch=z9hG4bKp" + std::to_string(number_) +
           "\r\nMax-Forwards: 70\r\n" + "From: <" + ask.from + ">;tag=f\r\nTo: " + (ask.to.empty() ? "<" + ask.uri + ">" : ask.to) +
           "\r\nCall-ID: " + call_id_ + "\r\nCSeq: " + std::to_string(ask.cseq) + " " + ask.method + "\r\n" + ask.more +
           "Content-Length: 0\r\n\r\n";
  }
  static std::string contact_at(const std::string& user, const std::string& place) {
    return "Contact: <sip:" + user + "@" + place + ">\r\n";
  }
  void phone(const std::string& from, const Ask& ask) { receive(from, listener, request(ask, from)); }
  void asks(const std::string& server, const Ask& ask) { receive(server, uplink, request(ask, server)); }
  /// An answer of a phone or a server to what was sent to it.
  void reply(const Sent& sent, int status, const std::string& more = "") {
    const auto message = sip::Message::parse(sent.bytes);
    std::string bytes = "SIP/2.0 " + std::to_string(status) + " Whatever\r\n";
    for (const auto& line : message->lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::call_id ||
          line.header == sip::Header::cseq || line.header == sip::Header::record_route)
        bytes += line.line;
    bytes += "To: " + std::string{message->value(sip::Header::to)} + (message->to_tag().empty() ? ";tag=" + sent.to : "") + "\r\n";
    receive(sent.to, sent.to.starts_with(phones) ? listener : uplink, bytes + more + "Content-Length: 0\r\n\r\n");
  }
  void register_at_us(const std::string& from, const std::string& user, const std::string& more = "Expires: 60\r\n") {
    const std::string aor = "sip:" + user + "@example.test";
    phone(from,
          {.method = "REGISTER", .uri = "sip:example.test", .from = aor, .to = "<" + aor + ">", .more = contact_at(user, from) + more});
  }

  /// What was sent there, without retransmissions.
  std::vector<Sent> sent(const std::string& method, const std::string& to) const {
    std::vector<Sent> found;
    std::set<std::string> seen;
    for (const Sent& one : sent_)
      if (one.to == to && one.method() == method && seen.insert(one.branch()).second) found.push_back(one);
    return found;
  }
  /// The statuses that went there, without 100 and what was sent again: "180 200".
  std::string statuses(const std::string& to) const {
    std::string text;
    std::set<std::string> seen;
    for (const Sent& one : sent_)
      if (one.to == to && one.bytes.starts_with("SIP/2.0 ") && !one.bytes.starts_with("SIP/2.0 100 ") && seen.insert(one.bytes).second)
        text += (text.empty() ? "" : " ") + one.bytes.substr(8, 3);
    return text;
  }
  std::string last_answer(const std::string& to) const {
    std::string text;
    for (const Sent& one : sent_)
      if (one.to == to && one.bytes.starts_with("SIP/2.0 ")) text = one.bytes;
    return text;
  }
  static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
  /// The Route set of who sent the request that got this answer (RFC 3261 §12.1.2).
  static std::string routes_of_caller(const std::string& answer) {
    std::vector<std::string> all;
    const auto message = sip::Message::parse(answer);
    message->for_each_value(sip::Header::record_route,
                            [&](std::string_view value, const sip::HeaderLine&) { return all.emplace_back(value), true; });
    std::string lines;
    for (auto one = all.rbegin(); one != all.rend(); ++one) lines += "Route: " + *one + "\r\n";
    return lines;
  }
  /// And of who got it (§12.1.1).
  static std::string routes_of_callee(const std::string& request) {
    std::string lines;
    const auto message = sip::Message::parse(request);
    message->for_each_value(sip::Header::record_route, [&](std::string_view value, const sip::HeaderLine&) {
      lines += "Route: " + std::string{value} + "\r\n";
      return true;
    });
    return lines;
  }

  std::string call_id_;  ///< of the last request
  int number_ = 0;
};

}  // namespace ringhold::agent
