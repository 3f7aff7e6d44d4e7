#pragma once

#include <cstdint>

#include "base/machine.hpp"

namespace ringhold::transaction::invite_server {

enum class State : std::uint8_t { proceeding, accepted, completed, confirmed, terminated };
enum class Event : std::uint8_t {
  invite,  ///< retransmission of the INVITE
  ack,
  send_1xx,
  send_2xx,
  send_300_699,
  timer_g,  ///< retransmission of the response
  timer_h,  ///< no ACK in time
  timer_i,  ///< no more ACKs expected
  timer_l,  ///< no more INVITEs or 2xx expected
  transport_error,
};
enum class Action : std::uint8_t {
  send_response,
  double_g,
  stop_g,
  stop_h,
  start_g,
  start_h,
  start_i,
  start_l,
  pass_ack,
  tell_unacknowledged,
  tell_undelivered,
};

/// RFC 3261 §17.2.1 with RFC 6026 §7.1. It begins in `proceeding`; the 100 is the transaction user's, at once. A transport
/// error leaves the state, so that retransmissions of the INVITE are still absorbed.
inline constexpr auto machine = Machine<State, State::terminated, Event, Event::transport_error, Action>{
    {
        {State::proceeding, Event::invite, State::proceeding, {Action::send_response}},
        {State::proceeding, Event::send_1xx, State::proceeding, {Action::send_response}},
        {State::proceeding, Event::send_2xx, State::accepted, {Action::send_response, Action::start_l}},
        {State::proceeding, Event::send_300_699, State::completed, {Action::send_response, Action::start_g, Action::start_h}},
        {State::proceeding, Event::transport_error, State::proceeding, {Action::tell_undelivered}},

        {State::accepted, Event::ack, State::accepted, {Action::pass_ack}},
        {State::accepted, Event::send_2xx, State::accepted, {Action::send_response}},
        {State::accepted, Event::timer_l, State::terminated, {}},
        {State::accepted, Event::transport_error, State::accepted, {Action::tell_undelivered}},

        {State::completed, Event::invite, State::completed, {Action::send_response}},
        {State::completed, Event::ack, State::confirmed, {Action::stop_g, Action::stop_h, Action::start_i}},
        {State::completed, Event::timer_g, State::completed, {Action::send_response, Action::double_g}},
        {State::completed, Event::timer_h, State::terminated, {Action::tell_unacknowledged}},
        {State::completed, Event::transport_error, State::completed, {Action::tell_undelivered}},

        {State::confirmed, Event::timer_i, State::terminated, {}},
    },
    {
        {State::proceeding, {Event::ack, Event::timer_g, Event::timer_h, Event::timer_i, Event::timer_l}},
        {State::accepted, {Event::invite, Event::send_1xx, Event::send_300_699, Event::timer_g, Event::timer_h, Event::timer_i}},
        {State::completed, {Event::send_1xx, Event::send_2xx, Event::send_300_699, Event::timer_i, Event::timer_l}},
        {State::confirmed,
         {Event::invite, Event::ack, Event::send_1xx, Event::send_2xx, Event::send_300_699, Event::timer_g, Event::timer_h, Event::timer_l,
          Event::transport_error}},
        {State::terminated,
         {Event::invite, Event::ack, Event::send_1xx, Event::send_2xx, Event::send_300_699, Event::timer_g, Event::timer_h, Event::timer_i,
          Event::timer_l, Event::transport_error}},
    }};

}  // namespace ringhold::transaction::invite_server
