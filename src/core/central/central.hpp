#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "central/health.hpp"
#include "central/mode.hpp"
#include "central/probe.hpp"
#include "central/return_pace.hpp"
#include "transaction/layer.hpp"

namespace ringhold::central {

/// `[central]` of the configuration, and what else the probes and the return need.
struct Settings {
  Identity identity;
  Duration probe_interval = 5s;
  Duration probe_timeout = 2s;
  unsigned down_after = 3;
  unsigned up_after = 3;
  Duration return_dwell = 30s;
  unsigned return_rate = 20;           ///< phones per second
  Duration survivable_expires = 120s;  ///< how long a phone may stay here without a refresh
};

/// What the DNS upstream did last (S1).
enum class DnsSign : std::uint8_t { answered, silent, refused };
/// What became of a request that was relayed to a central server. 503 is `unavailable`, any other response `answered`.
enum class RelaySign : std::uint8_t { answered, unavailable, unanswered, refused };

/// Knows the central site: probes its servers, keeps the mode, and sends phones home.
class Central {
 public:
  Central(const Settings& settings, Random& random);

  /// The central servers, learnt or configured. Those that stay (same Target) keep their health. Above `max_servers` the
  /// last in order are left out.
  void set_servers(std::span<const Server> servers, Instant now);
  /// Rows of Table::setting with the keys "mode.pin" and "mode.last"; others are left alone. Before start().
  void restore(const Row& row);
  void start(Instant now, Outbox& outbox);
  void reconfigure(const Settings& settings, Instant now, Outbox& outbox);

  /// What the leader of a team knows, for those minds that do not probe.
  struct Standing {
    Mode mode = Mode::normal;
    Instant since;
    Pin pin = Pin::automatic;
    std::optional<Instant> return_from;  ///< since when phones are sent home
    std::optional<DnsSign> dns;
    std::vector<ServerReport> servers;
  };
  Standing standing() const;
  /// Differs whenever standing() has changed.
  std::uint64_t standing_number() const { return standing_number_ * 8 + std::to_underlying(mode()) * 2U + (pace_.is_open() ? 1U : 0U); }
  /// Instead of start(): the mode, the servers and the return are the leader's.
  void follow(const Standing& standing);

  /// Probes due and dwell times over.
  void expire(Instant now, transaction::Layer& layer, Outbox& outbox);
  std::optional<Instant> next_expiry() const;

  /// A response (also 1xx, also late), or the end, of a transaction whose owner has Kind::central.
  void on_response(const transaction::Owner& owner, int status, Instant now, Outbox& outbox);
  void on_failure(const transaction::Failure& failure, Instant now, Outbox& outbox);
  /// Live traffic counts (S1). A sign of loss brings the next probe forward. The last sign of DNS holds until the next.
  void note_dns(DnsSign sign, Instant now, Outbox& outbox);
  void note_relay(const Target& target, RelaySign sign, Instant now, Outbox& outbox);
  /// Phones registered here now; when that reaches zero while recovering, the mode is normal again.
  void note_registrations(std::size_t still_here, Instant now, Outbox& outbox);
  /// Somebody was sent home, or held for his call, by another mind.
  void note_return(Instant at) { pace_.held(at); }
  std::optional<Instant> last_return() const { return pace_.last_activity(); }
  /// Until when clients may use DNS answers that named us first: no phone is sent home before (S5).
  void note_survivable_ttl(Instant until);

  /// True: answer this registration 503 with Retry-After, so that the phone goes home: while recovering at the pace of S5;
  /// in normal mode who stays here though the central site lives (DIS-26). `device` is the device's key, else AOR and
  /// contact. Never true for a device in a call, nor for one that has just come back.
  bool send_home(std::string_view device, bool in_call, Instant now, Outbox& outbox);
  /// Whether send_home() may say yes to anybody now: spares the question, and its key, while nobody goes home.
  bool sends_home(Instant now) const;

  /// `ringhold mode` (S6); kept across restarts.
  void set_pin(Pin pin, Instant now, Outbox& outbox);
  Pin pin() const { return pin_; }
  bool pinned() const { return pin_ != Pin::automatic; }

  Mode mode() const { return keeper_.mode(); }
  Instant since() const { return keeper_.since(); }
  /// False: our own SRV record stands where `dns.when_down` says (D7); true: last.
  bool dns_order_normal() const;
  Cause cause() const;
  /// One sentence: what was seen of the servers and of DNS.
  std::string evidence() const;

  /// Where to relay, best first: up before suspect and unknown, then by priority and weight; never one that is down.
  std::vector<Target> usable_servers() const;
  bool is_up(const Target& target) const;
  std::vector<ServerReport> report() const;
  /// Whether a request from `remote` came from a central server. Ports differ over TCP, so the address decides, but on
  /// loopback, where all share one, the port too.
  bool is_central(const Endpoint& remote) const;

  static constexpr std::size_t max_servers = 64;
  /// Keys of our rows in Table::setting.
  static constexpr std::string_view pin_key = "mode.pin";
  static constexpr std::string_view last_key = "mode.last";

 private:
  struct Watched {
    Server server;
    ServerHealth health;
    std::uint32_t generation = 0;
    Instant next_probe;
    std::optional<Instant> sent_at;  ///< a probe is under way and not judged yet
    Instant last_sent;
    transaction::TransactionId transaction;  ///< kept after the timeout, so that late answers count
    std::optional<Duration> rtt;
    bool relay_loss_taken = false;  ///< live traffic counts once between two probes
  };

  void probe(Watched& watched, Instant now, transaction::Layer& layer, Outbox& outbox);
  void judge(Watched& watched, Sign sign, Instant now, Outbox& outbox);
  void hasten(Instant now);
  Duration jittered_interval(const Watched& watched) const;
  Watched* find(const transaction::Owner& owner);
  Site site(Instant now) const;
  bool lost(Instant now) const;
  bool nobody_left(Instant now) const;
  void look(Instant now, Outbox& outbox);
  void tell_mode(Mode from, Mode to, std::string_view why, Outbox& outbox) const;
  void keep(std::string_view key, std::string_view value, Outbox& outbox) const;
  bool dns_is_bad() const;
  std::optional<Instant> dns_loss_confirmed_at() const;
  std::optional<Instant> home_deadline() const;
  void update_pace(Instant now, Outbox& outbox);

  Settings settings_;
  Random& random_;
  std::vector<Watched> servers_;
  std::vector<transaction::TransactionId> abandoned_;
  std::uint32_t next_generation_ = 1;
  ModeKeeper keeper_;
  ReturnPace pace_;
  Pin pin_ = Pin::automatic;
  Mode kept_mode_ = Mode::normal;
  std::optional<DnsSign> dns_;
  Instant dns_since_{};  ///< of the first sign of loss in a row
  std::size_t registrations_ = 0;
  std::optional<Instant> survivable_ttl_until_;
  Instant looked_at_{};
  std::optional<Instant> look_again_;  ///< the servers changed
  bool started_ = false;
  std::uint64_t standing_number_ = 1;
};

}  // namespace ringhold::central
