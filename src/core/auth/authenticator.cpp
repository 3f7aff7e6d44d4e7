#include "auth/authenticator.hpp"

#include <charconv>
#include <utility>

namespace ringhold::auth {

namespace {

constexpr std::string_view key_name = "auth.nonce_key";

AlgorithmSet set_of(const std::vector<Algorithm>& algorithms, const Hasher& hasher) {
  AlgorithmSet set = 0;
  for (const Algorithm algorithm : algorithms)
    if (hasher.has(algorithm)) set |= bit(algorithm);
  return set;
}

sip::Header credentials_header(Role role) {
  return role == Role::registrar ? sip::Header::authorization : sip::Header::proxy_authorization;
}

/// In a time that does not tell where they differ.
bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(to_lower(a[i]) ^ to_lower(b[i]));
  return difference == 0;
}

/// What is wrong with the parameters together; empty if nothing.
std::string_view misfit(const Credentials& credentials, AlgorithmSet offered) {
  const auto algorithm = credentials.algorithm();
  if (!algorithm || (offered & bit(*algorithm)) == 0) return "Digest algorithm was not offered";
  if (credentials.qop != Qop::auth && credentials.qop != Qop::auth_int) return "Digest qop is neither auth nor auth-int";
  if (credentials.cnonce.empty() || credentials.nonce_count().value_or(0) == 0) return "Digest qop needs cnonce, and nc of 8 digits";
  if (credentials.userhash) return "Digest userhash was not offered";
  return {};
}

Text hex_of(const KeyedHash::Key& key) {
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(key.high),
                static_cast<unsigned long long>(key.low));
  return digits;
}

std::optional<KeyedHash::Key> parse_key(std::string_view hex) {
  KeyedHash::Key key;
  const char* text = hex.data();
  if (hex.size() != 32 || std::from_chars(text, text + 16, key.high, 16).ptr != text + 16 ||
      std::from_chars(text + 16, text + 32, key.low, 16).ptr != text + 32)
    return std::nullopt;
  return key;
}

}  // namespace

Authenticator::Authenticator(const Settings& settings, Random& random)
    : settings_{settings},
      offered_{set_of(settings.algorithms, hasher_)},
      hash_{KeyedHash::Key{random.next(), random.next()}},
      first_serial_{static_cast<std::uint32_t>(random.next())},
      users_{settings.realm},
      nonces_{hash_, first_serial_},
      sources_{hash_, limits::auth_sources} {}

void Authenticator::set_key(const KeyedHash::Key& key) {
  hash_ = KeyedHash{key};
  // A nonce is good with the worker that counts its use (RFC 7616 §3.4); with another one it is stale.
  nonces_ = Nonces{KeyedHash{{key.low ^ settings_.worker, key.high}}, first_serial_};
}

void Authenticator::restore(const Row& row) {
  switch (row.table) {
    case Table::user:
      if (auto user = from_row(row)) users_.put(std::move(*user));
      return;
    case Table::setting: {
      if (row.columns.size() < 2) return;
      const Text* key = std::get_if<Text>(&row.columns[0]);
      const Text* value = std::get_if<Text>(&row.columns[1]);
      if (key == nullptr || value == nullptr || *key != key_name) return;
      if (const auto kept = parse_key(*value)) {
        set_key(*kept);
        key_is_kept_ = true;
      }
      return;
    }
    case Table::ring_profile:
    case Table::ring_schedule:
    case Table::terminal_type:
    case Table::call:
    case Table::dialog:
    case Table::redirect:
    case Table::push_message:
    case Table::push_record:
    case Table::agent_account:
    case Table::binding:
    case Table::learnt: return;
  }
}

void Authenticator::start(Outbox& outbox) {
  if (key_is_kept_) return;
  key_is_kept_ = true;
  outbox.change({Table::setting, Text{key_name}, {Text{key_name}, hex_of(hash_.key())}});
}

void Authenticator::reconfigure(const Settings& settings) {
  settings_ = settings;
  offered_ = set_of(settings.algorithms, hasher_);
  users_.set_realm(settings.realm);
}

bool Authenticator::put(User user, Outbox& outbox) {
  Change change = auth::put(user);
  if (!users_.put(std::move(user))) return false;
  outbox.change(std::move(change));
  return true;
}

bool Authenticator::remove(std::string_view name, Outbox& outbox) {
  if (!users_.remove(name)) return false;
  outbox.change(erase_user(name));
  return true;
}

AlgorithmSet Authenticator::algorithms_for(std::string_view user) const {
  if (const User* known = users_.find_usable(user, offered_)) return known->algorithms() & offered_;
  // Who is not there is offered what one of those who are is offered: the same one each time, and as often as they are.
  const std::size_t usable = users_.usable(offered_);
  if (usable == 0) return offered_;
  std::size_t place = hash_(user) % usable;
  for (unsigned bits = 0; bits < 1U << all_algorithms.size(); ++bits) {
    const auto set = static_cast<AlgorithmSet>(bits);
    if ((set & offered_) == 0) continue;
    if (place < users_.count(set)) return set & offered_;
    place -= users_.count(set);
  }
  return offered_;
}

Verdict Authenticator::challenge(Role role, std::string_view user, Freshness freshness, Instant now) {
  const Nonces::Written nonce = nonces_.issue(now);
  const AlgorithmSet answerable = algorithms_for(user);
  headers_.clear();
  for (const Algorithm algorithm : settings_.algorithms)
    if ((answerable & bit(algorithm)) != 0)
      append_challenge(headers_, role == Role::registrar ? "WWW-Authenticate" : "Proxy-Authenticate", settings_.realm,
                       {nonce.data(), nonce.size()}, algorithm, freshness);
  return {role == Role::registrar ? 401 : 407, {}, headers_, {}};
}

Authenticator::Keys Authenticator::keys_of(const Packet& packet, std::string_view user) const {
  const auto bytes = packet.remote.address.bytes();
  const std::uint64_t source = hash_({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return {source ^ hash_(user), source};
}

Verdict Authenticator::check(const sip::Message& request, const Packet& packet, Role role, std::string_view claimed, Instant now,
                             Outbox& outbox) {
  const sip::Header header = credentials_header(role);
  std::optional<Credentials> found;
  std::string_view unreadable;
  for (const sip::HeaderLine& line : request.lines()) {
    if (line.header != header) continue;
    const auto credentials = Credentials::parse(line.value);
    if (!credentials)
      unreadable = credentials.error().what;
    else if (credentials->realm == settings_.realm && (!found || !found->algorithm()))
      found = *credentials;
  }
  if (found) return judge(*found, request, packet, role, claimed, now, outbox);
  if (!unreadable.empty()) {
    ++counters_.malformed;
    return {400, unreadable, {}, {}};
  }
  ++counters_.challenged;
  return challenge(role, claimed, Freshness::first, now);
}

bool Authenticator::is_right(const Credentials& credentials, Algorithm algorithm, std::string_view user, const sip::Message& request) {
  const User* known = users_.find_usable(user, bit(algorithm));
  // Who is not there has an HA1 as well, which nobody knows: the same work is done, and nothing ever fits.
  Digest ha1{};
  for (std::size_t i = 0; i < ha1.size(); ++i) ha1[i] = static_cast<std::uint8_t>(hash_.key().low >> (i % 8 * 8));
  if (known != nullptr) ha1 = *known->ha1[std::to_underlying(algorithm)];
  const Digest expected = make_response(
      hasher_, algorithm, ha1,
      {request.method_name(), credentials.uri, credentials.nonce, credentials.nc, credentials.cnonce, credentials.qop, request.body()});
  return same(HexDigest{algorithm, expected}, credentials.response) && known != nullptr;
}

Verdict Authenticator::judge(const Credentials& credentials, const sip::Message& request, const Packet& packet, Role role,
                             std::string_view claimed, Instant now, Outbox& outbox) {
  const auto refuse = [](std::uint64_t& counter, int status, std::string_view reason) {
    ++counter;
    return Verdict{status, reason, {}, {}};
  };
  if (const auto wrong = misfit(credentials, offered_); !wrong.empty()) return refuse(counters_.malformed, 400, wrong);
  auto user = credentials.user();
  if (!user) return refuse(counters_.malformed, 400, "Digest username has a broken escape");
  // RFC 3261 §22.4: that the digest's uri differs from the Request-URI is no failure; user agents put their proxy there.
  const Keys keys = keys_of(packet, *user);
  if (by_pair_.is_over(keys.pair, now) || by_source_.is_over(keys.source, now)) {
    headers_ = "Retry-After: 30\r\n";
    Verdict verdict = refuse(counters_.limited, 503, "Too many wrong passwords");
    verdict.headers = headers_;
    return verdict;
  }
  if (!is_right(credentials, *credentials.algorithm(), *user, request)) {
    ++counters_.failed;
    by_pair_.note(keys.pair, now);
    by_source_.note(keys.source, now);
    outbox.note({"auth_failed", {{"source", packet.remote.text()}, {"user", *user}, {"method", request.method_name()}}, Severity::warning});
    return challenge(role, *user, Freshness::first, now);
  }
  const auto nonce = nonces_.read(credentials.nonce);
  const auto age = nonce ? now - from_unix_ms(nonce->issued_ms) : Duration{};
  // A nonce of the future was made before the clock was set back: how old it is, nobody knows.
  if (!nonce || age > settings_.nonce_age || age < -1ms) {
    ++counters_.stale;
    return challenge(role, *user, Freshness::stale, now);
  }
  const auto via = request.top_via();
  const std::uint64_t identity = hash_(credentials.response) ^ (via ? hash_(via->branch) << 1U : 0);
  if (counts_.take(*nonce, *credentials.nonce_count(), identity, now) == NonceCounts::Taken::replayed) {
    ++counters_.replayed;
    return challenge(role, *user, Freshness::stale, now);
  }
  if (!claimed.empty() && claimed != *user)
    return refuse(counters_.forbidden, 403,
                  role == Role::registrar ? "To is not the authenticated user" : "From is not the authenticated user");
  ++counters_.passed;
  return {0, {}, {}, std::move(*user)};
}

}  // namespace ringhold::auth
