#pragma once

#include <cstdint>

#include "base/machine.hpp"

namespace ringhold::calls {

/// Asking a dialog whether it lives, when its terminal seems to have been restarted (RST-09, RST-10).
enum class CheckState : std::uint8_t {
  asked,
  asked_again,
  in_grace,  ///< the terminal has moved: it may be about to say where it is
  over,
};

enum class CheckEvent : std::uint8_t {
  lives,             ///< any final answer but those below, or a request or answer of the terminal in this dialog
  gone,              ///< 481 or 404
  silence,           ///< the time to answer is over, and the terminal is where it was; 408 and a transport error are silence
  silence_of_moved,  ///< the same of a terminal that has another contact now
};

enum class CheckAction : std::uint8_t { ask, wait, keep, release };

/// RST-09: one probe, one more on silence; who stays silent is released, after `grace` if he has moved.
inline constexpr auto check_machine = Machine<CheckState, CheckState::over, CheckEvent, CheckEvent::silence_of_moved, CheckAction>{
    {
        {CheckState::asked, CheckEvent::lives, CheckState::over, {CheckAction::keep}},
        {CheckState::asked, CheckEvent::gone, CheckState::over, {CheckAction::release}},
        {CheckState::asked, CheckEvent::silence, CheckState::asked_again, {CheckAction::ask}},
        {CheckState::asked, CheckEvent::silence_of_moved, CheckState::asked_again, {CheckAction::ask}},
        {CheckState::asked_again, CheckEvent::lives, CheckState::over, {CheckAction::keep}},
        {CheckState::asked_again, CheckEvent::gone, CheckState::over, {CheckAction::release}},
        {CheckState::asked_again, CheckEvent::silence, CheckState::over, {CheckAction::release}},
        {CheckState::asked_again, CheckEvent::silence_of_moved, CheckState::in_grace, {CheckAction::wait}},
        {CheckState::in_grace, CheckEvent::lives, CheckState::over, {CheckAction::keep}},
        {CheckState::in_grace, CheckEvent::gone, CheckState::over, {CheckAction::release}},
        {CheckState::in_grace, CheckEvent::silence, CheckState::over, {CheckAction::release}},
        {CheckState::in_grace, CheckEvent::silence_of_moved, CheckState::over, {CheckAction::release}},
    },
    {
        {CheckState::over, {CheckEvent::lives, CheckEvent::gone, CheckEvent::silence, CheckEvent::silence_of_moved}},
    }};

}  // namespace ringhold::calls
