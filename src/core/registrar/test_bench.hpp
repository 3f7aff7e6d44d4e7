#pragma once

#include <gtest/gtest.h>

#include <string>

#include "registrar/registrar.hpp"

namespace ringhold::registrar {

inline constexpr std::string_view aor = "sip:alice@example.test";
inline constexpr Instant start = from_unix_ms(1'790'000'000'000);

/// A registrar and what a phone sees of it.
class Registering : public ::testing::Test {
 protected:
  static Settings settings() { return {.domain = "example.test", .contacts_per_aor = 3, .service_route = {}}; }

  struct Ask {
    std::string contact = "<sip:alice@10.77.0.11:5060>";
    std::string call_id = "boot-1";
    int cseq = 1;
    std::string headers = "Expires: 120\r\n";
    std::string branch = "b";
    std::string source = "10.77.0.11:5060";
    std::string user_agent = "Phone 1";
  };
  /// The answer to one REGISTER.
  sip::Message send(const Ask& ask, Grant grant = Grant::survivable) {
    outbox_.clear();
    const std::string bytes = "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP " + ask.source + ";branch=z9hG4bK" + ask.branch +
                              "\r\nFrom: <sip:alice@example.test>;tag=f\r\nTo: <sip:alice@example.test>\r\nCall-ID: " + ask.call_id +
                              "\r\nCSeq: " + std::to_string(ask.cseq) + " REGISTER\r\nUser-Agent: " + ask.user_agent + "\r\n" +
                              ask.headers + (ask.contact.empty() ? "" : "Contact: " + ask.contact + "\r\n") + "Content-Length: 0\r\n\r\n";
    const Packet packet{
        Protocol::sip, Transport::udp, FlowId{1}, *Endpoint::parse("10.77.0.2", Port{5060}), *Endpoint::parse(ask.source, Port{5060}),
        bytes};
    decision_ = registrar_.on_register(*sip::Message::parse(bytes), packet, aor, grant, location_, now_, outbox_);
    answer_ = Text{outbox_.message(outbox_.sends().back())};
    return *sip::Message::parse(answer_);
  }
  location::Bindings bindings() { return location_.find(aor, now_); }
  /// Seconds that remain of the one binding.
  std::uint32_t remaining() { return seconds_ceil(bindings().at(0)->expires_at - now_); }
  std::size_t noted(std::string_view name) const {
    std::size_t count = 0;
    for (const auto& note : outbox_.notes()) count += note.name == name ? 1U : 0U;
    return count;
  }

  Instant now_ = start;
  SeededRandom random_{5};
  Outbox outbox_;
  location::LocationService location_{100};
  Registrar registrar_{settings(), random_};
  Decision decision_;
  Text answer_;
};

}  // namespace ringhold::registrar
