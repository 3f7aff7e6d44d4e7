#include "sim/push_checkers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringhold::sim {

namespace {

using branch_device::PushReport;

constexpr unsigned most_hops = 5;         // PSH-13
constexpr Duration timer_f = 32s;         // then an answer is none
constexpr Duration on_the_lan = 1s;       // there and back, with what is lost
constexpr Duration between_minds = 10ms;  // a word of one worker to another
// 32 steps of 10 s, and what the disk is waited for.
constexpr Duration longest_delivery = 340s;

bool is_promise(std::string_view result) { return result == "stored" || result == "accepted"; }

}  // namespace

void PushCheckers::box_killed(Instant kept_until) {
  kills_.push_back({world_.clock.now(), kept_until});
  requests_.clear();
  for (auto& [id, message] : messages_) message.waits = false;
  for (auto& [number, order] : orders_) order.pending_since.reset();
}

bool PushCheckers::forgot(Instant since) const {
  return std::ranges::any_of(kills_, [&](const Kill& kill) { return kill.at >= since && since >= kill.kept_until; });
}

bool PushCheckers::died_since(Instant moment) const {
  return std::ranges::any_of(kills_, [&](const Kill& kill) { return kill.at >= moment; });
}

void PushCheckers::box_received(const Datagram& datagram) {
  const auto response = parse_sip(datagram.bytes);
  if (!response || response->is_request() || response->status < 200 || response->cseq_method() != "MESSAGE") return;
  const auto found = requests_.find(parameter(response->get("Via"), "branch").value_or(""));
  if (found == requests_.end() || found->second.is_answered || world_.clock.now() >= found->second.at + timer_f) return;
  found->second.is_answered = true;
  // From outside of the branch an error of the network may have come first.
  if (response->status >= 300 || !bench::is_branch(found->second.to.address)) return;
  Message& message = messages_[found->second.message];
  if (!message.taken_at) message.taken_at = world_.clock.now();
}

void PushCheckers::box_sent(const Datagram& datagram) {
  const auto request = parse_sip(datagram.bytes);
  if (!request || request->method != "MESSAGE" || !push_number(request->body)) return;
  const bool is_central = datagram.to.address == bench::central_sip(1) || datagram.to.address == bench::central_sip(2);
  if (!bench::is_branch(datagram.to.address) && !is_central)
    checkers_.broken(fmt::format("content left for {}: {} (PSH-14)", datagram.to.text(), request->uri));
  // With a Via of another one below it is a relay.
  if (request->all("Via").size() == 1) sent_own(*request, datagram, parameter(request->get("Via"), "branch").value_or(""));
}

void PushCheckers::sent_own(const SipMessage& request, const Datagram& datagram, const std::string& branch) {
  if (requests_.contains(branch)) return;
  const Instant now = world_.clock.now();
  const unsigned number = *push_number(request.body);
  const std::string_view call_id = request.get("Call-ID");
  const std::string id{call_id.substr(0, call_id.find('.'))};
  Message& message = messages_[id];
  message.size = request.body.size();
  if (message.taken_at && now > *message.taken_at + between_minds && !forgot(*message.taken_at))
    checkers_.broken(fmt::format("push {} ({}) was taken, and goes to {} nevertheless (PSH-18)", number, id, request.uri));
  if (message.result == "failed" && !died_since(looked_at_))
    checkers_.broken(fmt::format("push {} ({}) has failed, and goes to {} nevertheless", number, id, request.uri));
  judge_order_of_stored(id, message);
  message.waits = false;
  requests_[branch] = {number, id, datagram.to, now, request.get("Via").starts_with("SIP/2.0/UDP"), false};
}

void PushCheckers::judge_order_of_stored(const std::string& id, const Message& message) {
  if (!message.was_stored) return;
  const Instant now = world_.clock.now();
  for (const auto& [branch, other] : requests_) {
    if (other.message == id || other.is_answered || !other.is_datagram || !bench::is_branch(other.to.address)) continue;
    const Message& before = messages_[other.message];
    if (before.was_stored && before.user == message.user && before.result != "failed" && now < other.at + timer_f)
      checkers_.broken(fmt::format("{} and {} of {}'s stored messages are on their way together (X-19)", other.message, id, message.user));
  }
  if (!message.waits) return;
  for (const auto& [older, before] : messages_)
    // One that is too large may have failed without being sent.
    if (older < id && before.waits && before.user == message.user && before.expires > now && before.size < 1'000)
      checkers_.broken(fmt::format("{} of {} comes before {} (X-19)", id, message.user, older));
}

void PushCheckers::ordered(const PushOrder& order) { orders_[order.number].order = order; }

void PushCheckers::told(unsigned number, const PushReport& report) {
  judge_report(report);
  Order& order = orders_[number];
  order.ids.insert(report.id);
  messages_[report.id].size = order.order.size;
  if (!order.promised.empty() && report.id != order.promised && !order.order.by_sip)
    checkers_.broken(fmt::format("push {} with key {} was {}, and is {} now", number, order.order.key, order.promised, report.id));
  if (order.said == "delivered" && report.result != "delivered" && !forgot(*order.said_at))
    checkers_.broken(fmt::format("push {} ({}) was delivered, and is {} now", number, report.id, report.result));
  if (report.result == "pending") {
    if (!order.pending_since) order.pending_since = world_.clock.now();
    return;
  }
  order.pending_since.reset();
  order.said = report.result;
  order.said_at = world_.clock.now();
  if (is_promise(report.result)) order.promised = report.id;
}

void PushCheckers::refused(unsigned number, int status, std::string_view why) {
  Order& order = orders_[number];
  if (order.said.empty()) order.said = std::to_string(status);
  checkers_.broken(fmt::format("push {} was refused with {} {}", number, status, why));
}

void PushCheckers::answered(unsigned number, int status, const std::string& tag) {
  Order& order = orders_[number];
  order.said = std::to_string(status);
  order.said_at = world_.clock.now();
  if (status == 408 && lan_is_clean_ && !died_since(order.order.at))
    checkers_.broken(fmt::format("push {} of a phone got no answer (RFC 4320)", number));
  if (status >= 300) return;
  order.ids.insert(tag);
  // 200: it is delivered, and only the record may be lost with a kill.
  if (status == 202) order.promised = tag;
}

void PushCheckers::judge_report(const PushReport& report) {
  std::set<std::string> targets;
  for (const auto& step : report.steps) {
    if (!targets.insert(step.target).second)
      checkers_.broken(fmt::format("{} was sent twice to {} in one delivery (PSH-13)", report.id, step.target));
    if (step.hop > most_hops) checkers_.broken(fmt::format("{} went {} hops (PSH-13)", report.id, step.hop));
  }
  if (report.result == "failed" && (report.reason.empty() || report.reason == "none"))
    checkers_.broken(fmt::format("{} has failed for no reason (PSH-11)", report.id));
  const auto took_it = [](const PushReport::Step& step) { return step.status / 100 == 2; };
  if (report.result == "delivered" && std::ranges::none_of(report.steps, took_it))
    checkers_.broken(fmt::format("{} was delivered to nobody", report.id));
}

void PushCheckers::look(std::span<const PushReport> reports) {
  std::map<std::string, unsigned> on_their_way;
  for (auto& [id, message] : messages_) message.waits = false;
  for (const PushReport& report : reports) {
    judge_report(report);
    Message& message = messages_[report.id];
    message.user = report.to;
    message.result = report.result;
    message.size = report.size;
    const bool is_sent = std::ranges::any_of(report.steps, [](const auto& step) { return step.until_ms < 0; });
    message.waits = report.result == "stored" && report.steps.empty();
    if (message.waits) message.expires = report.expires.value_or(Instant::max());
    message.was_stored = message.was_stored || message.waits;
    if (message.was_stored && is_sent && report.result != "failed" && report.result != "delivered" && ++on_their_way[report.to] == 2)
      checkers_.broken(fmt::format("two stored messages of {} are on their way (X-19)", report.to));
  }
  looked_at_ = world_.clock.now();
  std::set<std::string_view> known;
  for (const PushReport& report : reports) known.insert(report.id);
  for (auto& [number, order] : orders_) {
    if (!order.promised.empty() && !known.contains(order.promised)) {
      checkers_.broken(fmt::format("push {} ({}) is lost (P8)", number, order.promised));
      order.promised.clear();
    }
    if (order.pending_since && looked_at_ - *order.pending_since > longest_delivery) {
      checkers_.broken(fmt::format("push {} is not settled for {} s", number, longest_delivery / 1s));
      order.pending_since.reset();
    }
  }
}

void PushCheckers::judge_one(const Order& order, const std::map<std::string, const PushReport*>& by_id, const std::set<std::string>& users,
                             const std::set<unsigned>& taken) {
  const unsigned number = order.order.number;
  const auto broken = [&](std::string_view what) {
    checkers_.broken(fmt::format("push {} to {}, of which was said \"{}\", {}", number, order.order.user, order.said, what));
  };
  if (order.said.empty() && !order.order.by_sip && !died_since(order.order.at)) broken("was never settled");
  if ((order.said == "delivered" || order.said == "200") && !taken.contains(number)) broken("came to nobody");
  for (const std::string& id : order.ids) {
    const auto found = by_id.find(id);
    if (found == by_id.end()) continue;  // if it was promised, it was missed before
    const PushReport& report = *found->second;
    if (report.result == "delivered" && !taken.contains(number)) broken("was delivered, and came to nobody");
    if (report.result == "pending" || report.result == "accepted") broken("is still on its way (" + report.result + ")");
    if (report.result == "stored" && users.contains(order.order.user)) broken("still waits (" + id + ") although somebody is there (P8)");
    // Once it is promised, it may be refused, or nobody wants it any more; but a store has no excuse.
    if (id == order.promised && report.reason.starts_with("store-")) broken("was given up by the store: " + report.reason);
  }
}

void PushCheckers::judge(std::span<const PushReport> reports, const std::set<std::string>& users, const std::vector<PushSeen>& seen) {
  look(reports);
  std::map<std::string, const PushReport*> by_id;
  for (const PushReport& report : reports) {
    by_id[report.id] = &report;
    delivered_ += report.result == "delivered" ? 1 : 0;
    if (report.result == "pending" || report.result == "accepted" ||
        std::ranges::any_of(report.steps, [](const auto& step) { return step.until_ms < 0; }))
      checkers_.broken(fmt::format("push {} is {} when all is quiet", report.id, report.result));
  }
  std::set<unsigned> taken;
  for (const PushSeen& one : seen)
    if (one.has_taken) taken.insert(one.number);
  for (const auto& [number, order] : orders_) judge_one(order, by_id, users, taken);
  judge_terminals(seen);
}

void PushCheckers::judge_terminals(const std::vector<PushSeen>& seen) {
  // As the terminals saw it, and also when the box relays to itself what another worker's user shall get.
  std::map<std::pair<unsigned, unsigned>, const PushSeen*> first;
  std::map<std::string, Instant> began;  // a terminal that was restarted sees a request anew
  for (const PushSeen& one : seen) {
    began.try_emplace(one.branch, one.at);
    if (!one.is_direct || one.status / 100 != 2) continue;
    const auto [before, is_new] = first.try_emplace({one.phone, one.number}, &one);
    const PushSeen& earlier = *before->second;
    if (is_new || earlier.branch == one.branch || one.at < earlier.answered_at + on_the_lan) continue;
    if (!lan_is_clean_ || earlier.answered_at - began[earlier.branch] > timer_f - on_the_lan || died_since(earlier.at)) continue;
    checkers_.broken(fmt::format("phone{} got push {} twice, the second time {} ms after it had taken it (PSH-18)", one.phone, one.number,
                                 (one.at - earlier.answered_at) / 1ms));
  }
}

}  // namespace ringhold::sim
