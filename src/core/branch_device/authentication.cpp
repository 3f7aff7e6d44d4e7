// Who must prove himself, and what follows (R3, X4, docs/decisions/0007).
#include <algorithm>

#include "branch_device/state.hpp"
#include "sip/splice.hpp"

namespace ringhold::branch_device {

namespace {

/// The digits of a number without what people put between them (RFC 3966 §5.1.1).
Text dialled(std::string_view user) {
  Text digits;
  for (const char c : user)
    if (c != '-' && c != '.' && c != '(' && c != ')') digits += c;
  return digits;
}

/// `request` without the credentials that were meant for us: nobody further on shall have them (RFC 3261 §22.3).
std::string without_our_credentials(const sip::Message& request, std::string_view realm) {
  sip::Splice splice{request};
  for (const sip::HeaderLine& line : request.lines()) {
    if (line.header != sip::Header::proxy_authorization) continue;
    const auto credentials = auth::Credentials::parse(line.value);
    if (credentials && credentials->realm == realm) splice.remove(line.line);
  }
  std::string rest;
  splice.write(rest);
  return rest;
}

}  // namespace

bool BranchDevice::State::asks_for_digest() const {
  // with nobody who could answer, a challenge would only shut all phones out.
  return settings.registrar.auth == Auth::digest && authenticator.can_challenge();
}

std::string_view BranchDevice::State::user_of(std::string_view aor) const {
  constexpr std::size_t scheme = 4;  // "sip:"
  const std::size_t host = settings.branch.domain.size() + 1;
  return aor.size() > scheme + host ? aor.substr(scheme, aor.size() - scheme - host) : std::string_view{};
}

bool BranchDevice::State::is_emergency(std::string_view request_uri) const {
  constexpr std::string_view service = "urn:service:sos";  // RFC 5031 §4.2
  if (request_uri.size() >= service.size() && equal_ignoring_case(request_uri.substr(0, service.size()), service)) return true;
  const auto uri = sip::Uri::parse(request_uri);
  return uri && std::ranges::find(settings.registrar.emergency, dialled(uri->user)) != settings.registrar.emergency.end();
}

bool BranchDevice::State::may_register(const sip::Message& request, const Packet& packet, std::string_view aor, Instant now,
                                       Outbox& outbox) {
  if (!asks_for_digest()) return true;
  const auto verdict = authenticator.check(request, packet, auth::Role::registrar, user_of(aor), now, outbox);
  if (verdict.passed()) return true;
  registrar.refuse(request, packet, {verdict.status, verdict.reason, Text{verdict.headers}}, outbox);
  return false;
}

void BranchDevice::State::remember_source(const Packet& packet, std::string_view aor, Instant now, Outbox& outbox) {
  if (!asks_for_digest()) return;
  std::optional<Instant> until;
  for (const location::Binding* binding : location.find(aor, now))
    if (binding->source == packet.remote && binding->transport() == packet.transport)
      until = std::max(until.value_or(binding->expires_at), binding->expires_at);
  if (until)
    authenticator.sources().remember(packet, user_of(aor), *until, now);
  else
    authenticator.sources().forget(packet, user_of(aor));
  tell_source(packet, user_of(aor), until, outbox);
}

void BranchDevice::State::remember_restored_sources(Instant now) {
  location.for_each([&](const location::Binding& binding) {
    // A connection did not outlive the restart.
    if (is_reliable(binding.transport())) return;
    const Packet packet{Protocol::sip, binding.transport(), {}, binding.local(), binding.source, {}};
    authenticator.sources().remember(packet, user_of(binding.aor()), binding.expires_at, now);
  });
}

bool BranchDevice::State::must_prove(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, const Way& found,
                                     std::string_view from_user, Instant now) const {
  if (!asks_for_digest() || central.is_central(packet.remote)) return false;
  // C4, before anything else. Who is in a dialog has proved himself, or was called; but a To tag alone must not open the way.
  if (is_emergency(way.request_uri())) return false;
  if (way.in_dialog && request.method() != sip::Method::invite) return false;
  if (!from_user.empty() && authenticator.sources().knows(packet, from_user, now)) return false;
  // The central site has the same realm and challenges by itself; two would send the phone round in circles.
  const auto goes_to_central = [&](const proxy::Hop& hop) { return central.is_central(hop.destination.remote); };
  return found.hops.empty() || !std::ranges::all_of(found.hops, goes_to_central);
}

bool BranchDevice::State::may_pass(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, const Way& found,
                                   Instant now, Outbox& outbox) {
  if (settings.registrar.auth == Auth::network) return true;
  const auto from = request.from();
  const Text aor = from && identity.is_ours(from->uri) ? aor_of(from->uri) : Text{};
  const std::string_view user = user_of(aor);
  if (!must_prove(request, packet, way, found, user, now)) return true;
  const auto verdict = authenticator.check(request, packet, auth::Role::proxy, user, now, outbox);
  if (!verdict.passed()) {
    proxy.refuse(request, packet, {verdict.status, Text{verdict.reason}, Text{verdict.headers}}, layer, now, outbox);
    return false;
  }
  const std::string rest = without_our_credentials(request, settings.branch.domain);
  const auto stripped = sip::Message::parse(rest);
  check(stripped.has_value());
  // The loop check looks at the credentials, too, so without them a request may turn out to have been here before.
  if (const auto way_on = proxy.preprocess(*stripped))
    route(*stripped, packet, *way_on, found, now, outbox);
  else
    proxy.refuse(request, packet, way_on.error(), layer, now, outbox);
  return false;
}

auth::Tier BranchDevice::State::tier_of(const location::Binding& binding, Instant now) const {
  const std::string_view user = user_of(binding.aor());
  constexpr auth::AlgorithmSet any = 0xff;
  if (asks_for_digest() && authenticator.users().find_usable(user, any) != nullptr) return auth::Tier::digest;
  return known_devices.knows(binding.source.address, now) ? auth::Tier::known : auth::Tier::unknown;
}

void BranchDevice::State::note_device(const Packet& packet, Instant now) {
  if (central.mode() == central::Mode::normal && !central.is_central(packet.remote)) known_devices.note(packet.remote.address, now);
}

void BranchDevice::State::settle_authentication(Outbox& outbox) {
  if (settings.registrar.auth == Auth::network) return;
  authenticator.start(outbox);
  const bool nobody = !authenticator.can_challenge();
  if (nobody && !told_no_users)
    outbox.note({"auth_no_users", {{"domain", settings.branch.domain}, {"users", authenticator.users().size()}}, Severity::error});
  told_no_users = nobody;
}

}  // namespace ringhold::branch_device
