#pragma once

#include <cstdint>

#include "base/machine.hpp"

namespace ringhold::transaction::non_invite_server {

enum class State : std::uint8_t { trying, proceeding, completed, terminated };
enum class Event : std::uint8_t {
  request,  ///< retransmission of the request
  send_1xx,
  send_200_699,
  timer_j,  ///< no more retransmissions of the request expected
  transport_error,
};
enum class Action : std::uint8_t { send_response, start_j, tell_undelivered };

/// RFC 3261 §17.2.2. It begins in `trying`.
inline constexpr auto machine = Machine<State, State::terminated, Event, Event::transport_error, Action>{
    {
        {State::trying, Event::send_1xx, State::proceeding, {Action::send_response}},
        {State::trying, Event::send_200_699, State::completed, {Action::send_response, Action::start_j}},

        {State::proceeding, Event::request, State::proceeding, {Action::send_response}},
        {State::proceeding, Event::send_1xx, State::proceeding, {Action::send_response}},
        {State::proceeding, Event::send_200_699, State::completed, {Action::send_response, Action::start_j}},
        {State::proceeding, Event::transport_error, State::terminated, {Action::tell_undelivered}},

        {State::completed, Event::request, State::completed, {Action::send_response}},
        {State::completed, Event::timer_j, State::terminated, {}},
        {State::completed, Event::transport_error, State::terminated, {Action::tell_undelivered}},
    },
    {
        {State::trying, {Event::request, Event::timer_j, Event::transport_error}},
        {State::proceeding, {Event::timer_j}},
        {State::completed, {Event::send_1xx, Event::send_200_699}},
        {State::terminated, {Event::request, Event::send_1xx, Event::send_200_699, Event::timer_j, Event::transport_error}},
    }};

}  // namespace ringhold::transaction::non_invite_server
