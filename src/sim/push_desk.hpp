#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "sim/sip_wire.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// What a terminal does with content that is pushed to it (PSH-01 to PSH-12, PSH-16).
struct PushWish {
  enum class Kind : std::uint8_t {
    answer,
    keep_silent,
    lose_power,  ///< before it answers
  };
  Kind kind = Kind::answer;
  int status = 200;
  std::vector<std::string> contacts{};  ///< values of Contact, of a redirect
  std::string expires{};                ///< header, of a redirect; empty: none
  Duration delay{};                     ///< until it answers
  int second = 0;                       ///< another final status soon after; zero: none
};

/// Content that came to a terminal in a transaction of its own.
struct PushSeen {
  unsigned phone = 0;
  unsigned number = 0;  ///< of the content, as its body says
  std::string branch;
  std::string call_id;
  Instant at;
  int status = 0;  ///< the first final one that it said
  Instant answered_at;
  bool has_taken = false;  ///< it has said 2xx, be it later
  bool is_direct = false;  ///< a datagram from the branch device
};

/// "push 17 …": the number that each content carries; nothing when it is no such content.
std::optional<unsigned> push_number(std::string_view body);
std::string push_body(unsigned number, std::size_t size);

/// What the terminals of the branch want done with pushed content, each for some time, and what they got of it.
class PushDesk {
 public:
  PushDesk(World& world, std::uint64_t seed) : world_{world}, random_{seed}, likes_chains_{random_.below(4) == 0} {}

  /// `may_vanish`: it may lose its power over a push.
  enum class Nature : std::uint8_t { steady, may_vanish };
  void join(unsigned phone, const std::string& user, const std::string& contact, Nature nature);
  /// From now on everybody takes what comes.
  void calm_down() { is_calm_ = true; }

  PushWish wish(unsigned phone);
  std::size_t saw(unsigned phone, const SipMessage& request, bool is_direct);
  void answered(std::size_t entry, int status);
  const std::vector<PushSeen>& book() const { return book_; }
  Random& random() { return random_; }

 private:
  struct Member {
    std::string user;
    std::string contact;
    Nature nature = Nature::steady;
    PushWish wish;
    Instant until;
  };
  void change_mind(unsigned phone, Member& member);
  PushWish redirect(unsigned phone, const Member& member);
  std::string next_phone(unsigned phone) const;
  std::string somebody(unsigned phone, const Member& member);

  World& world_;
  SeededRandom random_;
  bool likes_chains_;  ///< most pass on to the next phone whatever comes
  bool is_calm_ = false;
  std::map<unsigned, Member> members_;
  std::vector<PushSeen> book_;
};

}  // namespace ringhold::sim
