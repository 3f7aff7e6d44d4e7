#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "sim/sip_wire.hpp"
#include "sim/stream_pool.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// Who is registered at central servers; several may share it. One binding for each user: an agent's account is one device.
class CentralBooks {
 public:
  struct Entry {
    std::string contact;
    std::string call_id;
    unsigned cseq = 0;
    Instant expires_at;
  };
  Entry* find(const std::string& user, Instant now);
  void put(const std::string& user, Entry entry) { entries_[user] = std::move(entry); }
  void remove(const std::string& user) { entries_.erase(user); }
  std::set<std::string> users(Instant now) const;

 private:
  std::map<std::string, Entry> entries_;
};

/// A central server as agents meet it: a registrar that dies and returns, and has moods. It keeps strictly to RFC 3261 §10.3.
class CentralRegistrar final : public Host {
 public:
  enum class Life : unsigned char {
    up,
    unplugged,  ///< nobody hears it, nothing is lost
    powerless,  ///< likewise, and its connections are gone
    deserted,   ///< the machine runs, and refuses
  };
  enum class Mood : unsigned char {
    well,
    deaf,        ///< to OPTIONS
    failing,     ///< 500 to REGISTER
    busy,        ///< 503 with Retry-After
    forbidding,  ///< 403
    confused,    ///< 400
  };
  struct Habits {
    std::uint32_t shortest = 0;  ///< 423 below
    std::uint32_t longest = 3600;
    bool challenges = false;
    std::uint32_t retry_after = 60;
  };

  CentralRegistrar(World& world, std::shared_ptr<CentralBooks> books, unsigned number, const Habits& habits);

  void set(Life life, Mood mood);
  Life life() const { return life_; }
  /// Whether a REGISTER that arrives succeeds.
  bool takes_registrations() const { return life_ == Life::up && (mood_ == Mood::well || mood_ == Mood::deaf); }
  bool is_well() const { return life_ == Life::up && mood_ == Mood::well; }
  std::set<std::string> users() const { return books_->users(world_.clock.now()); }
  Endpoint endpoint() const { return own_; }

  void receive(const Datagram& datagram) override;
  void unreachable(const Endpoint&, const Endpoint&) override {}
  void connection_changed(Streams::Id id, const Endpoint& local, const Endpoint& remote, ConnectionState state) override {
    pool_.changed(id, local, remote, state);
  }

 private:
  void set_life(Life life);
  SipMessage answer(const SipMessage& request);
  SipMessage answer_register(const SipMessage& request);
  bool is_challenged(const SipMessage& request, SipMessage& answer) const;
  std::string nonce() const;

  World& world_;
  std::shared_ptr<CentralBooks> books_;
  StreamPool pool_;
  Endpoint own_;
  Habits habits_;
  Life life_ = Life::up;
  Mood mood_ = Mood::well;
  std::map<std::string, SipMessage> answered_;  ///< by branch: a retransmission gets the same (RFC 3261 §17.2.2)
  std::deque<std::string> answered_in_order_;
};

}  // namespace ringhold::sim
