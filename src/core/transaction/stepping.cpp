#include "transaction/stepping.hpp"

#include <algorithm>

#include "sip/builder.hpp"

namespace ringhold::transaction {

namespace {

/// Timers that wait for late retransmissions do not wait where the transport makes none.
Instant after_if_unreliable(const Transaction& t, const Surroundings& around, Duration wait) {
  return is_reliable(t.destination.transport) ? around.now : around.now + wait;
}

void start_retransmissions(Transaction& t, const Surroundings& around) {
  if (is_reliable(t.destination.transport)) return;
  t.interval = around.timers.t1;
  t.retransmit_at = around.now + t.interval;
}

/// Counted from when it was due, so that a slow moment does not shift those that follow; but never in a burst.
void retransmit_after(Transaction& t, const Surroundings& around, Duration interval) {
  t.interval = interval;
  const Instant due = t.retransmit_at == never ? around.now : t.retransmit_at;
  t.retransmit_at = due + interval > around.now ? due + interval : around.now + interval;
}

void send_request(const Transaction& t, const Surroundings& around) { around.outbox.send(t.destination, t.request()); }

void send_ack(const Transaction& t, const Surroundings& around) {
  const auto invite = sip::Message::parse(t.request());
  if (!invite || around.response == nullptr) return;
  const std::size_t begin = around.outbox.bytes().size();
  sip::append_ack(around.outbox.bytes(), *invite, *around.response);
  around.outbox.sent(begin, t.destination);
}

/// A new response goes out and is kept if it may be needed again; else the kept one goes out.
void send_response(Transaction& t, const Surroundings& around, Outcome& outcome) {
  if (!around.begin) {
    if (!t.response().empty()) around.outbox.send(t.destination, t.response());
    return;
  }
  if (!is_reliable(t.destination.transport)) t.keep_response(std::string_view{around.outbox.bytes()}.substr(*around.begin));
  around.outbox.sent(*around.begin, t.destination);
  outcome.sent = true;
}

void tell_unacknowledged(const Transaction& t, const Surroundings& around) {
  around.outbox.note({"response_unacknowledged", {{"to", t.destination.remote.text()}, {"transport", name(t.destination.transport)}}});
}

void tell_undelivered(const Transaction& t, const Surroundings& around) {
  around.outbox.note({"response_undelivered", {{"to", t.destination.remote.text()}, {"transport", name(t.destination.transport)}}});
}

}  // namespace

Outcome step(Transaction& t, invite_client::Event event, const Surroundings& around) {
  using invite_client::Action;
  auto& state = std::get<invite_client::State>(t.state);
  const auto [next, actions] = invite_client::machine.step(state, event);
  state = next;
  Outcome outcome;
  actions.for_each([&](Action action) {
    switch (action) {
      case Action::send_request: return send_request(t, around);
      case Action::send_ack: return send_ack(t, around);
      case Action::double_a: return retransmit_after(t, around, t.interval * 2);
      case Action::stop_a: t.retransmit_at = never; return;
      case Action::stop_b: t.timeout_at = never; return;
      case Action::start_d: t.end_at = after_if_unreliable(t, around, around.timers.timeout()); return;
      case Action::start_m: t.end_at = around.now + around.timers.timeout(); return;
      case Action::pass_response: outcome.passed = true; return;
      case Action::report_timeout: outcome.failure = Failure::Cause::timeout; return;
      case Action::report_transport_error: outcome.failure = Failure::Cause::transport_error; return;
    }
  });
  return outcome;
}

Outcome step(Transaction& t, non_invite_client::Event event, const Surroundings& around) {
  using non_invite_client::Action;
  auto& state = std::get<non_invite_client::State>(t.state);
  const auto [next, actions] = non_invite_client::machine.step(state, event);
  state = next;
  Outcome outcome;
  actions.for_each([&](Action action) {
    switch (action) {
      case Action::send_request: return send_request(t, around);
      case Action::double_e: return retransmit_after(t, around, std::min(t.interval * 2, around.timers.t2));
      case Action::slow_e: return retransmit_after(t, around, around.timers.t2);
      case Action::stop_e: t.retransmit_at = never; return;
      case Action::stop_f: t.timeout_at = never; return;
      case Action::start_k: t.end_at = after_if_unreliable(t, around, around.timers.t4); return;
      case Action::pass_response: outcome.passed = true; return;
      case Action::report_timeout: outcome.failure = Failure::Cause::timeout; return;
      case Action::report_transport_error: outcome.failure = Failure::Cause::transport_error; return;
    }
  });
  return outcome;
}

Outcome step(Transaction& t, invite_server::Event event, const Surroundings& around) {
  using invite_server::Action;
  auto& state = std::get<invite_server::State>(t.state);
  const auto [next, actions] = invite_server::machine.step(state, event);
  state = next;
  Outcome outcome;
  actions.for_each([&](Action action) {
    switch (action) {
      case Action::send_response: return send_response(t, around, outcome);
      case Action::double_g: return retransmit_after(t, around, std::min(t.interval * 2, around.timers.t2));
      case Action::stop_g: t.retransmit_at = never; return;
      case Action::stop_h: t.timeout_at = never; return;
      case Action::start_g: return start_retransmissions(t, around);
      case Action::start_h: t.timeout_at = around.now + around.timers.timeout(); return;
      case Action::start_i: t.end_at = after_if_unreliable(t, around, around.timers.t4); return;
      case Action::start_l: t.end_at = around.now + around.timers.timeout(); return;
      case Action::pass_ack: outcome.passed = true; return;
      case Action::tell_unacknowledged: return tell_unacknowledged(t, around);
      case Action::tell_undelivered: return tell_undelivered(t, around);
    }
  });
  return outcome;
}

Outcome step(Transaction& t, non_invite_server::Event event, const Surroundings& around) {
  using non_invite_server::Action;
  auto& state = std::get<non_invite_server::State>(t.state);
  const auto [next, actions] = non_invite_server::machine.step(state, event);
  state = next;
  Outcome outcome;
  actions.for_each([&](Action action) {
    switch (action) {
      case Action::send_response: return send_response(t, around, outcome);
      case Action::start_j: t.end_at = after_if_unreliable(t, around, around.timers.timeout()); return;
      case Action::tell_undelivered: return tell_undelivered(t, around);
    }
  });
  return outcome;
}

Outcome step_request_again(Transaction& t, const Surroundings& around) {
  if (std::holds_alternative<invite_server::State>(t.state)) return step(t, invite_server::Event::invite, around);
  return step(t, non_invite_server::Event::request, around);
}

Outcome step_respond(Transaction& t, int status, const Surroundings& around) {
  if (std::holds_alternative<invite_server::State>(t.state)) {
    using invite_server::Event;
    return step(t, status < 200 ? Event::send_1xx : status < 300 ? Event::send_2xx : Event::send_300_699, around);
  }
  using non_invite_server::Event;
  return step(t, status < 200 ? Event::send_1xx : Event::send_200_699, around);
}

Outcome step_response(Transaction& t, int status, const Surroundings& around) {
  if (std::holds_alternative<invite_client::State>(t.state)) {
    using invite_client::Event;
    return step(t, status < 200 ? Event::response_1xx : status < 300 ? Event::response_2xx : Event::response_300_699, around);
  }
  using non_invite_client::Event;
  return step(t, status < 200 ? Event::response_1xx : Event::response_200_699, around);
}

Outcome step_transport_error(Transaction& t, const Surroundings& around) {
  if (std::holds_alternative<invite_client::State>(t.state)) return step(t, invite_client::Event::transport_error, around);
  if (std::holds_alternative<non_invite_client::State>(t.state)) return step(t, non_invite_client::Event::transport_error, around);
  if (std::holds_alternative<invite_server::State>(t.state)) return step(t, invite_server::Event::transport_error, around);
  return step(t, non_invite_server::Event::transport_error, around);
}

Outcome step_timer(Transaction& t, const Surroundings& around) {
  const bool timeout = t.timeout_at <= around.now;
  const bool end = t.end_at <= around.now;
  if (!timeout && !end && t.retransmit_at > around.now) return {};
  if (timeout)
    t.timeout_at = never;
  else if (end)
    t.end_at = never;
  if (const auto* state = std::get_if<invite_client::State>(&t.state)) {
    using invite_client::Event;
    if (timeout) return step(t, Event::timer_b, around);
    if (end) return step(t, *state == invite_client::State::accepted ? Event::timer_m : Event::timer_d, around);
    return step(t, Event::timer_a, around);
  }
  if (std::holds_alternative<non_invite_client::State>(t.state)) {
    using non_invite_client::Event;
    return step(t, timeout ? Event::timer_f : end ? Event::timer_k : Event::timer_e, around);
  }
  if (const auto* state = std::get_if<invite_server::State>(&t.state)) {
    using invite_server::Event;
    if (timeout) return step(t, Event::timer_h, around);
    if (end) return step(t, *state == invite_server::State::accepted ? Event::timer_l : Event::timer_i, around);
    return step(t, Event::timer_g, around);
  }
  return step(t, non_invite_server::Event::timer_j, around);
}

}  // namespace ringhold::transaction
