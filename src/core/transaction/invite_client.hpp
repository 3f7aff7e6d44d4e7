#pragma once

#include <cstdint>

#include "base/machine.hpp"

namespace ringhold::transaction::invite_client {

enum class State : std::uint8_t { calling, proceeding, accepted, completed, terminated };
enum class Event : std::uint8_t {
  response_1xx,
  response_2xx,
  response_300_699,
  timer_a,  ///< retransmission of the INVITE
  timer_b,  ///< no response in time
  timer_d,  ///< no more retransmissions of a 300-699 expected
  timer_m,  ///< no more 2xx expected
  transport_error,
};
enum class Action : std::uint8_t {
  send_request,
  send_ack,
  double_a,
  stop_a,
  stop_b,
  start_d,
  start_m,
  pass_response,
  report_timeout,
  report_transport_error,
};

/// RFC 3261 §17.1.1.2 with RFC 6026 §7.2. It begins in `calling` with the INVITE sent and timers A (unreliable only) and
/// B running. In `proceeding` nothing is sent, so no transport error concerns it: Timer C of the proxy bounds it.
inline constexpr auto machine = Machine<State, State::terminated, Event, Event::transport_error, Action>{
    {
        {State::calling, Event::response_1xx, State::proceeding, {Action::stop_a, Action::stop_b, Action::pass_response}},
        {State::calling, Event::response_2xx, State::accepted, {Action::stop_a, Action::stop_b, Action::start_m, Action::pass_response}},
        {State::calling,
         Event::response_300_699,
         State::completed,
         {Action::send_ack, Action::stop_a, Action::stop_b, Action::start_d, Action::pass_response}},
        {State::calling, Event::timer_a, State::calling, {Action::send_request, Action::double_a}},
        {State::calling, Event::timer_b, State::terminated, {Action::report_timeout}},
        {State::calling, Event::transport_error, State::terminated, {Action::report_transport_error}},

        {State::proceeding, Event::response_1xx, State::proceeding, {Action::pass_response}},
        {State::proceeding, Event::response_2xx, State::accepted, {Action::start_m, Action::pass_response}},
        {State::proceeding, Event::response_300_699, State::completed, {Action::send_ack, Action::start_d, Action::pass_response}},

        {State::accepted, Event::response_2xx, State::accepted, {Action::pass_response}},
        {State::accepted, Event::timer_m, State::terminated, {}},

        {State::completed, Event::response_300_699, State::completed, {Action::send_ack}},
        {State::completed, Event::timer_d, State::terminated, {}},
        {State::completed, Event::transport_error, State::terminated, {Action::report_transport_error}},
    },
    {
        {State::calling, {Event::timer_d, Event::timer_m}},
        {State::proceeding, {Event::timer_a, Event::timer_b, Event::timer_d, Event::timer_m, Event::transport_error}},
        {State::accepted,
         {Event::response_1xx, Event::response_300_699, Event::timer_a, Event::timer_b, Event::timer_d, Event::transport_error}},
        {State::completed, {Event::response_1xx, Event::response_2xx, Event::timer_a, Event::timer_b, Event::timer_m}},
        {State::terminated,
         {Event::response_1xx, Event::response_2xx, Event::response_300_699, Event::timer_a, Event::timer_b, Event::timer_d, Event::timer_m,
          Event::transport_error}},
    }};

}  // namespace ringhold::transaction::invite_client
