#pragma once

#include <cstdint>

#include "base/machine.hpp"

namespace ringhold::delivery {

/// One request of a delivery, to one address.
enum class AttemptState : std::uint8_t {
  trying,   ///< its answer is waited for
  overdue,  ///< the attempt time is over, and others are tried; the transaction lives on (PSH-16)
  ended,
};

enum class AttemptEvent : std::uint8_t {
  success,             ///< 2xx
  redirect,            ///< 300, 301, 302 with Contacts that may be followed
  redirect_elsewhere,  ///< the same without (PSH-05, PSH-14)
  refusal,             ///< any other 3xx, 4xx, 5xx, or a redirect that leads nowhere new
  decline,             ///< 6xx
  time_over,           ///< no final answer within the attempt time
  lost,                ///< there will be no answer: Timer F, a transport error, or nowhere to send it
};

enum class AttemptAction : std::uint8_t {
  conclude,        ///< it is delivered: nobody else is tried
  follow,          ///< the Contacts come first in the queue
  look_elsewhere,  ///< the addresses configured for the user do
  stop,            ///< nobody else is tried
  go_on,           ///< the next in the queue, if nobody is being tried
};

/// PSH-03 to PSH-12, PSH-16.
inline constexpr auto attempt_machine = Machine<AttemptState, AttemptState::ended, AttemptEvent, AttemptEvent::lost, AttemptAction>{
    {
        {AttemptState::trying, AttemptEvent::success, AttemptState::ended, {AttemptAction::conclude}},
        {AttemptState::trying, AttemptEvent::redirect, AttemptState::ended, {AttemptAction::follow, AttemptAction::go_on}},
        {AttemptState::trying,
         AttemptEvent::redirect_elsewhere,
         AttemptState::ended,
         {AttemptAction::look_elsewhere, AttemptAction::go_on}},
        {AttemptState::trying, AttemptEvent::refusal, AttemptState::ended, {AttemptAction::go_on}},
        {AttemptState::trying, AttemptEvent::decline, AttemptState::ended, {AttemptAction::stop}},
        {AttemptState::trying, AttemptEvent::time_over, AttemptState::overdue, {AttemptAction::go_on}},
        {AttemptState::trying, AttemptEvent::lost, AttemptState::ended, {AttemptAction::go_on}},
        {AttemptState::overdue, AttemptEvent::success, AttemptState::ended, {AttemptAction::conclude}},
        {AttemptState::overdue, AttemptEvent::redirect, AttemptState::ended, {AttemptAction::follow, AttemptAction::go_on}},
        {AttemptState::overdue,
         AttemptEvent::redirect_elsewhere,
         AttemptState::ended,
         {AttemptAction::look_elsewhere, AttemptAction::go_on}},
        {AttemptState::overdue, AttemptEvent::refusal, AttemptState::ended, {}},
        {AttemptState::overdue, AttemptEvent::decline, AttemptState::ended, {AttemptAction::stop}},
        {AttemptState::overdue, AttemptEvent::lost, AttemptState::ended, {}},
    },
    {
        {AttemptState::overdue, {AttemptEvent::time_over}},
        {AttemptState::ended,
         {AttemptEvent::success, AttemptEvent::redirect, AttemptEvent::redirect_elsewhere, AttemptEvent::refusal, AttemptEvent::decline,
          AttemptEvent::time_over, AttemptEvent::lost}},
    }};

}  // namespace ringhold::delivery
