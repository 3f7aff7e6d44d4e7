#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "branch_device/command.hpp"
#include "sim/box.hpp"
#include "sim/checkers.hpp"
#include "sim/push_desk.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// What was asked to be delivered.
struct PushOrder {
  unsigned number = 0;  ///< its content says it
  std::string user;
  std::string key;
  bool by_sip = false;
  std::size_t size = 0;
  Instant at;
};

/// What must hold of pushed content (P1 to P8, PSH-11 to PSH-18, X-19): nothing that was promised is lost, nothing that was
/// delivered is sent again, nothing leaves the branch but for the central site, and no delivery goes in circles.
///
/// What is excused: what was delivered may come once more when the box was killed before that was on disk, when the answer came
/// after Timer F, and when the order itself came twice (a MESSAGE of a phone, repeated to a box that was killed). Two requests
/// that were on their way at the same time, to different addresses, may find the same terminal.
class PushCheckers final : public Witness {
 public:
  PushCheckers(World& world, Checkers& checkers) : world_{world}, checkers_{checkers} {}
  /// Something gets lost or comes twice between phones and box: terminals may get some content twice, and senders no answer.
  void expect_noise() { lan_is_clean_ = false; }

  void box_received(const Datagram& datagram) override;
  void box_sent(const Datagram& datagram) override;
  void box_spins() override {}
  /// `kept_until`: what was said to the store by then is on disk.
  void box_killed(Instant kept_until);

  void ordered(const PushOrder& order);
  /// The sender heard this of it, by the API.
  void told(unsigned number, const branch_device::PushReport& report);
  /// The order was not taken.
  void refused(unsigned number, int status, std::string_view why);
  /// The sender heard a final status, by SIP; `tag` names the message. 408: he heard none.
  void answered(unsigned number, int status, const std::string& tag);
  /// All that the box tells of pushes, from time to time.
  void look(std::span<const branch_device::PushReport> reports);
  /// At the end, when all is well for long: `users` can be reached.
  void judge(std::span<const branch_device::PushReport> reports, const std::set<std::string>& users, const std::vector<PushSeen>& seen);

  std::size_t orders() const { return orders_.size(); }
  std::size_t delivered() const { return delivered_; }

 private:
  struct Order {
    PushOrder order;
    std::set<std::string> ids;
    std::string promised;  ///< the id by which it was accepted for good
    std::string said;      ///< what its sender heard last
    std::optional<Instant> said_at;
    std::optional<Instant> pending_since;
  };
  struct Request {
    unsigned number = 0;
    std::string message;  ///< id
    Endpoint to;
    Instant at;
    bool is_datagram = false;
    bool is_answered = false;
  };
  /// What is known of a message by its id.
  struct Message {
    std::string user;
    bool waits = false;  ///< in the store, when it was last looked at
    bool was_stored = false;
    Instant expires;
    std::size_t size = 0;
    std::optional<Instant> taken_at;  ///< a 2xx came in
    std::string result;
  };

  void judge_report(const branch_device::PushReport& report);
  void sent_own(const SipMessage& request, const Datagram& datagram, const std::string& branch);
  void judge_order_of_stored(const std::string& id, const Message& message);
  void judge_one(const Order& order, const std::map<std::string, const branch_device::PushReport*>& by_id,
                 const std::set<std::string>& users, const std::set<unsigned>& taken);
  void judge_terminals(const std::vector<PushSeen>& seen);
  bool forgot(Instant since) const;
  bool died_since(Instant moment) const;

  World& world_;
  Checkers& checkers_;
  std::map<unsigned, Order> orders_;
  std::map<std::string, Message> messages_;
  std::map<std::string, Request> requests_;  ///< of the box's own making, by branch; since it was started
  struct Kill {
    Instant at;
    Instant kept_until;
  };
  std::vector<Kill> kills_;
  Instant looked_at_;
  bool lan_is_clean_ = true;
  std::size_t delivered_ = 0;
};

}  // namespace ringhold::sim
