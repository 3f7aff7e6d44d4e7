// The requests of the push service, and what terminals answer.
#include <algorithm>

#include "auth/answering.hpp"
#include "branch_device/state.hpp"
#include "proxy/proxy.hpp"
#include "sip/builder.hpp"

namespace ringhold::branch_device {

namespace {

using delivery::AttemptAction;
using delivery::AttemptEvent;
using delivery::Target;
using delivery::Via;
using delivery::Why;
using transaction::Owner;

constexpr std::size_t most_push_look_ups = 64;
constexpr std::size_t largest_in_subscription = delivery::largest_datagram - 600;  ///< the rest is headers of its dialog
constexpr std::uint32_t cseqs_of_round = 2 * delivery::most_steps;                 ///< each step may be challenged once

bool is_redirect(int status) { return status >= 300 && status <= 302; }

/// Contacts in q order, then list order (PSH-07).
std::vector<sip::Contact> contacts_of(const sip::Message& response) {
  std::vector<sip::Contact> contacts;
  response.for_each_value(sip::Header::contact, [&](std::string_view value, const sip::HeaderLine&) {
    const auto contact = sip::Contact::parse(value);
    if (contact && !contact->star) contacts.push_back(*contact);
    return contacts.size() < delivery::RedirectMemory::most_contacts;
  });
  std::ranges::stable_sort(contacts, std::ranges::greater{}, &sip::Contact::q);
  return contacts;
}

Text contact_line(const Endpoint& place, Transport transport) {
  return "Contact: <sip:" + place.text() + (transport == Transport::udp ? "" : ";transport=" + Text{uri_name(transport)}) + ">\r\n";
}

/// RFC 3261 §21.3.3: how long a temporary redirect holds; zero: for this message.
std::uint32_t lifetime_of(const sip::Contact& contact, const sip::Message& response) {
  return contact.expires.value_or(response.expires().value_or(0));
}

}  // namespace

void PushService::fail(PushInProgress& push, std::size_t step, Why why, int status, Instant now, Outbox& outbox) {
  note_redirect_failure(push, step, status, outbox);
  push.delivery.happened(step, AttemptEvent::lost, why, status, now);
}

void PushService::send(PushId id, std::size_t step, Instant now, Outbox& outbox) {
  PushInProgress& push = *in_progress_.find(id);
  const Target& target = push.delivery.steps()[step].target;
  const location::Binding* const binding = binding_of(target, push.message.aor, now);
  if (target.via == Via::registered && binding != nullptr && !target.device.empty())
    redirects_.was_asked(target.device, binding->user_agent(), outbox);
  PushAttempt& attempt = push.attempts[step];
  const auto method = method_for(push, target, binding);
  if (!method) {
    // Who may still subscribe to it, may have it then.
    const Why why = state_.notifier.has_package(push.message.event) ? Why::unsubscribed : Why::unsolicited;
    return fail(push, step, why, 0, now, outbox);
  }
  attempt.method = *method;
  attempt.subscription = subscription_of(push, target);
  if (attempt.subscription) return notify(id, step, now, outbox);
  std::vector<dns::Question> missing;
  auto hop = hop_of(target, binding, now, missing);
  if (!hop && !missing.empty() && look_up(id, step, missing, now, outbox)) return;
  if (!hop) return fail(push, step, Why::unreachable, 0, now, outbox);
  attempt.hop = *std::move(hop);
  // RFC 3261 §19.1.1: what a Contact may have beside.
  if (Text cleaned = proxy::allowed_in_request_line(attempt.hop.request_uri); !cleaned.empty())
    attempt.hop.request_uri = std::move(cleaned);
  attempt.cseq = push.message.rounds * cseqs_of_round + static_cast<std::uint32_t>(step) + 1;
  start_step(id, step, {}, now, outbox);
}

void PushService::start_step(PushId id, std::size_t step, std::string_view headers, Instant now, Outbox& outbox) {
  PushInProgress& push = *in_progress_.find(id);
  PushAttempt& attempt = push.attempts[step];
  const auto begin = outbox.bytes().size();
  Text branch;
  const auto write = [&](const Destination& to) {
    const Endpoint sent_by = sip::own_endpoint(state_.identity.listeners, to);
    Text more{headers};
    // RFC 6665 §8.2.1: where a terminal could subscribe.
    if (attempt.method == delivery::Method::notify) more.append(contact_line(sent_by, to.transport));
    const delivery::Addressed addressed{
        attempt.method, attempt.hop.request_uri, attempt.hop.route, to, attempt.place, sent_by, attempt.cseq, more};
    branch = delivery::branch_of(push.message, addressed, state_.team.number);
    delivery::append_request(outbox.bytes(), push.message, addressed, branch);
  };
  const auto place = [&]() -> const Destination* {
    if (attempt.place == 0) return &attempt.hop.destination;
    return attempt.place <= attempt.hop.alternates.size() ? &attempt.hop.alternates[attempt.place - 1] : nullptr;
  };
  write(*place());
  if (!is_reliable(place()->transport) && outbox.bytes().size() - begin > delivery::largest_datagram) {
    // RFC 3428 §8: a MESSAGE that large goes over a stream, or not at all (PSH-19).
    outbox.bytes().resize(begin);
    auto streams = proxy::stream_hop(attempt.hop, state_.identity.listeners);
    if (!streams) return fail(push, step, Why::too_large, 413, now, outbox);
    attempt.hop = *std::move(streams);
    attempt.place = 0;
    attempt.only_by_stream = true;
    write(*place());
  }
  const Owner owner{Owner::Kind::delivery, id.index, id.generation, static_cast<std::uint32_t>(step)};
  const auto method = attempt.method == delivery::Method::notify ? sip::Method::notify : sip::Method::message;
  attempt.client = state_.layer.start_client(method, branch, begin, *place(), owner, now, outbox);
  if (attempt.client) return;
  outbox.bytes().resize(begin);
  fail(push, step, Why::unreachable, 0, now, outbox);
}

std::optional<delivery::Method> PushService::method_for(const PushInProgress& push, const Target& target,
                                                        const location::Binding* binding) const {
  using delivery::Method;
  if (push.message.method == Method::message || push.goes_on_as_message) return Method::message;
  // RFC 6665 §4.1: nobody gets a NOTIFY who has not asked for it, but who is configured to take it, and whom such a one names.
  const bool is_named = target.via != Via::registered && target.via != Via::central;
  const bool takes_it = binding != nullptr && std::ranges::any_of(state_.settings.push.unsolicited, [&](const Text& pattern) {
                          return ringing::fits(pattern, binding->user_agent());
                        });
  if (is_named || takes_it || subscription_of(push, target)) return Method::notify;
  return push.message.method == Method::notify_or_message ? std::optional{Method::message} : std::nullopt;
}

events::SubscriptionId PushService::subscription_of(const PushInProgress& push, const Target& target) const {
  if (push.message.method == delivery::Method::message || push.goes_on_as_message) return {};
  for (const events::SubscriptionId id : state_.notifier.subscriptions(push.message.aor, push.message.event))
    if (sip::is_same_place(state_.notifier.find(id)->remote_target, target.uri)) return id;
  return {};
}

void PushService::notify(PushId id, std::size_t step, Instant now, Outbox& outbox) {
  PushInProgress& push = *in_progress_.find(id);
  PushAttempt& attempt = push.attempts[step];
  const bool is_stream = is_reliable(state_.notifier.find(attempt.subscription)->destination.transport);
  if (!is_stream && push.message.headers.size() + push.message.body.size() > largest_in_subscription)
    return fail(push, step, Why::too_large, 413, now, outbox);
  const Owner owner{Owner::Kind::delivery, id.index, id.generation, static_cast<std::uint32_t>(step)};
  attempt.client =
      state_.notifier.notify(attempt.subscription, {push.message.headers, push.message.body}, owner, state_.layer, now, outbox);
  if (!attempt.client) fail(push, step, Why::unreachable, 0, now, outbox);
}

bool PushService::is_moved_as_message(PushInProgress& push, std::size_t step, int status, Instant now, Outbox& outbox) {
  const events::SubscriptionId subscription = push.attempts[step].subscription;
  if (!subscription) return true;
  // a terminal that has forgotten its subscription may have been restarted.
  if (state_.notifier.answered(subscription, status, state_.location, outbox))
    if (const auto* binding = binding_of(push.delivery.steps()[step].target, push.message.aor, now); binding != nullptr)
      state_.audit_terminal(Text{binding->aor()}, {Text{binding->contact()}, binding->path().empty() ? binding->source : Endpoint{}},
                            Text{binding->user_agent()}, now, outbox);
  // PSH-15: another terminal has no such dialog.
  if (!is_redirect(status)) return true;
  push.goes_on_as_message = push.message.method == delivery::Method::notify_or_message;
  return push.goes_on_as_message;
}

bool PushService::look_up(PushId id, std::size_t step, const std::vector<dns::Question>& missing, Instant now, Outbox& outbox) {
  const auto known = std::ranges::find_if(look_ups_, [&](const PushLookUp& one) { return one.push == id && one.step == step; });
  if (known != look_ups_.end()) {
    if (known->until <= now) return look_ups_.erase(known), false;
  } else {
    if (look_ups_.size() >= most_push_look_ups) return false;
    look_ups_.push_back({id, step, now + 2 * state_.settings.dns.timeout});
  }
  for (const dns::Question& question : missing) state_.nameserver.look_up(question, now, outbox);
  return true;
}

void PushService::resume(Instant now, Outbox& outbox) {
  for (const PushLookUp& one : std::vector<PushLookUp>{look_ups_}) {
    PushInProgress* push = in_progress_.find(one.push);
    const bool waits = push != nullptr && push->delivery.steps()[one.step].state != delivery::AttemptState::ended;
    // Meanwhile another may have taken it, or declined for all.
    if (waits && push->delivery.is_stopped())
      fail(*push, one.step, Why::unreachable, 0, now, outbox);
    else if (waits)
      send(one.push, one.step, now, outbox);
    push = in_progress_.find(one.push);
    const bool was_sent =
        push != nullptr && (push->attempts[one.step].client || push->delivery.steps()[one.step].state == delivery::AttemptState::ended);
    if (!waits || was_sent)
      std::erase_if(look_ups_, [&](const PushLookUp& other) { return other.push == one.push && other.step == one.step; });
    if (push != nullptr && was_sent) run(one.push, now, outbox);
  }
}

void PushService::on_response(const sip::Message& response, const transaction::Received& received, Instant now, Outbox& outbox) {
  const int status = response.status();
  const PushId id{received.owner.index, received.owner.generation};
  PushInProgress* push = in_progress_.find(id);
  const std::size_t step = received.owner.leg;
  if (status < 200 || push == nullptr || step >= push->attempts.size() || push->attempts[step].client != received.transaction) return;
  if ((status == 401 || status == 407) && prove(id, step, response, now, outbox)) return;
  // RFC 3263 §4.3: 503 is the next address of the same target.
  if (status == 503 && try_next_place(id, step, now, outbox)) return;
  AttemptEvent event = AttemptEvent::refusal;
  std::vector<Target> contacts;
  if (status < 300) {
    event = AttemptEvent::success;
    note_taken(*push, step, outbox);
  } else if (status >= 600) {
    event = AttemptEvent::decline;
  } else if (is_moved_as_message(*push, step, status, now, outbox) && is_redirect(status)) {
    contacts = redirect_targets(*push, step, response, now, outbox);
    if (contacts.empty())
      event = AttemptEvent::redirect_elsewhere;
    else if (push->delivery.leads_on(step, contacts))
      event = AttemptEvent::redirect;
  }
  if (status >= 400) note_redirect_failure(*push, step, status, outbox);
  const bool has_forgotten = status == 481 && push->attempts[step].subscription;
  const auto actions = push->delivery.happened(step, event, has_forgotten ? Why::unsubscribed : Why::answered, status, now);
  if (actions.contains(AttemptAction::follow)) push->delivery.follow(step, std::move(contacts));
  if (actions.contains(AttemptAction::look_elsewhere)) push->delivery.follow(step, configured_targets(push->message.aor, now));
  run(id, now, outbox);
}

bool PushService::prove(PushId id, std::size_t step, const sip::Message& challenge, Instant now, Outbox& outbox) {
  PushInProgress& push = *in_progress_.find(id);
  PushAttempt& attempt = push.attempts[step];
  if (state_.settings.push.username.empty() || attempt.has_proved || attempt.subscription ||
      push.delivery.steps()[step].state != delivery::AttemptState::trying)
    return false;
  const Text cnonce = std::to_string(state_.random.next());
  const auto lines = auth::answers_to(challenge, {state_.settings.push.username, state_.settings.push.password},
                                      {name(attempt.method), attempt.hop.request_uri, cnonce}, hasher_);
  if (!lines) return false;
  attempt.has_proved = true;
  attempt.cseq += delivery::most_steps;  // RFC 3261 §22.1
  start_step(id, step, *lines, now, outbox);
  run(id, now, outbox);
  return true;
}

void PushService::on_failure(const transaction::Failure& failure, Instant now, Outbox& outbox) {
  const PushId id{failure.owner.index, failure.owner.generation};
  PushInProgress* push = in_progress_.find(id);
  const std::size_t step = failure.owner.leg;
  if (push == nullptr || step >= push->attempts.size() || push->attempts[step].client != failure.transaction) return;
  const bool is_timeout = failure.cause == transaction::Failure::Cause::timeout;
  // RFC 6665 §4.2.2: who does not answer a NOTIFY has no subscription any more.
  if (const auto subscription = push->attempts[step].subscription) state_.notifier.answered(subscription, 481, state_.location, outbox);
  if (!is_timeout && try_next_place(id, step, now, outbox)) return;
  const bool is_too_large = !is_timeout && push->attempts[step].only_by_stream;
  fail(*push, step, is_timeout ? Why::timeout : is_too_large ? Why::too_large : Why::unreachable, is_too_large ? 413 : 0, now, outbox);
  run(id, now, outbox);
}

bool PushService::try_next_place(PushId id, std::size_t step, Instant now, Outbox& outbox) {
  PushInProgress& push = *in_progress_.find(id);
  PushAttempt& attempt = push.attempts[step];
  if (attempt.place >= attempt.hop.alternates.size() || push.delivery.is_delivered()) return false;
  if (push.delivery.steps()[step].state != delivery::AttemptState::trying) return false;
  ++attempt.place;
  start_step(id, step, {}, now, outbox);
  run(id, now, outbox);
  return true;
}

std::vector<Target> PushService::redirect_targets(PushInProgress& push, std::size_t step, const sip::Message& response, Instant now,
                                                  Outbox& outbox) {
  const Target& from = push.delivery.steps()[step].target;
  const int status = response.status();
  std::vector<Target> targets;
  delivery::Redirect redirect;
  redirect.status = status;
  redirect.since = now;
  const auto contacts = contacts_of(response);
  for (const sip::Contact& contact : contacts) {
    const Text cleaned = proxy::allowed_in_request_line(contact.address.uri_text);
    const std::string_view uri = cleaned.empty() ? contact.address.uri_text : std::string_view{cleaned};
    if (!append_targets(uri, Via::redirect, from.hop + 1, {}, now, targets)) {
      outbox.note({"redirect_refused", {{"to", push.message.aor}, {"by", from.uri}, {"contact", uri}}, Severity::warning});
      continue;
    }
    const std::uint32_t lifetime = status == 302 ? lifetime_of(contact, response) : 0;
    if (status == 301 || lifetime > 0)
      redirect.contacts.push_back({Text{uri}, contact.q, status == 301 ? std::optional<Instant>{} : now + std::chrono::seconds{lifetime}});
  }
  // 5-c: for the device that has asked, whatever its address. PSH-09: also the wish to have it anywhere else.
  const bool is_wish = !push.attempts[step].subscription;
  const bool is_kept = is_wish && (!redirect.contacts.empty() || (status == 301 && contacts.empty()));
  const location::Binding* const binding = is_kept ? binding_of(from, push.message.aor, now) : nullptr;
  if (binding != nullptr) {
    redirect.device = location::device_key(location::traits_of(*binding));
    redirect.aor = Text{binding->aor()};
    redirect.user_agent = Text{binding->user_agent()};
    redirects_.remember(std::move(redirect), now, outbox);
  }
  return targets;
}

std::vector<proxy::Hop> PushService::redirected_hops(const sip::Message& response, Instant now) const {
  std::vector<proxy::Hop> hops;
  // RFC 3261 §16.7: only who answers for the user may go on in his name.
  if (!response.to() || !state_.identity.is_ours(response.to()->uri)) return hops;
  const Text aor = state_.aor_of(response.to()->uri);
  std::vector<Target> targets;
  for (const sip::Contact& contact : contacts_of(response)) append_targets(contact.address.uri_text, Via::redirect, 1, {}, now, targets);
  std::vector<dns::Question> missing;
  for (const Target& target : targets)
    if (auto hop = hop_of(target, binding_of(target, aor, now), now, missing)) hops.push_back(*std::move(hop));
  return hops;
}

void PushService::note_taken(PushInProgress& push, std::size_t step, Outbox& outbox) {
  const Target& target = push.delivery.steps()[step].target;
  if (target.device.empty()) return;
  if (target.via == Via::remembered) redirects_.succeeded(target.device, outbox);
  // it takes content again.
  if (target.via == Via::registered) redirects_.forget(target.device, "it takes content again", outbox);
}

void PushService::note_redirect_failure(PushInProgress& push, std::size_t step, int status, Outbox& outbox) {
  const Target& target = push.delivery.steps()[step].target;
  if (target.via != Via::remembered || push.delivery.steps()[step].state != delivery::AttemptState::trying) return;
  const bool is_gone = status == 404 || status == 410;
  if (std::ranges::find(push.failed_devices, target.device) != push.failed_devices.end() && !is_gone) return;
  push.failed_devices.push_back(target.device);
  redirects_.failed(target.device, target.uri, is_gone, outbox);
}

}  // namespace ringhold::branch_device
