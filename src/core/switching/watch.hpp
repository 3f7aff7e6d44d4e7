#pragma once

#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "switching/pauses.hpp"

namespace ringhold::switching {

/// What shows whether one server lives: anything that it says, and OPTIONS when it says nothing (SWI-15).
class Watch {
 public:
  /// Why a server is watched; the pace differs.
  enum class Purpose : std::uint8_t {
    nothing,    ///< nobody is there, or wants to be
    heartbeat,  ///< accounts are registered there
    candidate,  ///< accounts would rather be there, or anywhere (SWI-17)
  };

  void set_purpose(Purpose purpose, Instant now, const Settings& settings, Random& random);
  Purpose purpose() const { return purpose_; }
  /// It has sent something; any SIP message counts.
  void heard(Instant now, const Settings& settings, Random& random);
  /// A heartbeat leaves; it is to be answered by answer_by().
  void asked(Instant now, const Settings& settings);
  /// The heartbeat stays unanswered, or could not be sent.
  void missed(Instant now, const Settings& settings, Random& random);
  /// A transaction with it has failed: what it answered before does not count any more.
  void doubt() { answering_since_.reset(); }

  /// When the next heartbeat leaves; nothing: while one is under way, or none is wanted.
  std::optional<Instant> due() const { return answer_by_ || purpose_ == Purpose::nothing ? std::nullopt : std::optional{due_}; }
  std::optional<Instant> answer_by() const { return answer_by_; }
  /// Since when it has answered without a gap.
  std::optional<Instant> answering_since() const { return answering_since_; }
  std::optional<Instant> heard_at() const { return heard_at_; }

 private:
  Duration pace(const Settings& settings) const;

  Purpose purpose_ = Purpose::nothing;
  Instant due_{};
  Instant asked_at_{};
  std::optional<Instant> answer_by_;
  std::optional<Instant> heard_at_;
  std::optional<Instant> answering_since_;
};

}  // namespace ringhold::switching
