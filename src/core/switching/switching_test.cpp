#include "switching/switching.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/enum_name.hpp"

namespace ringhold::switching {
namespace {

using enum State;
using enum Event;
using enum Action;

/// One cell of the table in the requirement's text (SWI-22).
struct Cell {
  State state;
  Event event;
  State next;
  Set<Action> actions;
};

TEST(SwitchingTable, is_the_one_of_the_requirement_SWI22) {
  const std::vector<Cell> cells{
      // resolving: only the failure of the name leads on (SWI-05)
      {resolving, servers_known, registering, {go_first, send_register}},
      {resolving, servers_unknown, waiting, {wait_for_all}},
      // registering(s)
      {registering, failed_to_next, registering, {go_next, send_register}},
      {registering, failed_to_first, registering, {go_first, send_register}},
      {registering, better_answers, registering, {go_above, send_register}},  // only to who gets no answer
      {registering, failed_everywhere, waiting, {wait_for_all}},
      {registering, failed_alone, waiting, {wait_for_one}},
      {registering, refused, deregistering, {send_removal}},
      {registering, challenged, registering, {prove}},
      {registering, too_brief, registering, {lengthen}},
      {registering, accepted, registered, {succeed, let_go, plan_refresh}},
      {registering, refresh_due, registering, {}},
      {registering, doubted, registering, {}},
      // registered(s)
      {registered, refresh_due, registering, {send_register}},
      {registered, doubted, registering, {send_register}},
      {registered, list_outdated, renewing, {ask_servers}},
      // deregistering(s)
      {deregistering, failed_to_next, registering, {go_next, send_register}},
      {deregistering, failed_everywhere, waiting, {wait_for_all}},
      {deregistering, failed_alone, waiting, {wait_for_one}},
      {deregistering, challenged, deregistering, {prove}},
      {deregistering, accepted, registering, {send_anew}},
      {deregistering, doubted, deregistering, {}},
      // waiting (timer 1, timer 2, Retry-After)
      {waiting, doubted, waiting, {}},
      {waiting, wait_over, registering, {go_first, send_register}},
      // what DIS-21, DIS-22 and SWI-18 add
      {registered, better_answers, returning, {send_above}},
      {returning, accepted, registered, {go_above, succeed, let_go, plan_refresh}},
      {returning, failed_to_next, registered, {stay}},
      {returning, refused, registered, {stay}},
      {returning, refresh_due, registering, {abandon, send_register}},
      {renewing, servers_known, registering, {keep_place, send_register}},
      {renewing, servers_unknown, registering, {send_register}},
      {waiting, network_changed, resolving, {ask_servers}},
      {waiting, list_outdated, resolving, {ask_servers}},
      {registering, failed_outdated, resolving, {ask_servers}},
      {deregistering, failed_outdated, resolving, {ask_servers}},
  };
  for (const Cell& cell : cells) {
    const auto [next, actions] = machine.step(cell.state, cell.event);
    EXPECT_EQ(next, cell.next) << enum_name(cell.state) << " " << enum_name(cell.event);
    EXPECT_EQ(actions, cell.actions) << enum_name(cell.state) << " " << enum_name(cell.event);
  }
}

TEST(SwitchingTable, never_sends_two_registrations_in_one_step_SWI14) {
  for (int s = 0; s <= std::to_underlying(waiting); ++s)
    for (int e = 0; e <= std::to_underlying(network_changed); ++e) {
      const auto actions = machine.step(static_cast<State>(s), static_cast<Event>(e)).actions;
      int sent = 0;
      for (const Action action : {send_register, send_anew, send_removal, send_above, prove, lengthen, follow, simplify})
        sent += actions.contains(action) ? 1 : 0;
      EXPECT_LE(sent, 1);
    }
}

TEST(SwitchingTable, leaves_no_state_for_ever_T6) {
  // Whoever waits has a timer; whoever is registered a refresh; all others wait for an answer.
  for (int s = 0; s <= std::to_underlying(waiting); ++s)
    for (int e = 0; e <= std::to_underlying(network_changed); ++e) {
      const auto [next, actions] = machine.step(static_cast<State>(s), static_cast<Event>(e));
      if (next == static_cast<State>(s)) continue;
      const bool has_deadline = actions.contains(wait_for_all) || actions.contains(wait_for_one);
      EXPECT_TRUE(next != waiting || has_deadline);
      EXPECT_TRUE(next != registered || actions.contains(plan_refresh) || actions.contains(stay));
      EXPECT_TRUE(next != deregistering || actions.contains(send_removal));
    }
}

}  // namespace
}  // namespace ringhold::switching
