// Who the account is: challenges of a server to what its phones send are answered here (T14, RFC 3261 §22.3).
#include <algorithm>

#include "agent/state.hpp"

namespace ringhold::agent {

namespace {

constexpr unsigned most_challenges = 2;  ///< of one request; the second only for a nonce that was too old

bool is_challenge(int status) { return status == 401 || status == 407; }

}  // namespace

void Agent::State::prove_early(AccountIndex index, const sip::Message& request, std::string_view request_uri, proxy::Hop& hop) {
  Account& account = at(index);
  if (account.challenged_by != Target{hop.destination.transport, hop.destination.remote} || request.method() == sip::Method::ack) return;
  const Text cnonce = hex_digits(random.next());
  const std::string_view uri = hop.request_uri.empty() ? request_uri : std::string_view{hop.request_uri};
  hop.credentials =
      account.challenges.credentials({account.settings.username, account.settings.password}, {request.method_name(), uri, cnonce}, hasher);
}

std::optional<Text> Agent::State::prove(AccountIndex index, const proxy::Pending& pending, const sip::Message& request,
                                        const sip::Message& challenge, const Target& server) {
  Account& account = at(index);
  if (account.settings.password.empty()) return std::nullopt;
  const bool again = pending.challenges > 0;
  const auto way = edge.proxy.preprocess(request);
  if (account.challenged_by != server) account.challenges.forget();
  account.challenged_by = server;
  // Refused again with a fresh nonce, the password is wrong.
  if (!way || pending.challenges >= most_challenges || (again && !auth::is_stale(challenge)) ||
      !account.challenges.take(challenge, hasher)) {
    account.challenges.forget();
    return std::nullopt;
  }
  const Text cnonce = hex_digits(random.next());
  const std::string_view uri = pending.request_uri.empty() ? way->request_uri() : pending.request_uri;
  return account.challenges.credentials({account.settings.username, account.settings.password}, {request.method_name(), uri, cnonce},
                                        hasher);
}

void Agent::State::on_relayed_response(const sip::Message& response, const Packet& packet, const transaction::Received& received,
                                       Instant now, Outbox& outbox) {
  // Where the answer comes from is another matter: some servers have more than one port.
  const Destination* const asked = layer.destination(received.transaction);
  const Target from = asked != nullptr ? Target{asked->transport, asked->remote} : Target{packet.transport, packet.remote};
  const int status = response.status();
  const auto pending = status >= 200 ? edge.proxy.pending(received.owner, layer) : std::nullopt;
  const Text bytes{pending ? pending->request : std::string_view{}};  // what is sent now may move it
  const auto request = sip::Message::parse(bytes);
  const Source source = pending && request ? source_of(pending->arrival) : Source::stranger;
  if (source == Source::phone && is_server(from.endpoint)) {
    if (const auto index = account_of(*request, now)) {
      if (status == 503) doubt(*index, from, "503", now, outbox);
      if (const auto lines = is_challenge(status) ? prove(*index, *pending, *request, response, from) : std::nullopt) {
        edge.proxy.on_challenge(response, received, *lines, layer, now, outbox);
        return;
      }
    }
  }
  const auto outcome = edge.proxy.on_response(response, received, layer, now, outbox);
  const bool answered = outcome.method == sip::Method::invite && outcome.forwarded_status / 100 == 2;
  if (source != Source::server || !answered || !request->uri()) return;
  if (const auto index = account_called(*request, *request->uri())) await_ack(response, *index, pending->arrival, now);
}

void Agent::State::on_relayed_failure(const transaction::Failure& failure, Instant now, Outbox& outbox) {
  const Destination* const to = layer.destination(failure.transaction);
  const auto pending = edge.proxy.pending(failure.owner, layer);
  const auto request = sip::Message::parse(pending ? pending->request : std::string_view{});
  if (to != nullptr && request && source_of(pending->arrival) == Source::phone)
    if (const auto index = account_of(*request, now)) {
      const bool timeout = failure.cause == transaction::Failure::Cause::timeout;
      doubt(*index, {to->transport, to->remote}, timeout ? "timeout" : "unreachable", now, outbox);
    }
  edge.proxy.on_failure(failure, layer, now, outbox);
}

}  // namespace ringhold::agent
