#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/agent_host.hpp"
#include "sim/agent_sight.hpp"
#include "sim/box.hpp"

namespace ringhold::sim {

/// What must hold of agents in every run (Q1). Judged from what their machines send and get, and from what servers hold; each broken
/// promise is one line.
class AgentCheckers final : public AgentWitness, public Witness {
 public:
  explicit AgentCheckers(World& world) : world_{world} {}

  void know(unsigned number, const agent::Settings& settings);

  void agent_started(unsigned number) override;
  void agent_killed(unsigned number) override;
  void agent_sent(unsigned number, const Datagram& datagram) override;
  void agent_received(unsigned number, const Datagram& datagram) override;
  void agent_spins(unsigned number) override;

  void box_received(const Datagram&) override {}
  void box_sent(const Datagram&) override {}
  void box_spins() override { broken("the timers of the box spin"); }
  void box_noted(std::string_view fact, std::string_view aor) override;

  /// What a place holds now: names of users.
  using Holders = std::map<Address, std::set<std::string>>;
  /// Once a second, and when something breaks or heals.
  void look(std::vector<Place> places, const Holders& holders);
  /// Something broke or healed: then more is allowed for a while.
  void world_changed();

  /// Whether all accounts were last taken by it.
  bool all_at(const Address& place) const;
  /// Long after the healing: nobody but `first` holds anybody's account, and that one all.
  void judge_home(const Address& first, const Holders& holders);
  /// All have taken their registrations away.
  void judge_left(Instant left_at, const Holders& holders);

  void broken(std::string what);
  const std::vector<std::string>& violations() const { return violations_; }
  std::uint64_t registers() const { return registers_; }
  /// The longest that an account was without a place although it could have had one, by the bound that held for it.
  double longest_gap() const { return longest_gap_; }

 private:
  struct HandOver {
    std::string user;
    Address left;
    Instant confirmed_there;  ///< the last 2xx of the one that was left
    Instant at;
  };

  // What came and went.
  void sent_register(unsigned number, const SipMessage& request, const Address& to);
  void sent_options(unsigned number, const SipMessage& request, const Address& to);
  void answered(unsigned number, const SipMessage& response, const Address& from);
  void taken(AccountSight& account, const SipMessage& response, const Address& by);

  // Promises.
  void judge_numbers(AccountSight& account, const SipMessage& request, const Address& to);
  void judge_pace(AccountSight& account);
  std::size_t most_registers(const AccountSight& account) const;
  void judge_spread(unsigned number, const Address& to);
  void judge_switch(const AccountSight& account, const Address& to);
  void judge_cover(AccountSight& account, const Holders& holders);
  Duration allowed_gap(const AccountSight& account, Instant usable_from) const;
  void judge_hand_overs(const Holders& holders);

  const Place* place(const Address& address) const;

  World& world_;
  std::map<unsigned, AgentSight> agents_;
  std::map<std::string, AccountSight> accounts_;
  std::map<std::string, RegisterSight> open_;                                ///< by branch
  std::set<std::string> seen_;                                               ///< branches of requests that were sent already
  std::map<std::pair<unsigned, std::string>, std::deque<Instant>> options_;  ///< to a server by a transport
  std::map<std::pair<unsigned, Address>, std::deque<Instant>> burst_;
  std::vector<Place> places_;
  std::vector<HandOver> hand_overs_;
  std::deque<Instant> changes_;
  std::uint64_t registers_ = 0;
  double longest_gap_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace ringhold::sim
