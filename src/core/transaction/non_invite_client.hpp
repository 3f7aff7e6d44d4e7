#pragma once

#include <cstdint>

#include "base/machine.hpp"

namespace ringhold::transaction::non_invite_client {

enum class State : std::uint8_t { trying, proceeding, completed, terminated };
enum class Event : std::uint8_t {
  response_1xx,
  response_200_699,
  timer_e,  ///< retransmission of the request
  timer_f,  ///< no final response in time
  timer_k,  ///< no more retransmissions of the response expected
  transport_error,
};
enum class Action : std::uint8_t {
  send_request,
  double_e,
  slow_e,  ///< the interval becomes T2
  stop_e,
  stop_f,
  start_k,
  pass_response,
  report_timeout,
  report_transport_error,
};

/// RFC 3261 §17.1.2.2. It begins in `trying` with the request sent and timers E (unreliable only) and F running.
inline constexpr auto machine = Machine<State, State::terminated, Event, Event::transport_error, Action>{
    {
        {State::trying, Event::response_1xx, State::proceeding, {Action::pass_response}},
        {State::trying,
         Event::response_200_699,
         State::completed,
         {Action::stop_e, Action::stop_f, Action::start_k, Action::pass_response}},
        {State::trying, Event::timer_e, State::trying, {Action::send_request, Action::double_e}},
        {State::trying, Event::timer_f, State::terminated, {Action::report_timeout}},
        {State::trying, Event::transport_error, State::terminated, {Action::report_transport_error}},

        {State::proceeding, Event::response_1xx, State::proceeding, {Action::pass_response}},
        {State::proceeding,
         Event::response_200_699,
         State::completed,
         {Action::stop_e, Action::stop_f, Action::start_k, Action::pass_response}},
        {State::proceeding, Event::timer_e, State::proceeding, {Action::send_request, Action::slow_e}},
        {State::proceeding, Event::timer_f, State::terminated, {Action::report_timeout}},
        {State::proceeding, Event::transport_error, State::terminated, {Action::report_transport_error}},

        {State::completed, Event::timer_k, State::terminated, {}},
    },
    {
        {State::trying, {Event::timer_k}},
        {State::proceeding, {Event::timer_k}},
        {State::completed, {Event::response_1xx, Event::response_200_699, Event::timer_e, Event::timer_f, Event::transport_error}},
        {State::terminated,
         {Event::response_1xx, Event::response_200_699, Event::timer_e, Event::timer_f, Event::timer_k, Event::transport_error}},
    }};

}  // namespace ringhold::transaction::non_invite_client
