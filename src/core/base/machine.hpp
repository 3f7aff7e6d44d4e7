#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>

namespace ringhold {

/// A set of enumerators in one 32-bit word, visited in the order of the enum.
template <typename Enum>
class Set {
 public:
  constexpr Set() = default;
  constexpr Set(std::initializer_list<Enum> members) {
    for (const Enum member : members) bits_ |= bit(member);
  }
  constexpr bool contains(Enum member) const { return (bits_ & bit(member)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  template <typename Visitor>
  constexpr void for_each(Visitor&& visit) const {
    for (std::uint32_t rest = bits_; rest != 0; rest &= rest - 1) visit(static_cast<Enum>(std::countr_zero(rest)));
  }
  friend constexpr bool operator==(const Set&, const Set&) = default;

 private:
  static constexpr std::uint32_t bit(Enum member) { return 1U << static_cast<unsigned>(std::to_underlying(member)); }
  std::uint32_t bits_ = 0;
};

/// A state machine as a table that the compiler checks: a pair of state and event listed twice, or not at all, does
/// not compile. What is ignored is said. The actions of a step are performed in the order of their enum.
template <typename State, State last_state, typename Event, Event last_event, typename Action>
class Machine {
 public:
  struct Step {
    State next;
    Set<Action> actions;
  };
  struct Row {
    State state;
    Event event;
    State next;
    Set<Action> actions;
  };
  struct Ignored {
    State state;
    Set<Event> events;
  };

  consteval Machine(std::initializer_list<Row> rows, std::initializer_list<Ignored> ignored) {
    for (const Row& row : rows) list(row.state, row.event, {row.next, row.actions});
    for (const Ignored& line : ignored) line.events.for_each([&](Event event) { list(line.state, event, {line.state, {}}); });
    for (const auto& state : listed_)
      for (const bool event : state)
        if (!event) a_state_and_event_without_row();
  }

  constexpr Step step(State state, Event event) const {
    return steps_[static_cast<std::size_t>(std::to_underlying(state))][static_cast<std::size_t>(std::to_underlying(event))];
  }

 private:
  constexpr void list(State state, Event event, Step step) {
    auto& listed = listed_[static_cast<std::size_t>(std::to_underlying(state))][static_cast<std::size_t>(std::to_underlying(event))];
    if (std::exchange(listed, true)) two_rows_for_one_state_and_event();
    steps_[static_cast<std::size_t>(std::to_underlying(state))][static_cast<std::size_t>(std::to_underlying(event))] = step;
  }
  static void two_rows_for_one_state_and_event();  // not constexpr on purpose:
  static void a_state_and_event_without_row();     // calling them stops the compiler
  template <typename T>
  using PerPair = std::array<std::array<T, static_cast<std::size_t>(std::to_underlying(last_event)) + 1>,
                             static_cast<std::size_t>(std::to_underlying(last_state)) + 1>;
  PerPair<Step> steps_{};
  PerPair<bool> listed_{};
};

}  // namespace ringhold
