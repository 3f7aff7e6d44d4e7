#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/box.hpp"
#include "sim/phone.hpp"

namespace ringhold::sim {

/// What must hold in every run. Each broken promise is one line; the first is what the seed is known by.
class Checkers final : public Witness {
 public:
  explicit Checkers(World& world) : world_{world} {}

  void box_received(const Datagram& datagram) override;
  void box_sent(const Datagram& datagram) override;
  void box_spins() override;
  /// `kept_until`: what was said to the store by then is on disk.
  void box_killed(Instant kept_until);
  void phone_power_changed(unsigned number);
  /// Before a phone loses its power: its calls that went by the box are lost, and the other sides have to hear of it (B1).
  void watch_calls_of(unsigned number, const CallBook& book);
  /// Once a second: whether they have.
  void judge_releases();
  /// Whose calls are looked at when the box ends one (RST-09).
  void know(const std::vector<std::unique_ptr<Phone>>& phones) { phones_ = &phones; }

  /// What the world is like now; once a second. `site_dead`: no SIP server of the centre can be spoken with.
  /// `site_well`: nothing at all is broken. `mode`: empty while the box is off.
  struct Situation {
    bool site_dead;
    bool site_well;
    Instant box_since;
    std::string mode;
  };
  void look(const Situation& situation);

  /// At the end: calls between two phones that were both registered here, and requests without their final response.
  void judge_calls(const CallBook& book);
  void judge_requests();
  void judge_dns(const std::vector<std::unique_ptr<Phone>>& phones, bool lan_is_clean);

  void broken(std::string what);
  const std::vector<std::string>& violations() const { return violations_; }
  std::uint64_t requests() const { return requests_; }

 private:
  struct Request {
    std::string method;
    Instant at;
    int final_status = 0;
    bool cancelled = false;
  };
  void sent_release(const SipMessage& message);
  Phone* phone(unsigned number) const;
  void sent_response(const Datagram& datagram, const SipMessage& message);
  bool disturbed(const CallAttempt& attempt, Instant until) const;
  bool must_succeed(const CallAttempt& attempt, Instant until) const;
  bool box_died_since(Instant moment) const;

  World& world_;
  std::map<std::string, Request> open_;
  std::uint64_t requests_ = 0;
  struct Kill {
    Instant at;
    Instant kept_until;
  };
  std::vector<Kill> kills_;
  std::vector<std::pair<unsigned, Instant>> power_changes_;
  struct LostCall {
    std::string call_id;
    unsigned restarted = 0;
    unsigned other = 0;
    Instant answered_at;
    std::optional<Instant> back_at;  ///< when the restarted one was registered at the box again
  };
  std::vector<LostCall> lost_calls_;
  const std::vector<std::unique_ptr<Phone>>* phones_ = nullptr;
  std::vector<Instant> unwell_;  ///< the seconds in which something was broken
  std::optional<Instant> dead_since_;
  std::optional<Instant> well_since_;
  std::vector<std::string> violations_;
};

}  // namespace ringhold::sim
