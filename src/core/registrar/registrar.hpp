#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/siphash.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "location/device.hpp"
#include "location/location_service.hpp"
#include "registrar/contact_rules.hpp"
#include "registrar/date_line.hpp"
#include "registrar/gruu.hpp"
#include "sip/message.hpp"

namespace ringhold::registrar {

struct Settings {
  Text domain;  ///< the one domain of every AOR; empty: there may be several, and no GRUUs are given
  Duration min_expires = 30s;
  Duration normal_expires = 60s;
  Duration survivable_expires = 120s;
  unsigned contacts_per_aor = 10;
  std::vector<Text> service_route;  ///< RFC 3608; URIs in order
};

/// Which longest lifetime applies (R5); the mode decides.
enum class Grant : std::uint8_t { normal, survivable };

/// A device whose Call-ID changed within its cycle (R4), or that said good-bye with another one (RST-12); and what else
/// speaks for a restart (RST-13).
struct Restart {
  struct Place {
    Text contact;
    Endpoint source;        ///< of its REGISTER
    bool has_path = false;  ///< it came through a proxy (RFC 3327)
  };
  Text device;  ///< location::device_key
  std::vector<Place> before;
  Place now;                   ///< the contact is empty when it said good-bye
  bool other_address = false;  ///< this REGISTER came from another address than the one before (RST-11)
  bool other_contact = false;  ///< its Contact has another host or port than before
  Text call_id_before;
  std::uint32_t cseq_before = 0;
  Instant registered_at;  ///< for the first time in the cycle that ended
};

/// What a REGISTER did.
struct Decision {
  int status = 200;
  bool added = false;
  bool removed = false;
  std::vector<Restart> restarts{};
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
  /// Whether this very REGISTER was granted already: then it gets its 200 again, whatever has changed since (§8.2.7).
  static bool was_granted(const sip::Message& request, std::string_view aor, const location::LocationService& location, Instant now);
  /// The AOR and the bindings that a Request-URI of our domain names, if it is a GRUU (RFC 5627 §6).
  const Gruu& gruu() const { return gruu_; }

  /// The key of temporary GRUUs outlives a restart, as the dialogs do that hold them. Rows of others are left alone.
  void restore(const Row& row);
  /// Once, after what was restored: keeps a new key.
  void start(Outbox& outbox);
  void reconfigure(const Settings& settings) { settings_ = settings; }

 private:
  struct Planned {
    const Demand::Contact* asked = nullptr;  ///< null: `*` takes it away
    location::BindingId existing;
    location::DeviceTraits device;
    bool removes() const { return asked == nullptr || asked->expires == 0; }
  };
  struct Plan {
    location::BindingIds live;                         ///< the bindings of the AOR before this REGISTER
    boost::container::small_vector<Planned, 1> steps;  ///< each contact once
    bool retransmission = false;
  };
  struct Request;

  std::optional<Refusal> make_plan(const Request& request, const location::LocationService& location, Plan& plan) const;
  std::optional<Refusal> plan_contact(const Request& request, const Demand::Contact& asked, const location::LocationService& location,
                                      Plan& plan) const;
  bool is_out_of_order(const Request& request, const location::Binding& binding, Plan& plan) const;
  Duration grant_for(std::uint32_t asked, Grant grant);
  void end_earlier_cycles(const Request& request, const Plan& plan, location::LocationService& location, Outbox& outbox,
                          Decision& decision) const;
  /// Some phones draw the user of their Contact anew at each start (baresip): without an instance they are known by the host
  /// and port of the Contact, which one program can have at a time.
  static bool has_socket_of(const Planned& step, const location::Binding& binding);
  static void note_restart(const Request& request, const location::Binding& binding, const sip::Contact* contact, Outbox& outbox,
                           Decision& decision);
  void apply(const Request& request, const Planned& step, location::LocationService& location, Outbox& outbox, Decision& decision);
  void take_away(const Request& request, location::BindingId id, location::LocationService& location, Outbox& outbox,
                 Decision& decision) const;
  void keep_within_limit(const Request& request, location::LocationService& location, Outbox& outbox) const;
  void answer(const Request& request, const location::LocationService& location, Outbox& outbox);
  void append_contact(const Request& request, const location::Binding& binding);
  Text to_tag(const sip::Message& request) const;

  Settings settings_;
  Random& random_;
  SipHash tags_;
  Secret gruu_secret_;
  bool gruu_secret_kept_ = false;
  Gruu gruu_;
  DateLine date_;
  Text headers_;  ///< of the answer that is being written; its memory is used again
  Text texts_;    ///< of the registration that is being written
};

}  // namespace ringhold::registrar
