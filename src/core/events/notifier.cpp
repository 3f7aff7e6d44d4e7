#include "events/notifier.hpp"

#include <algorithm>

#include "sip/builder.hpp"

namespace ringhold::events {

namespace {

using location::BindingEvent;
using location::Happened;

constexpr std::size_t untold_max = 32;  ///< more changes than this are told as the full state

/// RFC 3261 §12.2.1.2 and RFC 6665 §4.2.2: these say that nobody is there; after others the next change is tried again.
bool ends_subscription(int status) { return (status >= 300 && status < 500) || status == 501 || status >= 600; }

bool accepts_reginfo(const sip::Message& request) {
  if (request.line(sip::Header::accept) == nullptr) return true;
  bool found = false;
  request.for_each_value(sip::Header::accept, [&](std::string_view value, const sip::HeaderLine&) {
    const auto type = trimmed(value.substr(0, value.find(';')));
    found = equal_ignoring_case(type, "application/reginfo+xml") || type == "*/*" || equal_ignoring_case(type, "application/*");
    return !found;
  });
  return found;
}

}  // namespace

bool Notifier::has_package(std::string_view package) const {
  return package == reg || std::ranges::find(settings_.packages, lower_case(package)) != settings_.packages.end();
}

Text Notifier::allow_events_line() const {
  Text line = "Allow-Events: " + Text{reg};
  for (const Text& package : settings_.packages) line.append(", ").append(package);
  return line + "\r\n";
}

std::string_view package_of(const sip::Message& subscribe) {
  const auto event = subscribe.value(sip::Header::event);
  return trimmed(event.substr(0, event.find(';')));
}

struct Notifier::Step {
  location::LocationService& location;
  transaction::Layer& layer;
  Instant now;
  Outbox& outbox;
};

Notifier::Notifier(const Settings& settings, Random& random, std::size_t capacity)
    : settings_{settings}, random_{random}, subscriptions_{capacity} {}

const SubscriptionId* Notifier::dialog_of(const sip::Message& request) const {
  const auto found = by_tag_.find(request.to_tag());
  if (found == by_tag_.end()) return nullptr;
  const Subscription& subscription = *subscriptions_.find(found->second);
  if (subscription.call_id != request.call_id() || subscription.remote_tag != request.from_tag()) return nullptr;
  return &found->second;
}

std::optional<std::uint32_t> Notifier::lifetime(const sip::Message& request) const {
  const std::uint32_t most = seconds_ceil(settings_.max_expires);
  const std::uint32_t asked = request.expires().value_or(most);
  if (asked > 0 && asked < seconds_ceil(settings_.min_expires)) return std::nullopt;
  return std::min(asked, most);
}

/// By which the refreshes of a subscription find the worker that has it.
Text Notifier::own_user() const { return settings_.team.is_alone() ? Text{} : worker_mark(settings_.team.number) + "@"; }

void Notifier::answer(const sip::Message& request, const Packet& packet, int status, std::string_view tag, std::string_view headers,
                      Step& step) {
  // With a transaction, so that a SUBSCRIBE that comes twice is not two subscriptions.
  const auto server = step.layer.create_server(request, packet, {}, step.now);
  const auto begin = step.outbox.bytes().size();
  const int told = server ? status : 503;
  sip::append_response(step.outbox.bytes(), request, packet.remote, told, {}, tag, server ? headers : "Retry-After: 10\r\n");
  if (server)
    step.layer.respond(server, told, begin, step.now, step.outbox);
  else
    step.outbox.sent(begin, sip::response_destination(request, packet));
}

void Notifier::accept(const sip::Message& request, const Packet& packet, const Subscription& subscription, std::uint32_t expires,
                      Step& step) {
  Text headers = "Expires: " + std::to_string(expires) + "\r\nContact: <sip:" + own_user() +
                 sip::own_endpoint(settings_.listeners, subscription.destination).text();
  if (is_reliable(packet.transport)) headers.append(";transport=").append(name(packet.transport));
  headers.append(">\r\n").append(allow_events_line());
  request.for_each_value(sip::Header::record_route, [&](std::string_view value, const sip::HeaderLine&) {
    headers.append("Record-Route: ").append(value).append("\r\n");
    return true;
  });
  answer(request, packet, 200, subscription.local_tag, headers, step);
}

void Notifier::follow(Subscription& subscription, const sip::Message& request, const Packet& packet) const {
  subscription.remote_cseq = request.cseq()->number;
  subscription.destination = sip::response_destination(request, packet);
  const auto contact = sip::Contact::parse(sip::split_element(request.value(sip::Header::contact)).first);
  if (contact && !contact->star) subscription.remote_target = contact->address.uri_text;
}

void Notifier::set_lifetime(SubscriptionId id, Instant expires_at) {
  Subscription& subscription = *subscriptions_.find(id);
  subscription.expires_at = expires_at;
  if (subscription.due_at != Instant{} && subscription.due_at <= expires_at) return;
  subscription.due_at = expires_at;
  wheel_.add(expires_at, id);
}

void Notifier::subscribe(const sip::Message& request, const Packet& packet, std::string_view aor, location::LocationService& location,
                         transaction::Layer& layer, Instant now, Outbox& outbox) {
  Step step{location, layer, now, outbox};
  const Text tag = hex_digits(random_.next());
  const auto contact = sip::Contact::parse(sip::split_element(request.value(sip::Header::contact)).first);
  if (!contact || contact->star)
    return answer(request, packet, 400, tag, "Warning: 399 ringhold \"SUBSCRIBE needs one Contact\"\r\n", step);
  const bool is_reg = package_of(request) == reg;
  if (is_reg && !accepts_reginfo(request)) return answer(request, packet, 406, tag, "Accept: application/reginfo+xml\r\n", step);
  const auto expires = lifetime(request);
  if (!expires)
    return answer(request, packet, 423, tag, "Min-Expires: " + std::to_string(seconds_ceil(settings_.min_expires)) + "\r\n", step);
  const SubscriptionId id = subscriptions_.insert();
  if (!id) return answer(request, packet, 503, tag, "Retry-After: " + std::to_string(30 + random_.below(60)) + "\r\n", step);
  Subscription& subscription = *subscriptions_.find(id);
  subscription.is_reg = is_reg;
  subscription.aor = aor;
  subscription.call_id = request.call_id();
  subscription.local_tag = tag;
  subscription.remote_tag = request.from_tag();
  subscription.from = request.value(sip::Header::to);
  subscription.to = request.value(sip::Header::from);
  subscription.event = request.value(sip::Header::event);
  request.for_each_value(sip::Header::record_route, [&](std::string_view value, const sip::HeaderLine&) {
    subscription.route.append(subscription.route.empty() ? "" : ", ").append(value);
    return true;
  });
  follow(subscription, request, packet);
  by_tag_.emplace(tag, id);
  by_aor_[subscription.aor].push_back(id);
  location.watch(aor);
  outbox.note({"event_subscribed",
               {{"aor", aor}, {"package", package_of(request)}, {"watcher", packet.remote.text()}, {"expires", *expires}},
               Severity::debug});
  accept(request, packet, subscription, *expires, step);
  subscription.tell_all = true;
  set_lifetime(id, now + std::chrono::seconds{*expires});
  if (*expires == 0) return notify_for_the_last_time(id, "timeout", step);
  notify(id, step);
}

void Notifier::refresh(const sip::Message& request, const Packet& packet, location::LocationService& location, transaction::Layer& layer,
                       Instant now, Outbox& outbox) {
  Step step{location, layer, now, outbox};
  const SubscriptionId id = *dialog_of(request);
  Subscription& subscription = *subscriptions_.find(id);
  if (request.cseq()->number <= subscription.remote_cseq) return answer(request, packet, 500, {}, {}, step);
  const auto expires = lifetime(request);
  if (!expires)
    return answer(request, packet, 423, {}, "Min-Expires: " + std::to_string(seconds_ceil(settings_.min_expires)) + "\r\n", step);
  follow(subscription, request, packet);
  accept(request, packet, subscription, *expires, step);
  subscription.tell_all = true;
  if (*expires == 0) return notify_for_the_last_time(id, "timeout", step);
  set_lifetime(id, now + std::chrono::seconds{*expires});
  notify(id, step);
}

void Notifier::tell(const std::vector<BindingEvent>& events, location::LocationService& location, transaction::Layer& layer, Instant now,
                    Outbox& outbox) {
  Step step{location, layer, now, outbox};
  for (const BindingEvent& event : events) {
    const auto found = by_aor_.find(event.aor);
    if (found == by_aor_.end()) continue;
    for (const SubscriptionId id : found->second) {
      Subscription& subscription = *subscriptions_.find(id);
      if (!subscription.is_reg) continue;
      if (subscription.untold.size() == untold_max) subscription.tell_all = true;
      if (subscription.tell_all) continue;
      // Of several changes of one contact the last one counts.
      std::erase_if(subscription.untold, [&](const BindingEvent& earlier) { return earlier.id == event.id; });
      subscription.untold.push_back(event);
    }
  }
  for (const BindingEvent& event : events) {
    const auto found = by_aor_.find(event.aor);
    if (found == by_aor_.end()) continue;
    for (const SubscriptionId id : std::vector<SubscriptionId>{found->second}) notify(id, step);
  }
}

void Notifier::notify(SubscriptionId id, Step& step) {
  const Subscription& subscription = *subscriptions_.find(id);
  if (subscription.notifying || (!subscription.tell_all && subscription.untold.empty())) return;
  const Text state = "active;expires=" + std::to_string(seconds_ceil(subscription.expires_at - step.now));
  if (send(id, state, {transaction::Owner::Kind::events, id.index, id.generation, 0}, step)) subscriptions_.find(id)->notifying = true;
}

void Notifier::notify_for_the_last_time(SubscriptionId id, std::string_view reason, Step& step) {
  subscriptions_.find(id)->tell_all = true;
  // Nobody waits for its answer.
  send(id, "terminated;reason=" + Text{reason}, {}, step);
  end(id, reason, step.location, step.outbox);
}

bool Notifier::send(SubscriptionId id, std::string_view state, transaction::Owner owner, Step& step) {
  Subscription& subscription = *subscriptions_.find(id);
  const auto begin = step.outbox.bytes().size();
  const Text branch = new_branch();
  write(subscription, state, branch, step);
  if (step.layer.start_client(sip::Method::notify, branch, begin, subscription.destination, owner, step.now, step.outbox)) {
    subscription.tell_all = false;
    subscription.untold.clear();
    return true;
  }
  step.outbox.bytes().resize(begin);  // a full table: the next change tells it all
  --subscription.local_cseq;
  --subscription.version;
  subscription.tell_all = true;
  return false;
}

Text Notifier::new_branch() { return "z9hG4bK" + Text{worker_digit(settings_.team.number)} + "e" + hex_digits(random_.next()); }

void Notifier::write(Subscription& subscription, std::string_view state, std::string_view branch, Step& step) const {
  ++subscription.local_cseq;
  // RFC 6665 §4.2.1.2: what there is to say of the state; of content that comes when it comes, nothing.
  if (!subscription.is_reg) {
    ++subscription.version;
    return append_notify(subscription, state, branch, {}, step.outbox.bytes());
  }
  const auto live = step.location.ids(subscription.aor, step.now);
  if (subscription.tell_all) {
    subscription.untold.clear();
    for (const location::BindingId id : live)
      subscription.untold.push_back(location::event_of(id, *step.location.get(id), Happened::registered));
  }
  const Reginfo info{subscription.aor, subscription.version++, subscription.tell_all ? Extent::full : Extent::partial, !live.empty(),
                     subscription.untold};
  std::string body;
  append_reginfo(body, info, step.now);
  append_notify(subscription, state, branch, {"Content-Type: application/reginfo+xml\r\n", body}, step.outbox.bytes());
}

void Notifier::append_notify(const Subscription& subscription, std::string_view state, std::string_view branch, const Content& content,
                             std::string& out) const {
  const Destination& to = subscription.destination;
  const Text place = sip::own_endpoint(settings_.listeners, to).text();
  out.append("NOTIFY ").append(subscription.remote_target).append(" SIP/2.0\r\nVia: SIP/2.0/").append(via_name(to.transport));
  out.append(" ").append(place).append(";branch=").append(branch).append(";rport\r\nMax-Forwards: 70\r\n");
  if (!subscription.route.empty()) out.append("Route: ").append(subscription.route).append("\r\n");
  out.append("From: ").append(subscription.from).append(";tag=").append(subscription.local_tag);
  out.append("\r\nTo: ").append(subscription.to).append("\r\nCall-ID: ").append(subscription.call_id);
  out.append("\r\nCSeq: ").append(Decimal{subscription.local_cseq}).append(" NOTIFY\r\nContact: <sip:").append(own_user()).append(place);
  if (is_reliable(to.transport)) out.append(";transport=").append(name(to.transport));
  out.append(">\r\nEvent: ").append(subscription.event).append("\r\nSubscription-State: ").append(state).append("\r\n");
  out.append(content.headers).append("Content-Length: ").append(Decimal{content.body.size()}).append("\r\n\r\n").append(content.body);
}

std::vector<SubscriptionId> Notifier::subscriptions(std::string_view aor, std::string_view package) const {
  std::vector<SubscriptionId> found;
  const auto all = by_aor_.find(aor);
  if (all == by_aor_.end()) return found;
  for (auto id = all->second.rbegin(); id != all->second.rend(); ++id) {
    const Subscription& subscription = *subscriptions_.find(*id);
    const std::string_view event = subscription.event;
    if (!subscription.is_reg && equal_ignoring_case(trimmed(event.substr(0, event.find(';'))), package)) found.push_back(*id);
  }
  return found;
}

transaction::TransactionId Notifier::notify(SubscriptionId id, const Content& content, transaction::Owner owner, transaction::Layer& layer,
                                            Instant now, Outbox& outbox) {
  Subscription* const subscription = subscriptions_.find(id);
  if (subscription == nullptr) return {};
  const auto begin = outbox.bytes().size();
  const Text branch = new_branch();
  ++subscription->local_cseq;
  append_notify(*subscription, "active;expires=" + std::to_string(seconds_ceil(subscription->expires_at - now)), branch, content,
                outbox.bytes());
  const auto client = layer.start_client(sip::Method::notify, branch, begin, subscription->destination, owner, now, outbox);
  if (!client) outbox.bytes().resize(begin);
  return client;
}

bool Notifier::answered(SubscriptionId id, int status, location::LocationService& location, Outbox& outbox) {
  // A 3xx or a refusal of this content says nothing of the dialog; these do.
  if (subscriptions_.find(id) == nullptr || (status != 481 && status != 404 && status != 410 && status != 489)) return false;
  end(id, "refused", location, outbox);
  return true;
}

void Notifier::on_response(const transaction::Owner& owner, int status, location::LocationService& location, transaction::Layer& layer,
                           Instant now, Outbox& outbox) {
  if (status < 200) return;
  const SubscriptionId id{owner.index, owner.generation};
  Subscription* subscription = subscriptions_.find(id);
  if (subscription == nullptr) return;
  subscription->notifying = false;
  if (ends_subscription(status)) return end(id, "refused", location, outbox);
  Step step{location, layer, now, outbox};
  if (status < 300)
    notify(id, step);
  else
    subscription->tell_all = true;
}

void Notifier::on_failure(const transaction::Failure& failure, location::LocationService& location, Outbox& outbox) {
  const SubscriptionId id{failure.owner.index, failure.owner.generation};
  if (subscriptions_.find(id) != nullptr) end(id, "unanswered", location, outbox);
}

void Notifier::expire(location::LocationService& location, transaction::Layer& layer, Instant now, Outbox& outbox) {
  Step step{location, layer, now, outbox};
  wheel_.expire(now, [&](SubscriptionId id) {
    Subscription* subscription = subscriptions_.find(id);
    if (subscription == nullptr) return;
    if (subscription->expires_at <= now) return notify_for_the_last_time(id, "timeout", step);
    if (subscription->due_at > now) return;  // an earlier entry of its own came and went
    subscription->due_at = subscription->expires_at;
    wheel_.add(subscription->due_at, id);
  });
}

void Notifier::end(SubscriptionId id, std::string_view why, location::LocationService& location, Outbox& outbox) {
  const Subscription& subscription = *subscriptions_.find(id);
  outbox.note({"event_unsubscribed", {{"aor", subscription.aor}, {"why", why}}, Severity::debug});
  location.unwatch(subscription.aor);
  by_tag_.erase(subscription.local_tag);
  if (const auto found = by_aor_.find(subscription.aor); found != by_aor_.end()) {
    std::erase(found->second, id);
    if (found->second.empty()) by_aor_.erase(found);
  }
  subscriptions_.erase(id);
}

}  // namespace ringhold::events
