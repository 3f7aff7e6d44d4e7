#include "sim/checkers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/vandal.hpp"

namespace ringhold::sim {

namespace {

// DIS-25: 3 x (5 + 2) s and a tenth, and what the last packet may still be on its way.
constexpr Duration loss_known_within = 23'400ms;
constexpr Duration dwell = 30s;
constexpr Duration longest_binding = 120s;  // R5
// RST-09: two probes of 4 s, the BYE, and what is lost on the way.
constexpr Duration released_within = 15s;
// Timer C (RFC 3261 §16.6 step 11), the CANCEL's wait and Timer B of what it was forwarded to.
constexpr Duration longest_invite = 185s + 32s + 32s + 10s;
// What we answer ourselves is answered at once.
constexpr Duration own_answer_within = 1s;

bool is_sip(const Endpoint& local) { return local.port == bench::sip_port; }

std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 800)) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 && code < 0x7f && c != '\\')
      text.push_back(c);
    else
      text += fmt::format("\\x{:02x}", code);
  }
  return text;
}

std::string key_of(const Endpoint& peer, const SipMessage& message) {
  const std::string method = message.is_request() ? message.method : message.cseq_method();
  // Over TCP a response may come by another connection than its request (RFC 3261 §18.2.2).
  return fmt::format("{} {} {} {}", peer.address.text(), parameter(message.get("Via"), "branch").value_or(""), method,
                     message.get("Call-ID"));
}

}  // namespace

void Checkers::broken(std::string what) {
  const double seconds = std::chrono::duration<double>(world_.clock.now() - world_.clock.start()).count();
  world_.ladder.event(world_.clock.now(), "BROKEN", what);
  if (violations_.size() < 20) violations_.push_back(fmt::format("at {:.3f} s: {}", seconds, what));
}

void Checkers::box_received(const Datagram& datagram) {
  if (!is_sip(datagram.to) && datagram.connection == 0) return;
  if (datagram.from.address == Vandal::insider() || datagram.from.address == Vandal::outsider()) return;
  const auto message = parse_sip(datagram.bytes);
  if (!message || !message->is_request() || message->method == "ACK") return;
  const std::string key = key_of(datagram.from, *message);
  const bool is_new = open_.emplace(key, Request{message->method, world_.clock.now()}).second;
  if (is_new) ++requests_;
  if (message->method != "CANCEL") return;
  SipMessage invite = *message;
  invite.method = "INVITE";
  if (const auto found = open_.find(key_of(datagram.from, invite)); found != open_.end()) found->second.cancelled = true;
}

void Checkers::box_sent(const Datagram& datagram) {
  if (!is_sip(datagram.from)) {
    if (!parse_dns(datagram.bytes)) broken("the box sent bytes that are no DNS message to " + datagram.to.text());
    return;
  }
  if (datagram.to.address == Vandal::outsider()) return broken("the box sent SIP to an outsider (X3): " + describe_sip(datagram.bytes));
  const auto message = parse_sip(datagram.bytes);
  if (datagram.to.address == Vandal::insider()) return;  // whoever sends damaged bytes may get them back
  if (!message) return broken("the box sent bytes that are no SIP message: " + printable(datagram.bytes));
  for (const std::string_view header : {"Via", "From", "To", "Call-ID", "CSeq"})
    if (message->get(header).empty()) broken(fmt::format("the box sent a message without {}: {}", header, printable(datagram.bytes)));
  if (message->is_request() && message->get("Max-Forwards").empty())
    broken("the box sent a request without Max-Forwards: " + printable(datagram.bytes));
  if (!message->is_request()) return sent_response(datagram, *message);
  if (message->get("Reason").find("Terminal ") != std::string_view::npos) sent_release(*message);
}

Phone* Checkers::phone(unsigned number) const {
  if (phones_ != nullptr)
    for (const auto& each : *phones_)
      if (each->settings().number == number) return each.get();
  return nullptr;
}

void Checkers::sent_release(const SipMessage& message) {
  const std::string call_id{message.get("Call-ID")};
  const auto alive = [&](std::string_view header) {
    const std::string_view value = message.get(header);
    const auto user = value.find("sip:user");
    const auto number = user == std::string_view::npos ? std::nullopt : parse_number(value.substr(user + 8, value.find('@') - user - 8));
    const Phone* const one = number ? phone(*number) : nullptr;
    return one != nullptr && one->powered() && one->has_call(call_id);
  };
  // A CANCEL speaks of the caller; of two BYEs each is in the name of the other side.
  if (alive("From") && (message.method == "CANCEL" || alive("To"))) broken("a living call was released: " + call_id + " (RST-09)");
}

void Checkers::watch_calls_of(unsigned number, const CallBook& book) {
  std::erase_if(lost_calls_, [&](const LostCall& call) { return call.restarted == number || call.other == number; });
  for (const CallAttempt& attempt : book) {
    if (attempt.end != CallAttempt::End::answered || attempt.bye_status != 0 || !bench::is_branch(attempt.via.address)) continue;
    if (attempt.caller != number && attempt.callee != number) continue;
    const unsigned other = attempt.caller == number ? attempt.callee : attempt.caller;
    const Phone* const left = phone(other);
    const Phone* const lost = phone(number);
    if (attempt.both_here && left != nullptr && left->has_call(attempt.call_id) && lost->has_call(attempt.call_id))
      lost_calls_.push_back({attempt.call_id, number, other, attempt.ended_at, std::nullopt});
  }
}

void Checkers::judge_releases() {
  const Instant now = world_.clock.now();
  std::erase_if(lost_calls_, [&](LostCall& call) {
    const Phone& restarted = *phone(call.restarted);
    const Phone& other = *phone(call.other);
    if (!other.powered() || !other.has_call(call.call_id)) return true;
    const auto at = restarted.registered_at();
    if (!call.back_at && at && bench::is_branch(at->address)) call.back_at = now;
    // X5: a kill may lose what the last second has brought, or what came while the disk failed.
    const auto forgot = [&](const Kill& kill) { return kill.at >= call.answered_at && kill.kept_until <= call.answered_at + 1s; };
    if (std::ranges::any_of(kills_, forgot) || (call.back_at && box_died_since(*call.back_at - released_within))) return true;
    if (!call.back_at || now - *call.back_at < released_within) return false;
    broken(fmt::format("call {} is still up at user{} although user{} was restarted and is back for {} s (B1)", call.call_id, call.other,
                       call.restarted, released_within / 1s));
    return true;
  });
}

void Checkers::sent_response(const Datagram& datagram, const SipMessage& message) {
  const auto found = open_.find(key_of(datagram.to, message));
  if (found == open_.end()) {
    if (kills_.empty()) broken("the box answered a request that it never received: " + describe_sip(datagram.bytes));
    return;
  }
  Request& request = found->second;
  if (message.status < 200) return;
  const bool both_2xx = request.method == "INVITE" && request.final_status / 100 == 2 && message.status / 100 == 2;
  // A box that was killed forgot what it had answered; a new one judges a repeated request anew.
  if (request.final_status != 0 && request.final_status != message.status && !both_2xx && !box_died_since(request.at))
    broken(fmt::format("two final responses to one {}: {} and {}", request.method, request.final_status, message.status));
  request.final_status = message.status;
  if (request.method == "REGISTER" && message.status >= 300 && dead_since_ && world_.clock.now() - *dead_since_ > loss_known_within + 2s)
    broken(fmt::format("a phone was refused with {} while the central site was dead: {}", message.status, datagram.to.text()));
}

void Checkers::box_spins() { broken("the timers of the box spin"); }

void Checkers::box_killed(Instant kept_until) { kills_.push_back({world_.clock.now(), kept_until}); }

void Checkers::phone_power_changed(unsigned number) { power_changes_.emplace_back(number, world_.clock.now()); }

bool Checkers::box_died_since(Instant moment) const {
  return std::any_of(kills_.begin(), kills_.end(), [&](const Kill& kill) { return kill.at >= moment; });
}

void Checkers::look(const Situation& situation) {
  const Instant now = world_.clock.now();
  if (!situation.site_dead)
    dead_since_.reset();
  else if (!dead_since_)
    dead_since_ = now;
  if (!situation.site_well) unwell_.push_back(now);
  if (!situation.site_well)
    well_since_.reset();
  else if (!well_since_)
    well_since_ = now;
  if (situation.mode.empty()) return;

  if (dead_since_) {
    const Duration known_for = now - std::max(*dead_since_, situation.box_since);
    // A return that was under way waits out its dwell time first (INT-06).
    const Duration limit = situation.mode == "recovering" ? loss_known_within + dwell + 1s : loss_known_within + 1s;
    if (situation.mode != "survivable" && known_for > limit && known_for <= limit + 1s)
      broken(fmt::format("mode {} although the central site is dead for {} s (DIS-25)", situation.mode, known_for / 1s));
  }
  if (well_since_) {
    const Duration known_for = now - std::max(*well_since_, situation.box_since);
    if (situation.mode == "survivable" && known_for > 2 * dwell && known_for <= 2 * dwell + 1s)
      broken("mode survivable although all is well for a minute (S4)");
  }
}

bool Checkers::disturbed(const CallAttempt& attempt, Instant until) const {
  // Up to a second before a kill a binding may be lost; the phone notices at its next refresh.
  const auto within = [&](Instant moment) { return moment >= attempt.at - longest_binding && moment <= until; };
  if (std::ranges::any_of(kills_, within, &Kill::at)) return true;
  return std::any_of(power_changes_.begin(), power_changes_.end(), [&](const auto& change) {
    return (change.first == attempt.caller || change.first == attempt.callee) && within(change.second);
  });
}

bool Checkers::must_succeed(const CallAttempt& attempt, Instant until) const {
  if (disturbed(attempt, until)) return false;
  if (attempt.both_here) return true;
  // Half and half: the central site must be there, and known to be.
  return attempt.half_here && std::none_of(unwell_.begin(), unwell_.end(),
                                           [&](Instant moment) { return moment >= attempt.at - 2 * dwell && moment <= until + 1s; });
}

void Checkers::judge_calls(const CallBook& book) {
  for (const CallAttempt& attempt : book) {
    if (!must_succeed(attempt, attempt.end == CallAttempt::End::pending ? world_.clock.now() : attempt.ended_at)) continue;
    const double at = std::chrono::duration<double>(attempt.at - world_.clock.start()).count();
    const auto call = fmt::format("call of user{} to user{} at {:.3f} s, {},", attempt.caller, attempt.callee, at,
                                  attempt.both_here ? "both registered here" : "one here and one at the central site");
    switch (attempt.end) {
      case CallAttempt::End::answered:
        if (attempt.bye_status != 0 && attempt.bye_status != 200 && attempt.bye_status != 481 && must_succeed(attempt, attempt.bye_at))
          broken(fmt::format("{} could not be ended: BYE got {}", call, attempt.bye_status));
        break;
      case CallAttempt::End::pending:
        if (world_.clock.now() - attempt.at > longest_invite) broken(fmt::format("{} was never answered nor refused", call));
        break;
      case CallAttempt::End::failed: broken(fmt::format("{} failed with {}", call, attempt.status)); break;
      case CallAttempt::End::refused:
      case CallAttempt::End::cancelled:
      case CallAttempt::End::power_lost: break;
    }
  }
}

void Checkers::judge_requests() {
  const Instant now = world_.clock.now();
  for (const auto& [key, request] : open_) {
    if (request.final_status != 0 || box_died_since(request.at)) continue;
    const bool is_own = request.method == "REGISTER" || request.method == "CANCEL";
    // RFC 4320 §4.1: a relayed request that is no INVITE may time out without an answer of ours.
    if (!is_own && request.method != "INVITE") continue;
    if (now - request.at > (is_own ? own_answer_within : longest_invite))
      broken(fmt::format("{} got no final response: {}", request.method, key));
  }
}

void Checkers::judge_dns(const std::vector<std::unique_ptr<Phone>>& phones, bool lan_is_clean) {
  if (!lan_is_clean || !kills_.empty()) return;
  for (const auto& phone : phones) {
    // INT-01: no DNS answer later than a second.
    if (phone->resolver().slowest_answer() > 1s)
      broken(fmt::format("{} waited {} ms for DNS", phone->user(), phone->resolver().slowest_answer() / 1ms));
    if (phone->resolver().failures() > 0) broken(phone->user() + " got no DNS answer");
  }
}

}  // namespace ringhold::sim
