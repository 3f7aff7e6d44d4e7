#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "base/timer_wheel.hpp"
#include "ringing/ring_profile.hpp"
#include "ringing/terminal_type.hpp"

namespace ringhold::ringing {

/// Names a call in progress; its owner chooses it, and never the same for two.
using SearchKey = std::uint64_t;

struct Settings {
  std::vector<TerminalType> types = usual_types();
  Duration step = 15s;   ///< of a step that names no time
  Duration total = 60s;  ///< of all steps together
  Calendar calendar{};   ///< of the users' schedules
};

/// The users' ring profiles, and the calls that go by them (G2 to G5). Decides which types ring when; who has contacts of these
/// types is its caller's to know.
class MediaService {
 public:
  explicit MediaService(const Settings& settings) : settings_{settings}, types_{settings.types} {}

  const TerminalTypes& types() const { return types_; }
  /// What the administrator says of a device, else classify(). `device` is its key (location::device_key), made when asked for.
  template <typename MakeDevice>
  TerminalTypes::Found type_of(const sip::Parameters& contact, std::string_view user_agent, MakeDevice&& device) const {
    if (!corrected_.empty())
      if (const auto found = corrected_.find(device()); found != corrected_.end())
        if (const TerminalType* type = types_.find(found->second)) return {type, TypeSource::administrator};
    return types_.classify(contact, user_agent);
  }
  /// The type of a device from now on; nothing: what it says of itself. False: too many are corrected.
  bool correct(std::string_view device, std::optional<TypeCode> type, Outbox& outbox);

  const RingProfile* profile(std::string_view user) const;
  /// How he is to be called now: by the first schedule of his that holds, else by his profile's plan. Null: as is usual.
  const RingPlan* plan(std::string_view user, Instant now) const;
  const Calendar& calendar() const { return settings_.calendar; }
  /// Takes it, or takes it away when it is the usual one. What is wrong with it; empty: it is in force, for calls to come.
  Text put(RingProfile profile, Outbox& outbox);
  void remove(std::string_view user, Outbox& outbox);
  void restore(const Row& row);
  /// The row with that key is gone from the store.
  void forget(Table table, std::string_view key);
  void reconfigure(const Settings& settings);
  /// As Calendar::ahead; reconfigure() leaves it.
  void set_clock(Duration ahead) { settings_.calendar.ahead = ahead; }

  /// A call goes by the steps from `first` on, which rings from now on. The plan is copied: a change concerns the next call.
  void begin(SearchKey search, std::string_view aor, const RingPlan& plan, std::size_t first, Instant now);
  /// The next step of a call, which rings from now on; nothing when there is none, or its time is over. Call again for one that
  /// nobody can be called in (RNG-12).
  std::optional<Step> next_step(SearchKey search, Instant now);
  /// The step that rings; null: that call goes by no plan.
  const Step* ringing_step(SearchKey search) const;
  /// The call has its final response, or nobody is left to be called.
  void finish(SearchKey search);

  /// The calls whose step is over; each is told once, and its owner asks for the next step.
  std::vector<SearchKey> expire(Instant now);
  std::optional<Instant> next_expiry() const { return wheel_.next(); }
  /// The calls to this AOR (RNG-17).
  std::vector<SearchKey> ringing_for(std::string_view aor) const;
  /// The AOR that a call is for; empty: it goes by no plan.
  std::string_view aor_of(SearchKey search) const;

  std::size_t size() const { return plans_.size(); }
  std::size_t profiles() const { return profiles_.size(); }

 private:
  struct Plan {
    Text aor;
    std::vector<Step> steps;
    Text fallback;  ///< once it has become a step, empty
    std::size_t current = 0;
    Instant step_over;
    Instant all_over;
    Instant deadline() const { return std::min(step_over, all_over); }
  };
  void ring(SearchKey search, Plan& plan, Instant now);

  Settings settings_;
  TerminalTypes types_;
  boost::unordered_flat_map<Text, RingProfile, TextHash, TextEqual> profiles_;
  boost::unordered_flat_map<Text, TypeCode, TextHash, TextEqual> corrected_;  ///< by device
  boost::unordered_flat_map<SearchKey, Plan> plans_;
  boost::unordered_flat_map<Text, std::vector<SearchKey>, TextHash, TextEqual> by_aor_;  ///< of plans_
  TimerWheel<SearchKey> wheel_;
};

}  // namespace ringhold::ringing
