#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/flow.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "dhcp/configuration.hpp"
#include "dhcp/message.hpp"

namespace ringhold::dhcp {

struct Settings {
  HardwareAddress hardware{};  ///< of the interface that asks
  Address address;             ///< our own IPv4 address on it
  Duration ask_again = 10min;  ///< after an answer, so that a change is seen
};

/// A DHCP client that has an address and asks for the rest (RFC 2131 §3.4): again and again until a server answers, then from
/// time to time. The last answer stands while nobody answers.
class Inquiry {
 public:
  /// `random` outlives it.
  Inquiry(const Settings& settings, Random& random) : settings_{settings}, random_{random} {}

  /// What the last answer said; nothing before the first.
  const std::optional<Configuration>& configuration() const { return configuration_; }
  std::optional<Instant> next_expiry() const { return due_; }

  /// Begins to ask; also anew, when the network may have changed.
  void start(Instant now, Outbox& outbox);
  /// Takes the first DHCPACK that answers us; all else is passed over.
  void receive(const Packet& packet, Instant now, Outbox& outbox);
  void expire(Instant now, Outbox& outbox);
  /// Whether configuration() differs from when this was asked last.
  bool take_changed();

  static constexpr unsigned silence = 3;  ///< the third question without an answer is told, after some 12 s

 private:
  void ask(Instant now, Outbox& outbox);
  void take(const Message& ack, const Packet& packet, Instant now, Outbox& outbox);
  void note_refused(const Error& error, const Packet& packet, Outbox& outbox) const;
  void note_answer(Outbox& outbox) const;

  Settings settings_;
  Random& random_;
  std::optional<Configuration> configuration_;
  std::vector<Error> refused_;  ///< of the last answer; the same are not told again
  std::optional<Instant> due_;
  Instant began_;  ///< when the first of the questions under way was sent
  std::uint32_t xid_ = 0;
  unsigned asked_ = 0;  ///< questions under way; zero: answered
  bool malformed_told_ = false;
  bool silent_ = false;
  bool changed_ = false;
};

}  // namespace ringhold::dhcp
