#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "branch_device/branch_bench.hpp"

namespace ringhold::branch_device {

/// 8002 has up to three terminals, of which t0 is the first one; the central site is lost (behaviour part 5).
class Pushing : public Branch {
 protected:
  static constexpr const char* t0 = "10.77.0.41:5060";
  static constexpr const char* t1 = "10.77.0.42:5060";
  static constexpr const char* t2 = "10.77.0.43:5060";
  static constexpr const char* sender = "10.77.0.31:5060";

  Pushing() {
    configure(settings());
    lose_central();
  }
  void configure(Settings given) { device_.reconfigure(given, now_, outbox_); }
  /// Runs one step of the mind, takes what it sends, and lets the disk keep what it wants kept.
  template <typename Run>
  std::invoke_result_t<Run> step(Run run) {
    outbox_.clear();
    auto result = run();
    for (;;) {
      for (const auto& send : outbox_.sends())
        if (send.destination.protocol == Protocol::sip) {
          sent_[send.destination.remote.text()].push_back(std::string{outbox_.message(send)});
          transports_[send.destination.remote.text()] = send.destination.transport;
        }
      for (const auto& id : outbox_.settled()) settled_.push_back(id);
      for (const Change& change : outbox_.changes()) {
        if (change.columns.empty())
          rows_.erase({change.table, change.key});
        else
          rows_[{change.table, change.key}] = change.columns.unpacked();
      }
      const auto promised = outbox_.promised();
      outbox_.clear();
      if (!promised || !disk_works_) return result;
      device_.committed(*promised, now_, outbox_);
    }
  }
  /// `more` are parameters of the Contact.
  void register_at(const std::string& address, const std::string& more = "", const std::string& user_agent = "Phone 1",
                   const std::string& user = "8002", const std::string& call_id = "") {
    const std::string id = std::to_string(++registers_);
    std::string bytes =
        request("REGISTER", "sip:example.test", user, "sip:" + user + "@example.test", address, "r" + id, registers_,
                "Contact: <sip:" + user + "@" + address + ">;expires=120" + more + "\r\nUser-Agent: " + user_agent + "\r\n");
    const std::string usual = "c-" + user + "-REG";
    bytes.replace(bytes.find(usual), usual.size(), call_id.empty() ? "reg-" + user + address : call_id);
    receive(address, bytes);
    ASSERT_EQ(count(address, "SIP/2.0 200 ") > 0, true) << last(address);
  }
  /// The last one that registers is the first one to be served.
  void register_all() {
    for (const char* terminal : {t2, t1, t0}) {
      register_at(terminal);
      pass_time(1s);
    }
  }
  static std::string contact(const std::string& address) { return "sip:8002@" + address; }

  PushReport push(const Push& given) {
    const Answer answer = step([&] { return device_.command(given, now_, outbox_); });
    const auto* reports = std::get_if<std::vector<PushReport>>(&answer);
    if (reports == nullptr || reports->size() != 1) {
      const auto* refused = std::get_if<Refused>(&answer);
      ADD_FAILURE() << (refused != nullptr ? refused->detail : "no report");
      return {};
    }
    id_ = reports->front().id;
    return report();
  }
  PushReport push_text(const std::string& body = "hello") { return push(Push{.to = "8002", .body = body}); }
  Refused refusal(const Push& given) {
    const Answer answer = step([&] { return device_.command(given, now_, outbox_); });
    const auto* refused = std::get_if<Refused>(&answer);
    return refused != nullptr ? *refused : Refused{0, "it was taken"};
  }
  PushReport report(const std::string& id = "") {
    const Answer answer = device_.command(GetPushes{id.empty() ? id_ : id, 1}, now_, outbox_);
    const auto& reports = std::get<std::vector<PushReport>>(answer);
    return reports.empty() ? PushReport{} : reports.front();
  }
  /// "10.77.0.41:302 10.77.0.42:200": who was asked, and what he said.
  std::string steps() {
    std::string text;
    for (const auto& step : report().steps) {
      const auto uri = sip::Uri::parse(step.target);
      text += (text.empty() ? "" : " ") + std::string{uri ? uri->host : step.target} + ":" + std::to_string(step.status);
    }
    return text;
  }
  std::vector<RedirectReport> redirects() { return std::get<std::vector<RedirectReport>>(device_.command(GetRedirects{}, now_, outbox_)); }

  /// What was sent since the last clear() to an address.
  std::vector<std::string> all(const std::string& address) const {
    const auto found = sent_.find(address);
    return found == sent_.end() ? std::vector<std::string>{} : found->second;
  }
  std::string last(const std::string& address) const {
    const auto messages = all(address);
    return messages.empty() ? "" : messages.back();
  }
  std::size_t count(const std::string& address, std::string_view method = "MESSAGE") const {
    std::set<std::string> different;
    for (const std::string& message : all(address))
      if (message.starts_with(method)) different.insert(message);
    return different.size();
  }
  void clear() { sent_.clear(); }

  void receive(const std::string& from, const std::string& bytes, Transport transport = Transport::udp, FlowId flow = FlowId{1}) {
    step([&] {
      device_.receive({Protocol::sip, transport, flow, at("10.77.0.2"), at(from), bytes}, now_, outbox_);
      return 0;
    });
  }
  /// The terminal answers the last request that it got; `more` are whole lines.
  void answers(const std::string& address, int status, const std::string& more = "") { says(address, last(address), status, more); }
  void says(const std::string& address, const std::string& request, int status, const std::string& more = "") {
    ASSERT_FALSE(request.empty()) << address;
    std::string bytes = answer(request, status, "t" + address.substr(8, 2), "");
    bytes.insert(bytes.find("Content-Length"), more);
    receive(address, bytes);
  }
  /// A REGISTER's refresh, an answer by the way, and what is due in between.
  void pass_time(Duration duration) {
    const Instant until = now_ + duration;
    while (device_.next_expiry() && *device_.next_expiry() <= until) {
      now_ = std::max(now_, *device_.next_expiry());
      step([&] { return device_.expire(now_, outbox_), 0; });
    }
    now_ = until;
    step([&] { return device_.expire(now_, outbox_), 0; });
  }
  static std::string header(const std::string& bytes, sip::Header header) {
    const auto message = sip::Message::parse(bytes);
    return message ? std::string{message->value(header)} : "";
  }
  static std::string body(const std::string& bytes) {
    const auto message = sip::Message::parse(bytes);
    return message ? std::string{message->body()} : "";
  }
  static std::string uri(const std::string& bytes) {
    const auto message = sip::Message::parse(bytes);
    return message ? std::string{message->request_uri()} : "";
  }

  std::vector<Row> rows() const {
    std::vector<Row> rows;
    for (const auto& [key, columns] : rows_) rows.push_back({key.first, columns});
    return rows;
  }
  std::size_t kept(Table table) const {
    return static_cast<std::size_t>(std::ranges::count_if(rows_, [&](const auto& row) { return row.first.first == table; }));
  }
  /// kill -9, and a new start with what was on disk.
  void restart() {
    device_ = BranchDevice{settings_, random_};
    device_.restore(rows(), now_);
    step([&] { return device_.start(now_, outbox_), 0; });
    device_.reconfigure(settings_, now_, outbox_);
    outbox_.clear();
  }

  Settings settings_ = settings();
  std::map<std::string, std::vector<std::string>> sent_;
  std::map<std::string, Transport> transports_;
  std::vector<Text> settled_;
  std::map<std::pair<Table, Text>, std::vector<Column>> rows_;
  bool disk_works_ = true;
  std::string id_;
  int registers_ = 0;
};

}  // namespace ringhold::branch_device
