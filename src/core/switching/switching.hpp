#pragma once

#include <cstdint>

#include "base/machine.hpp"

namespace ringhold::switching {

/// Where one account stands (SWI-22). The server that is meant is the one where ServerList stands.
enum class State : std::uint8_t {
  resolving,      ///< the servers are looked up
  registering,    ///< a REGISTER is under way
  registered,     ///< until the refresh
  renewing,       ///< registered; before the refresh the servers are looked up again (DIS-22)
  returning,      ///< registered; a REGISTER is under way to a better server (DIS-21)
  deregistering,  ///< a REGISTER with expires 0 is under way (SWI-08)
  waiting,        ///< nobody took it: for timer 1 or timer 2
};

/// What happened. A failure says already where it leads: after_failure() knows (SWI-05).
enum class Event : std::uint8_t {
  servers_known,      ///< there is an answer, and a server in it that has not failed in this round
  servers_unknown,    ///< no name, no answer, or nobody else in it (SWI-03 a)
  accepted,           ///< 2xx
  challenged,         ///< 401, 407 that can be answered (SWI-10)
  too_brief,          ///< 423 with Min-Expires (SWI-11)
  moved,              ///< 301, 302 to where it was not yet sent (SWI-21)
  unsupported,        ///< 420, 439 for what we can do without (SWI-21)
  refused,            ///< any other 4xx, the first of this stay (SWI-08)
  failed_to_next,     ///< else: the next server follows at once
  failed_to_first,    ///< it had taken the account in this stay: the first server follows at once
  failed_everywhere,  ///< all have been tried: timer 1
  failed_alone,       ///< there is no other: timer 2
  failed_outdated,    ///< the order may be another one by now: DNS is asked who comes next (X-22)
  refresh_due,        ///< the granted time less a margin is over (SWI-12)
  list_outdated,      ///< the same, or the end of a wait, when the servers have to be looked up again
  doubted,            ///< another transaction failed there, or a heartbeat was lost (SWI-13, SWI-15)
  better_answers,     ///< a better server has answered for return_after (SWI-17); to who waits: any server answers again; to who gets
                      ///< no answer: one that has come before in DNS does (X-22)
  wait_over,
  network_changed,  ///< a link came up, an address or the DHCP server's answer changed (SWI-18)
};

/// What is done, in this order.
enum class Action : std::uint8_t {
  abandon,        ///< the REGISTER to the better server does not count any more
  go_first,       ///< a new stay at the first server that has not failed in this round
  go_next,        ///< a new stay at the next server
  go_above,       ///< a new stay at the better server
  keep_place,     ///< the same server, if it is among them still; else the first
  succeed,        ///< this stay has been successful (SWI-06)
  let_go,         ///< the binding at the server that was left is removed
  plan_refresh,   ///< by what was granted
  stay,           ///< the better server is not asked again before it has answered for return_after anew
  wait_for_all,   ///< timer 1, longer each time (SWI-18)
  wait_for_one,   ///< timer 2
  ask_servers,    ///< DNS
  prove,          ///< the same with credentials
  lengthen,       ///< the same with the expiry that is wanted
  follow,         ///< the same to where it has moved
  simplify,       ///< the same without the extension
  send_register,  ///< to the server where it stands
  send_anew,      ///< the same after a removal
  send_removal,   ///< with expires 0
  send_above,     ///< to the better server
};

/// SWI-05, SWI-07 to SWI-18, SWI-21, SWI-22.
inline constexpr auto machine = Machine<State, State::waiting, Event, Event::network_changed, Action>{
    {
        {State::resolving, Event::servers_known, State::registering, {Action::go_first, Action::send_register}},
        {State::resolving, Event::servers_unknown, State::waiting, {Action::wait_for_all}},
        {State::resolving, Event::network_changed, State::resolving, {Action::ask_servers}},

        {State::registering, Event::accepted, State::registered, {Action::succeed, Action::let_go, Action::plan_refresh}},
        {State::registering, Event::challenged, State::registering, {Action::prove}},
        {State::registering, Event::too_brief, State::registering, {Action::lengthen}},
        {State::registering, Event::moved, State::registering, {Action::follow}},
        {State::registering, Event::unsupported, State::registering, {Action::simplify}},
        {State::registering, Event::refused, State::deregistering, {Action::send_removal}},
        {State::registering, Event::failed_to_next, State::registering, {Action::go_next, Action::send_register}},
        {State::registering, Event::failed_to_first, State::registering, {Action::go_first, Action::send_register}},
        {State::registering, Event::failed_everywhere, State::waiting, {Action::wait_for_all}},
        {State::registering, Event::failed_alone, State::waiting, {Action::wait_for_one}},
        {State::registering, Event::failed_outdated, State::resolving, {Action::ask_servers}},
        {State::registering, Event::better_answers, State::registering, {Action::go_above, Action::send_register}},

        {State::registered, Event::refresh_due, State::registering, {Action::send_register}},
        {State::registered, Event::list_outdated, State::renewing, {Action::ask_servers}},
        {State::registered, Event::doubted, State::registering, {Action::send_register}},
        {State::registered, Event::better_answers, State::returning, {Action::send_above}},
        {State::registered, Event::network_changed, State::renewing, {Action::ask_servers}},

        {State::renewing, Event::servers_known, State::registering, {Action::keep_place, Action::send_register}},
        {State::renewing, Event::servers_unknown, State::registering, {Action::send_register}},

        {State::returning, Event::accepted, State::registered, {Action::go_above, Action::succeed, Action::let_go, Action::plan_refresh}},
        {State::returning, Event::challenged, State::returning, {Action::prove}},
        {State::returning, Event::too_brief, State::returning, {Action::lengthen}},
        {State::returning, Event::unsupported, State::returning, {Action::simplify}},
        {State::returning, Event::moved, State::registered, {Action::stay}},
        {State::returning, Event::refused, State::registered, {Action::stay}},
        {State::returning, Event::failed_to_next, State::registered, {Action::stay}},
        {State::returning, Event::failed_to_first, State::registered, {Action::stay}},
        {State::returning, Event::failed_everywhere, State::registered, {Action::stay}},
        {State::returning, Event::failed_alone, State::registered, {Action::stay}},
        {State::returning, Event::failed_outdated, State::registered, {Action::stay}},
        {State::returning, Event::refresh_due, State::registering, {Action::abandon, Action::send_register}},
        {State::returning, Event::list_outdated, State::renewing, {Action::abandon, Action::ask_servers}},
        {State::returning, Event::doubted, State::registering, {Action::abandon, Action::send_register}},
        {State::returning, Event::network_changed, State::renewing, {Action::abandon, Action::ask_servers}},

        {State::deregistering, Event::accepted, State::registering, {Action::send_anew}},
        {State::deregistering, Event::challenged, State::deregistering, {Action::prove}},
        {State::deregistering, Event::failed_to_next, State::registering, {Action::go_next, Action::send_register}},
        {State::deregistering, Event::failed_to_first, State::registering, {Action::go_first, Action::send_register}},
        {State::deregistering, Event::failed_everywhere, State::waiting, {Action::wait_for_all}},
        {State::deregistering, Event::failed_alone, State::waiting, {Action::wait_for_one}},
        {State::deregistering, Event::failed_outdated, State::resolving, {Action::ask_servers}},

        {State::waiting, Event::wait_over, State::registering, {Action::go_first, Action::send_register}},
        {State::waiting, Event::list_outdated, State::resolving, {Action::ask_servers}},
        {State::waiting, Event::better_answers, State::registering, {Action::go_first, Action::send_register}},
        {State::waiting, Event::network_changed, State::resolving, {Action::ask_servers}},
    },
    {
        {State::resolving,
         {Event::accepted, Event::challenged, Event::too_brief, Event::moved, Event::unsupported, Event::refused, Event::failed_to_next,
          Event::failed_to_first, Event::failed_everywhere, Event::failed_alone, Event::failed_outdated, Event::refresh_due,
          Event::list_outdated, Event::doubted, Event::better_answers, Event::wait_over}},
        // SWI-14: one registration at a time; its result decides.
        {State::registering,
         {Event::servers_known, Event::servers_unknown, Event::refresh_due, Event::list_outdated, Event::doubted, Event::wait_over,
          Event::network_changed}},
        {State::registered,
         {Event::servers_known, Event::servers_unknown, Event::accepted, Event::challenged, Event::too_brief, Event::moved,
          Event::unsupported, Event::refused, Event::failed_to_next, Event::failed_to_first, Event::failed_everywhere, Event::failed_alone,
          Event::failed_outdated, Event::wait_over}},
        {State::renewing,
         {Event::accepted, Event::challenged, Event::too_brief, Event::moved, Event::unsupported, Event::refused, Event::failed_to_next,
          Event::failed_to_first, Event::failed_everywhere, Event::failed_alone, Event::failed_outdated, Event::refresh_due,
          Event::list_outdated, Event::doubted, Event::better_answers, Event::wait_over, Event::network_changed}},
        {State::returning, {Event::servers_known, Event::servers_unknown, Event::better_answers, Event::wait_over}},
        // What comes instead of 2xx or a challenge to a removal is a failure, whatever it says (SWI-08): these four do not come.
        {State::deregistering,
         {Event::servers_known, Event::servers_unknown, Event::too_brief, Event::moved, Event::unsupported, Event::refused,
          Event::refresh_due, Event::list_outdated, Event::doubted, Event::better_answers, Event::wait_over, Event::network_changed}},
        {State::waiting,
         {Event::servers_known, Event::servers_unknown, Event::accepted, Event::challenged, Event::too_brief, Event::moved,
          Event::unsupported, Event::refused, Event::failed_to_next, Event::failed_to_first, Event::failed_everywhere, Event::failed_alone,
          Event::failed_outdated, Event::refresh_due, Event::doubted}},
    }};

/// Whether the account can be reached: a binding stands at a server.
constexpr bool has_service(State state) { return state == State::registered || state == State::renewing || state == State::returning; }

}  // namespace ringhold::switching
