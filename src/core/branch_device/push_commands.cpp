// Pushed content as administrators and senders ask for it: by command, and by MESSAGE.
#include <algorithm>
#include <expected>

#include "branch_device/state.hpp"
#include "sip/validation.hpp"

namespace ringhold::branch_device {

namespace {

using delivery::Reason;

constexpr std::string_view usual_content_type = "text/plain;charset=UTF-8";
constexpr std::size_t longest_type = 256;

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_sender(std::string_view uri) {
  const auto parsed = sip::Uri::parse(uri);
  return parsed && parsed->is_sip() && uri.size() <= longest_type && sip::is_plain(uri);
}

bool is_content_type(std::string_view text) {
  const std::string_view type = trimmed(text.substr(0, text.find(';')));
  const auto slash = type.find('/');
  return text.size() <= longest_type && is_printable(text) && slash != std::string_view::npos && sip::is_token(type.substr(0, slash)) &&
         sip::is_token(type.substr(slash + 1));
}

/// §7.3.1: in one line.
Text unfolded(std::string_view value) {
  Text line;
  for (const char c : value)
    if (c == '\r' || c == '\n' || c == '\t' || c == ' ') {
      if (!line.ends_with(' ')) line += ' ';
    } else {
      line += c;
    }
  return line;
}

/// What every MESSAGE has, and what is of its own way only.
bool is_of_transport(sip::Header header) {
  using enum sip::Header;
  constexpr std::array known{via, from, to, call_id, cseq, max_forwards, content_type, content_length, contact, route, record_route};
  return std::ranges::find(known, header) != known.end();
}

/// Of a MESSAGE what goes on with its content: all that describes it, and what people read (RFC 3428 §4).
bool goes_along(std::string_view header) {
  constexpr std::array<std::string_view, 15> names{"content-encoding",
                                                   "e",
                                                   "content-disposition",
                                                   "content-language",
                                                   "content-id",
                                                   "mime-version",
                                                   "date",
                                                   "subject",
                                                   "s",
                                                   "priority",
                                                   "reply-to",
                                                   "in-reply-to",
                                                   "organization",
                                                   "content-transfer-encoding",
                                                   "content-description"};
  return std::ranges::any_of(names, [&](std::string_view name) { return equal_ignoring_case(header, name); });
}

}  // namespace

Text aor_named(std::string_view user, const Settings& settings) {
  Text text{user};
  if (user.find(':') == std::string_view::npos)
    text = user.find('@') == std::string_view::npos ? "sip:" + text + "@" + settings.branch.domain : "sip:" + text;
  const auto uri = sip::Uri::parse(text);
  const auto is_host = [&](std::string_view host) { return equal_ignoring_case(uri->host, host); };
  if (!uri || !(uri->scheme == sip::Scheme::tel || is_host(settings.branch.domain) || is_host(settings.branch.name))) return {};
  const auto name = sip::unescaped(uri->user);
  if (!name || !sip::is_plain(*name) || name->find('@') != Text::npos) return {};
  return "sip:" + *name + "@" + settings.branch.domain;
}

std::expected<delivery::Message, Refused> PushService::message_of(const Push& given, Instant now) {
  const auto refused = [](int status, std::string why) { return std::unexpected(Refused{status, std::move(why)}); };
  delivery::Message message;
  message.aor = aor_named(given.to, state_.settings);
  if (message.aor.empty())
    return refused(
        404, "\"to\" is a user of " + state_.settings.branch.domain + ": \"8002\", or \"sip:8002@" + state_.settings.branch.domain + "\"");
  message.sender = !given.from.empty()                  ? given.from
                   : !state_.settings.push.from.empty() ? state_.settings.push.from
                                                        : "sip:push@" + state_.settings.branch.domain;
  if (!is_sender(message.sender)) return refused(400, "\"from\" is a SIP URI: sip:news@" + state_.settings.branch.domain);
  const auto method = delivery::parse_method(given.method.empty() ? "MESSAGE" : given.method);
  if (!method) return refused(400, "\"method\" is MESSAGE, NOTIFY, or NOTIFY,MESSAGE");
  message.method = *method;
  if (*method != delivery::Method::message) {
    if (!sip::is_token(given.event) || given.event.size() > longest_type)
      return refused(400, "a NOTIFY needs an \"event\", such as check-sync");
    message.event = given.event;
  } else if (!given.event.empty()) {
    return refused(400, "\"event\" goes with \"method\": \"NOTIFY\"");
  }
  const std::string_view type = given.content_type.empty() ? usual_content_type : std::string_view{given.content_type};
  if (!is_content_type(type)) return refused(400, "\"content_type\" is a media type: text/plain;charset=UTF-8");
  if (!given.body.empty() || *method != delivery::Method::notify) message.headers.append("Content-Type: ").append(type).append("\r\n");
  if (given.body.size() > delivery::largest_body)
    return refused(413, "content has at most " + std::to_string(delivery::largest_body) + " bytes; send a link to it instead");
  message.body = given.body;
  const auto strategy = delivery::parse_strategy(given.strategy);
  if (!given.strategy.empty() && !strategy) return refused(400, "\"strategy\" is one-by-one or all-at-once");
  message.strategy = strategy.value_or(state_.settings.push.delivery.strategy);
  if (given.key.size() > delivery::longest_key || !is_printable(given.key))
    return refused(400, "\"key\" has at most " + std::to_string(delivery::longest_key) + " printable characters");
  message.key = given.key;
  date(message, given.keep_for, now);
  return message;
}

void PushService::date(delivery::Message& message, std::optional<Duration> keep_for, Instant now) {
  const Duration longest = state_.settings.push.delivery.store_for;
  message.id = numbers_.next(now);
  message.seed = state_.random.next();
  message.accepted_at = now;
  message.expires_at = now + std::clamp(keep_for.value_or(longest), Duration::zero(), longest);
}

Answer PushService::push(const Push& given, Instant now, Outbox& outbox) {
  auto message = message_of(given, now);
  if (!message) return message.error();
  if (!message->key.empty()) {
    Text known;
    if (const auto found = by_key_.find(message->key); found != by_key_.end())
      known = found->second;
    else if (const auto* record = log_.find_key(message->key))
      known = record->id;
    // A repetition: the same answer, whatever else it says.
    if (!known.empty()) {
      auto reported = reports({known, 1});
      // He hears of it, too, when it is settled.
      const auto on_its_way = by_id_.find(known);
      if (!reported.empty() && reported.front().result == "pending" && on_its_way != by_id_.end())
        if (PushSender& waits = in_progress_.find(on_its_way->second)->sender; waits.kind == PushSender::Kind::nobody)
          waits.kind = PushSender::Kind::api;
      return reported;
    }
  }
  const Text id = message->id;
  PushSender sender;
  sender.kind = PushSender::Kind::api;
  sender.is_content_with_acceptance = given.answer == Push::Answer::accepted;
  if (!accept(*std::move(message), sender, now, outbox)) return Refused{503, "too many pushes are on their way"};
  if (const auto on_its_way = by_id_.find(id); sender.is_content_with_acceptance && on_its_way != by_id_.end()) {
    // Without a disk to wait for it is accepted as it is.
    PushInProgress& push = *in_progress_.find(on_its_way->second);
    if (push.stage == PushInProgress::Stage::trying) {
      push.sender = {};
      push.is_acknowledged = true;
    }
  }
  return reports({id, 1});
}

bool PushService::may_push(const sip::Message& request, const Packet& packet) const {
  const auto holds = [&](const Network& network) { return network.contains(packet.remote.address); };
  if (std::ranges::any_of(state_.settings.push.trusted, holds)) return true;
  if (state_.settings.push.senders.empty() || !request.from() || !state_.identity.is_ours(request.from()->uri)) return false;
  const Text aor = state_.aor_of(request.from()->uri);
  return std::ranges::any_of(state_.settings.push.senders, [&](const Text& name) { return name == "*" || name == state_.user_of(aor); });
}

bool PushService::take(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Instant now, Outbox& outbox) {
  if (request.method() != sip::Method::message || way.in_dialog || !way.next_route.empty() || !way.flow_token.empty()) return false;
  if (state_.settings.push.senders.empty() && state_.settings.push.trusted.empty()) return false;
  // X-10: what came from the central site never goes back there; and what was pushed once goes its way.
  if (state_.central.is_central(packet.remote) || delivery::is_call_id(request.call_id())) return false;
  if (request.has(sip::Header::require)) return false;  // §8.2.2.3: for its terminal to say
  const auto uri = sip::Uri::parse(way.request_uri());
  // What has to stay on TLS goes its way as it is (RFC 5630).
  if (!uri || uri->scheme == sip::Scheme::sips || !(uri->scheme == sip::Scheme::tel || state_.identity.is_ours(*uri))) return false;
  if (state_.registrar.gruu().read(*uri) || !may_push(request, packet)) return false;
  delivery::Message message;
  message.aor = state_.aor_of(*uri);
  const auto refuse = [&](const proxy::Refusal& refusal) {
    return state_.proxy.refuse_without_state(request, packet, refusal, outbox), true;
  };
  if (message.aor.empty() || !is_sender(request.from()->uri_text)) return false;
  message.sender = Text{request.from()->uri_text};
  if (const auto type = request.value(sip::Header::content_type); !type.empty()) {
    const Text whole = unfolded(type);
    if (!is_content_type(whole)) return refuse({400, "Malformed Content-Type", {}});
    message.headers.append("Content-Type: ").append(whole).append("\r\n");
  }
  for (const sip::HeaderLine& line : request.lines())
    if (!is_of_transport(line.header) && goes_along(line.name)) message.headers.append(line.line);
  if (message.headers.size() > delivery::longest_headers) return refuse({400, "Headers are too long", {}});
  message.body = Text{sip::framed_body(request)};
  message.strategy = state_.settings.push.delivery.strategy;
  message.max_forwards = std::min(request.max_forwards().value_or(message.max_forwards + 1), 255U) - 1;
  const auto expires = request.expires();
  date(message, expires ? std::optional<Duration>{std::chrono::seconds{*expires}} : std::nullopt, now);
  PushSender sender;
  sender.kind = PushSender::Kind::sip;
  sender.server = state_.layer.create_server(request, packet, {}, now);
  sender.arrival = packet;
  sender.arrival.bytes = {};
  if (!sender.server) return refuse({503, {}, "Retry-After: 5\r\n"});
  const auto server = sender.server;
  if (!accept(std::move(message), sender, now, outbox)) {
    PushSender waiting;
    waiting.kind = PushSender::Kind::sip;
    waiting.server = server;
    waiting.arrival = packet;
    answer(waiting, {}, 503, now, outbox);
  }
  return true;
}

Answer PushService::remove(const RemovePush& asked, Instant now, Outbox& outbox) {
  if (auto message = store_.remove(asked.id)) {
    give_up(*message, Reason::removed, now, outbox);
    return Done{};
  }
  const auto on_its_way = by_id_.find(asked.id);
  if (on_its_way == by_id_.end()) return Refused{404, "no push with that id waits"};
  // Who was sent it may have it yet; nobody else will.
  const PushId id = on_its_way->second;
  PushInProgress& push = *in_progress_.find(id);
  if (push.stage == PushInProgress::Stage::settled) return Refused{409, "it is settled already: ringhold push show " + asked.id};
  push.reason = Reason::removed;
  settle(push, now, outbox);
  look_at(id, now, outbox);
  return Done{};
}

Answer PushService::remove_redirects(const RemoveRedirects& asked, Instant now, Outbox& outbox) {
  bool any = false;
  for (const RedirectReport& row : redirect_reports(asked.aor, now))
    if (asked.device.empty() || row.device == asked.device)
      any = redirects_.forget(row.device, "removed by the administrator", outbox) || any;
  if (any) return Done{};
  return Refused{404, "no redirect of " + asked.aor + " is remembered"};
}

}  // namespace ringhold::branch_device
