// Credentials and challenges of any form, and what an authenticator makes of them (X1).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/authenticator.hpp"
#include "sip/message.hpp"

using namespace ringhold;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void look_at(std::string_view value) {
  if (const auto credentials = auth::Credentials::parse(value)) {
    require(inside(credentials->username, value) && inside(credentials->response, value) && inside(credentials->nonce, value));
    (void)credentials->user();
    (void)credentials->nonce_count();
    (void)credentials->algorithm();
  }
  if (const auto challenge = auth::Challenge::parse(value)) require(inside(challenge->realm, value) && inside(challenge->nonce, value));
}

/// Nobody gets in without the password.
void try_to_pass(std::string_view value) {
  static SeededRandom random{1};
  static auth::Authenticator authenticator{{"example.test", 5min, {auth::Algorithm::sha_256, auth::Algorithm::md5}}, random};
  Outbox outbox;
  if (authenticator.users().size() == 0)
    authenticator.put(auth::make_user(authenticator.hasher(), "alice", "example.test", "a password that no fuzzer draws"), outbox);
  const std::string text =
      "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11;branch=z9hG4bK1\r\nAuthorization: " + std::string{value} +
      "\r\nContent-Length: 0\r\n\r\n";
  const auto request = sip::Message::parse(text);
  if (!request) return;
  const Packet packet{Protocol::sip, Transport::udp, FlowId{1}, {}, {*Address::parse("10.77.0.11"), Port{5060}}, text};
  static Instant now = from_unix_ms(1'790'000'000'000);
  now += 1min;
  const auto verdict = authenticator.check(*request, packet, auth::Role::registrar, "alice", now, outbox);
  require(verdict.status == 400 || verdict.status == 401 || verdict.status == 503);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes{reinterpret_cast<const char*>(data), size};
  look_at(bytes);
  try_to_pass(bytes);
  return 0;
}
