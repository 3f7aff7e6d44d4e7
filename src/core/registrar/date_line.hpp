#pragma once

#include <cstdint>
#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::registrar {

/// The Date header (RFC 3261 §20.17) of a moment as a whole line, written once a second.
class DateLine {
 public:
  /// Valid until the next call.
  std::string_view at(Instant now);

 private:
  std::int64_t second_ = -1;
  Text line_;
};

}  // namespace ringhold::registrar
