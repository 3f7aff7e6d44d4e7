// Content that is pushed to us as to a terminal (T15, PSH-02): redirected, refused, or handed to the administrator's handler.
#include <algorithm>

#include "agent/state.hpp"
#include "sip/builder.hpp"

namespace ringhold::agent {

namespace {

constexpr std::size_t longest_value = 1'024;

/// A media type without its parameters.
std::string_view media_type(const sip::Message& request) {
  const std::string_view value = request.value(sip::Header::content_type);
  return trimmed(value.substr(0, value.find(';')));
}

/// What comes from the network, as one line for an environment or a socket.
Text one_line(std::string_view value) {
  Text line{value.substr(0, longest_value)};
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

bool is_content(const sip::Message& request) { return request.method() == sip::Method::message || request.method() == sip::Method::notify; }

/// What the handler has said, for the push service that waits (behaviour part 5): 4xx lets it try the user's other terminals.
int status_for(HandlerResult result) {
  switch (result) {
    case HandlerResult::taken: return 200;
    case HandlerResult::unsupported: return 415;
    case HandlerResult::refused: return 403;
    case HandlerResult::not_now:
    case HandlerResult::failed: return 480;
  }
  std::unreachable();
}

}  // namespace

bool Agent::State::take_content(AccountIndex index, const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox) {
  const PushSettings& push = settings.push;
  if (!is_content(request) || (!push.has_handler && push.rules.empty())) return false;
  const Account& account = at(index);
  const Pushed pushed{account.settings.aor, media_type(request), request.body().size()};
  if (const PushRule* const rule = rule_for(push, pushed, now)) {
    outbox.note({"content_redirected",
                 {{"aor", account.settings.aor}, {"content_type", pushed.content_type}, {"bytes", pushed.size}, {"status", rule->status}},
                 Severity::debug});
    edge.proxy.refuse(request, packet, {rule->status, {}, rule->headers()}, layer, now, outbox);
    return true;
  }
  if (!push.has_handler) return false;
  if (handled.size() >= most_handled) {
    edge.proxy.refuse(request, packet, {480, "Too much at once", {}}, layer, now, outbox);
    return true;
  }
  const auto server = layer.create_server(request, packet, {}, now);
  if (!server) {
    edge.proxy.refuse_without_state(request, packet, {503, {}, "Retry-After: 10\r\n"}, outbox);
    return true;
  }
  const std::uint64_t id = ++last_content;
  handled.push_back({id, server, packet.remote, account.settings.aor});
  const auto address = [](const Result<sip::NameAddr>& from) { return from ? from->uri_text : std::string_view{}; };
  outbox.hand_out({.id = id,
                   .values = {{"SIP_METHOD", one_line(request.method_name())},
                              {"SIP_ACCOUNT", account.settings.aor},
                              {"SIP_FROM", one_line(address(request.from()))},
                              {"SIP_TO", one_line(address(request.to()))},
                              {"SIP_CALL_ID", one_line(request.call_id())},
                              {"SIP_CONTENT_TYPE", one_line(request.value(sip::Header::content_type))},
                              {"SIP_SUBJECT", one_line(request.value(sip::Header::subject))},
                              {"SIP_EVENT", one_line(request.value(sip::Header::event))}},
                   .body = Text{request.body()}});
  return true;
}

void Agent::State::content_handled(std::uint64_t id, const HandlerOutcome& outcome, Instant now, Outbox& outbox) {
  const auto one = std::ranges::find(handled, id, &Handled::id);
  if (one == handled.end()) return;
  const int status = status_for(outcome.result);
  const Text bytes{layer.request(one->server)};
  if (const auto request = sip::Message::parse(bytes)) {
    const auto begin = outbox.bytes().size();
    sip::append_response(outbox.bytes(), *request, one->source, status, {}, hex_digits(one->id ^ quick_hash(request->call_id())), {});
    layer.respond(one->server, status, begin, now, outbox);
  }
  if (status != 200)
    outbox.note({"content_not_taken",
                 {{"aor", one->aor}, {"result", name(outcome.result)}, {"why", outcome.why}, {"status", status}},
                 Severity::warning});
  handled.erase(one);
}

std::string_view name(HandlerResult result) {
  switch (result) {
    case HandlerResult::taken: return "taken";
    case HandlerResult::unsupported: return "unsupported";
    case HandlerResult::refused: return "refused";
    case HandlerResult::not_now: return "not-now";
    case HandlerResult::failed: return "failed";
  }
  std::unreachable();
}

}  // namespace ringhold::agent
