// Any bytes as a DHCP message: never past the end, never for ever; what is asked can be read; an inquiry that gets them as
// answers takes only what can be used.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "dhcp/inquiry.hpp"
#include "dhcp/message.hpp"

namespace {

using namespace ringhold;

constexpr dhcp::HardwareAddress hardware{2, 0, 0, 0x77, 0, 0x31};

void check_options(std::string_view bytes, const dhcp::Message& message) {
  std::size_t sum = 0;
  for (const dhcp::Option& one : message.options) {
    check(one.offset < bytes.size() && static_cast<std::uint8_t>(bytes[one.offset]) == one.code);
    check(one.code != dhcp::option::pad && one.code != dhcp::option::end && one.code != dhcp::option::overload);
    check(message.find(one.code) == &one);
    sum += one.data.size() + 2;
  }
  check(sum <= bytes.size() && message.hardware.size() <= 16);
}

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && name.front() != '.' && name.back() != '.' && name.find("..") == std::string_view::npos &&
         std::ranges::all_of(name, [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; });
}

void check_configuration(const dhcp::Configuration& configuration) {
  check(configuration.server.has_value());
  check(configuration.nameservers.size() <= dhcp::most_addresses && configuration.sip_addresses.size() <= dhcp::most_addresses);
  check(configuration.sip_domains.size() <= dhcp::most_names);
  check(configuration.sip_domains.empty() || configuration.sip_addresses.empty());
  check(std::ranges::all_of(configuration.sip_domains, is_host_name));
  check(configuration.domain.empty() || is_host_name(configuration.domain));
}

/// What was asked, read back.
dhcp::Message question(const Outbox& outbox) {
  const auto message = dhcp::Message::parse(outbox.message(outbox.sends().front()));
  check(message.has_value() && message->type() == dhcp::MessageType::inform && message->is_for(hardware));
  return *message;
}

/// The bytes come twice: as they are, and as an answer to the question under way.
void ask(std::string_view bytes) {
  SeededRandom random{bytes.size()};
  Outbox outbox;
  Instant now = from_unix_ms(1'700'000'000'000);
  dhcp::Inquiry inquiry{{hardware, *Address::parse("10.77.0.31"), 10min}, random};
  inquiry.start(now, outbox);
  std::string answer{bytes};
  if (answer.size() >= 34) {
    const std::uint32_t xid = question(outbox).xid;
    answer.replace(0, 3, "\x02\x01\x06", 3);
    for (unsigned i = 0; i < 4; ++i) answer[4 + i] = static_cast<char>(xid >> (24 - 8 * i) & 0xffU);
    std::memcpy(answer.data() + 28, hardware.data(), hardware.size());
  }
  for (const std::string_view one : {bytes, std::string_view{answer}}) {
    inquiry.receive({Protocol::dhcp, Transport::udp, {}, {}, *Endpoint::parse("10.77.0.1:67", Port{}), one}, now, outbox);
    if (inquiry.configuration()) check_configuration(*inquiry.configuration());
    check(inquiry.next_expiry() && *inquiry.next_expiry() > now);
    now = *inquiry.next_expiry();
    outbox.clear();
    inquiry.expire(now, outbox);
    question(outbox);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto message = dhcp::Message::parse(bytes);
  if (message)
    check_options(bytes, *message);
  else
    check(message.error().offset <= size && !message.error().what.empty() && !message.error().where.empty());
  ask(bytes);
  return 0;
}
