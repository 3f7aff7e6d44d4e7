#pragma once

#include <string_view>

namespace ringhold::ringing {

/// Whether a parameter of a Contact, of Accept-Contact or of Reject-Contact is a feature tag (RFC 3840 §9): one of the base tags,
/// or another one by its "+".
bool is_feature_tag(std::string_view name);

/// The name by which two feature tags are compared: some phones write a base tag as an extension, "+sip.mobility".
std::string_view canonical_tag(std::string_view name);

/// Whether two values of one feature tag, without quotes, have something in common (RFC 3840 §9, RFC 2533 §3): each is a list of
/// which any may be meant; a tag without value says TRUE. What cannot be read, or is longer than 32 values, may be anything.
bool have_common_value(std::string_view a, std::string_view b);

}  // namespace ringhold::ringing
