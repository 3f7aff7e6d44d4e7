#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/outbox.hpp"
#include "base/random.hpp"
#include "dns/builder.hpp"
#include "dns/message.hpp"
#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

/// A record of the zone that the central DNS server of a test has.
struct ZoneRecord {
  std::string owner;
  std::uint16_t type;
  std::uint32_t ttl;
  std::string data;
};

ZoneRecord srv_record(std::string owner, std::uint16_t priority, std::uint16_t weight, std::uint16_t port, std::string_view target,
                      std::uint32_t ttl = 300);
ZoneRecord a_record(std::string owner, std::string_view address, std::uint32_t ttl = 300);
ZoneRecord cname_record(std::string owner, std::string_view target, std::uint32_t ttl = 300);

/// What the nameserver sent, read.
struct Seen {
  Destination to;
  std::string bytes;
  dns::Message message;
  std::vector<dns::Record> section(dns::Section section) const;
  std::vector<dns::Srv> services() const;
  /// "10 60 5060 sip1.example.test, 21 0 5060 ringhold.example.test"
  std::string services_text() const;
  /// Addresses of A and AAAA records of a section, "owner address".
  std::vector<std::string> addresses(dns::Section section) const;
  std::optional<unsigned> extended_error() const;
};

/// A branch device's nameserver, a phone that asks, and upstreams that answer from a zone, in virtual time.
class Bench {
 public:
  enum class Upstream : std::uint8_t { answers, silent, refuses, truncates, servfail };
  enum class LookUps : std::uint8_t { none, from_start };

  explicit Bench(LookUps look_ups = LookUps::none);
  explicit Bench(const Settings& settings, LookUps look_ups = LookUps::none);
  static Settings usual();
  static std::vector<ZoneRecord> usual_zone();

  struct Asking {
    std::uint16_t id = 0x4711;
    std::string client = "10.77.0.31";
    std::uint16_t port = 40'000;
    Transport transport = Transport::udp;
    std::optional<std::uint16_t> payload = std::nullopt;  ///< with EDNS
    bool dnssec_ok = false;
    bool checking_disabled = false;
  };
  /// Sends a query and lets the present moment's packets pass; what came back by then.
  std::optional<Seen> ask(std::string_view name, std::uint16_t type) { return ask(name, type, Asking{}); }
  std::optional<Seen> ask(std::string_view name, std::uint16_t type, const Asking& asking);
  void give(std::string_view bytes, const Asking& asking);
  static std::string query(std::string_view name, std::uint16_t type, const Asking& asking);

  void pass(Duration duration);
  void deliver(std::string_view bytes, FlowId flow, const Endpoint& from, Transport transport = Transport::udp);
  /// The upstream's answer to what it was asked.
  std::string answer_of(const Seen& query, Upstream how) const;
  void answer(const Seen& query, Upstream how = Upstream::answers);
  void restart();
  bool noted(std::string_view name) const;

  Settings settings;
  SeededRandom random{42};
  std::unique_ptr<Nameserver> nameserver;
  Instant now = from_unix_ms(1'800'000'000'000);
  std::vector<ZoneRecord> zone = usual_zone();
  Upstream upstream = Upstream::answers;
  std::string dead_zone = "dead.test";  ///< names below it are never answered
  Duration upstream_delay{};
  std::vector<Seen> asked_upstream;  ///< everything since the beginning
  std::vector<Seen> answered;        ///< to clients, since the beginning
  std::vector<FlowId> closed;
  std::vector<std::string> notes;
  std::vector<Change> store;  ///< rows as they stand on disk

 private:
  struct Coming {
    Instant at;
    Seen query;
    Upstream how;
  };
  void drain();
  void step(Instant to);
  Outbox outbox_;
  std::vector<Coming> coming_;
};

}  // namespace ringhold::nameserver
