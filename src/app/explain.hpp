#pragma once

#include <string>

#include "app/asking.hpp"

namespace ringhold::app {

/// `ringhold explain CALL|PHONE`: what happened to a call and why, or what is known of a phone and what it did. A call is named by
/// its Call-ID or the id of its record; a phone by its user, AOR, contact, device, or address.
int explain(const Asking& asking, const std::string& what);

}  // namespace ringhold::app
