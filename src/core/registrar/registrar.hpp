#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "location/location_service.hpp"
#include "registrar/contact_rules.hpp"
#include "sip/message.hpp"

namespace ringhold::registrar {

struct Settings {
  Text domain;  ///< the one domain of every AOR
  Duration min_expires = 30s;
  Duration normal_expires = 60s;
  Duration survivable_expires = 120s;
  unsigned contacts_per_aor = 10;
};

/// Which longest lifetime applies (R5); the mode decides.
enum class Grant : std::uint8_t { normal, survivable };

/// What a REGISTER did.
struct Decision {
  int status = 200;
  bool added = false;
  bool removed = false;
  bool restarted = false;  ///< the device's Call-ID changed within its cycle (R4)
};

class Registrar {
 public:
  Registrar(const Settings& settings, Random& random);

  /// RFC 3261 §10.3, for a valid REGISTER whose AOR `aor` is ours. Answers, journals, notes. Atomic: a refusal changes nothing.
  Decision on_register(const sip::Message& request, const Packet& packet, std::string_view aor, Grant grant,
                       location::LocationService& location, Instant now, Outbox& outbox);
  /// Answers a REGISTER without looking at its bindings: 503 to send a phone home, 404 for a foreign domain.
  void refuse(const sip::Message& request, const Packet& packet, const Refusal& refusal, Outbox& outbox) const;

  /// The key of the device that a REGISTER comes from, by its first Contact; empty without one.
  static Text device_of(const sip::Message& request, std::string_view aor, const Packet& packet);

  void reconfigure(const Settings& settings) { settings_ = settings; }

 private:
  struct Planned {
    Demand::Contact asked;
    location::BindingId existing;
    Text device;
  };
  struct Plan {
    std::vector<location::BindingId> live;  ///< the bindings of the AOR before this REGISTER
    std::vector<Planned> steps;             ///< each contact once
    bool retransmission = false;
  };

  std::variant<Plan, Refusal> plan(const Demand& demand, const sip::Message& request, const Packet& packet, std::string_view aor,
                                   const location::LocationService& location, Instant now) const;
  Duration grant_for(std::uint32_t asked, Grant grant);
  void clear_earlier_cycle(const Plan& plan, const sip::Message& request, std::string_view aor, location::LocationService& location,
                           Outbox& outbox, Decision& decision);
  void apply(const Planned& planned, const sip::Message& request, const Packet& packet, std::string_view aor, Grant grant,
             location::LocationService& location, Instant now, Outbox& outbox, Decision& decision);
  void keep_within_limit(std::string_view aor, location::LocationService& location, Instant now, Outbox& outbox);
  void answer(const sip::Message& request, const Packet& packet, std::string_view aor, const location::LocationService& location,
              Instant now, Outbox& outbox) const;
  Text to_tag(const sip::Message& request) const;

  Settings settings_;
  Random& random_;
  std::uint64_t secret_;
};

}  // namespace ringhold::registrar
