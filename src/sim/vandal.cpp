#include "sim/vandal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/dns_wire.hpp"

namespace ringhold::sim {

namespace {

constexpr std::array<std::string_view, 10> methods{"REGISTER", "INVITE", "OPTIONS", "MESSAGE",   "BYE",
                                                   "CANCEL",   "ACK",    "UPDATE",  "SUBSCRIBE", "VANDALISE"};
constexpr std::array<std::string_view, 6> odd_headers{
    "Max-Forwards: 0\r\n",          "Require: foo\r\n",          "Route: <sip:10.77.0.2;lr>, <sip:10.77.0.66;lr>\r\n",
    "Contact: *\r\nExpires: 0\r\n", "Content-Length: 99999\r\n", "Subject:\r\n folded\r\n"};

}  // namespace

Vandal::Vandal(World& world, std::uint64_t seed) : world_{world}, random_{seed} {
  world_.attach(insider(), *this);
  world_.attach(outsider(), *this);
}

void Vandal::begin() {
  active_ = true;
  strike();
}

void Vandal::strike() {
  if (!active_) return;
  const bool is_dns = random_.below(4) == 0;
  const Endpoint to{bench::box(), is_dns ? bench::dns_port : bench::sip_port};
  const std::string message = is_dns ? dns_message() : sip_message();
  world_.send({{insider(), bench::sip_port}, to, damaged(message)});
  if (random_.below(4) == 0) world_.send({{outsider(), bench::sip_port}, to, message});
  world_.clock.after(random_.between(50ms, 2s), [this] { strike(); });
}

std::string Vandal::sip_message() {
  const std::string_view method = methods[random_.below(methods.size())];
  const auto number = random_.next();
  const std::string odd = random_.below(3) == 0 ? std::string{odd_headers[random_.below(odd_headers.size())]} : std::string{};
  const std::string headers = fmt::format(
      "Via: SIP/2.0/UDP 10.77.0.66:5060;branch=z9hG4bK{:x};rport\r\nMax-Forwards: 70\r\nFrom: <sip:vandal@{}>;tag={:x}\r\n"
      "To: <sip:vandal@{}>\r\nCall-ID: {:x}\r\nCSeq: 1 {}\r\nContact: <sip:vandal@10.77.0.66>\r\n{}\r\n",
      number, bench::domain, number >> 40U, bench::domain, number, method, odd);
  if (random_.below(8) == 0) return "SIP/2.0 200 OK\r\n" + headers;
  const std::string uri = method == "REGISTER" ? fmt::format("sip:{}", bench::domain) : fmt::format("sip:nobody@{}", bench::domain);
  return fmt::format("{} {} SIP/2.0\r\n{}", method, uri, headers);
}

std::string Vandal::dns_message() {
  constexpr std::array<std::uint16_t, 8> types{1, 2, 28, 33, 35, 41, 252, 255};
  constexpr std::array<std::string_view, 5> names{"_sip._udp.example.test", "sip1.example.test", "ringhold.example.test", "example.test",
                                                  "www.elsewhere.test"};
  return dns_query(static_cast<std::uint16_t>(random_.next()), names[random_.below(names.size())], types[random_.below(types.size())]);
}

std::string Vandal::damaged(std::string bytes) {
  for (std::uint32_t strokes = random_.below(4); strokes > 0 && !bytes.empty(); --strokes) {
    const auto at = random_.below(static_cast<std::uint32_t>(bytes.size()));
    switch (random_.below(5)) {
      case 0: bytes[at] = static_cast<char>(random_.next()); break;
      case 1: bytes.erase(at, 1 + random_.below(20)); break;
      case 2: bytes.insert(at, 1 + random_.below(20), static_cast<char>(random_.next())); break;
      case 3: bytes.insert(at, bytes.substr(at, 1 + random_.below(100))); break;
      default: bytes.resize(at); break;
    }
  }
  return bytes;
}

}  // namespace ringhold::sim
