#include "central/probe.hpp"

#include <array>
#include <cstdint>

namespace ringhold::central {

namespace {

const Target* local_listener(const Identity& identity, const Target& target) {
  for (const Target& own : identity.listen)
    if (own.transport == target.transport && own.endpoint.address.is_v4() == target.endpoint.address.is_v4()) return &own;
  return nullptr;
}

Text host_and_port(const Endpoint& endpoint) { return endpoint.address.host_text() + ":" + Text{Decimal{to_number(endpoint.port)}.text()}; }

std::array<char, 16> hex(std::uint64_t number) {
  std::array<char, 16> digits{};
  for (char& digit : digits) {
    digit = "0123456789abcdef"[number >> 60U];
    number <<= 4U;
  }
  return digits;
}

std::string_view view(const std::array<char, 16>& digits) { return {digits.data(), digits.size()}; }

Text sent_by(const Identity& identity, const Target& target) {
  const Target* own = local_listener(identity, target);
  if (own != nullptr && !own->endpoint.address.is_unspecified()) return host_and_port(own->endpoint);
  if (own == nullptr) return identity.host;
  return identity.host + ":" + Text{Decimal{to_number(own->endpoint.port)}.text()};
}

}  // namespace

Destination probe_destination(const Identity& identity, const Target& target) {
  Destination destination;
  destination.protocol = Protocol::sip;
  destination.transport = target.transport;
  if (const Target* own = local_listener(identity, target)) destination.local = own->endpoint;
  destination.remote = target.endpoint;
  return destination;
}

std::string append_probe(const Identity& identity, const Target& target, Random& random, std::string& bytes) {
  std::string branch{"z9hG4bK0p"};  // RFC 3261's cookie, worker 0, probe
  branch += view(hex(random.next()));
  Text uri = "sip:" + host_and_port(target.endpoint);
  if (target.transport != Transport::udp) uri.append(";transport=").append(name(target.transport));

  bytes.append("OPTIONS ").append(uri).append(" SIP/2.0\r\nVia: SIP/2.0/").append(via_name(target.transport)).append(" ");
  bytes.append(sent_by(identity, target)).append(";branch=").append(branch).append(";rport\r\n");
  bytes.append("Max-Forwards: 70\r\nFrom: <sip:").append(identity.domain).append(">;tag=").append(view(hex(random.next())));
  bytes.append("\r\nTo: <").append(uri).append(">\r\nCall-ID: ").append(view(hex(random.next()))).append("\r\n");
  bytes.append("CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
  return branch;
}

}  // namespace ringhold::central
