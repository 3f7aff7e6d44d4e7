#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/flow.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::location {

/// How a phone is reached: at its contact, or by the flow of its REGISTER and in no other way (RFC 5626).
enum class Reach : std::uint8_t { contact, flow };

/// What a REGISTER says of one contact (RFC 3261 §10.3 step 7); views, valid during the step.
struct Registration {
  std::string_view aor;         ///< canonical: "sip:alice@example.test"
  std::string_view contact;     ///< the URI as registered; becomes the Request-URI
  std::string_view parameters;  ///< of the Contact, to be returned: `;+sip.instance="…";reg-id=1`; without q and expires
  std::string_view call_id;     ///< of the first REGISTER of this cycle (R4), renewed when it changed
  std::string_view path;        ///< Path values in order, comma-separated (RFC 3327); empty: none
  std::string_view user_agent;
  std::uint32_t cseq = 0;
  std::uint32_t reg_id = 0;  ///< RFC 5626; zero: none
  std::uint16_t q = 1000;    ///< thousandths
  Instant expires_at;
  Instant registered_at;  ///< of the first REGISTER
  Reach reach = Reach::contact;
  Transport transport = Transport::udp;
  FlowId flow;
  Endpoint local;                  ///< our listener
  Endpoint source;                 ///< where the REGISTER came from
  std::uint32_t request_hash = 0;  ///< of the Via branch of the last REGISTER (RST-04); zero: unknown since a restart of ours

  std::size_t text_size() const { return aor.size() + contact.size() + parameters.size() + call_id.size() + path.size(); }
};

inline constexpr std::uint32_t max_reg_id = 0x7fffffffU;  ///< RFC 5626 §4.2
/// Most bytes of text that one binding keeps; a REGISTER that brings more is refused.
inline constexpr std::size_t binding_text_max = 8'192;
/// A User-Agent is kept up to this length.
inline constexpr std::size_t user_agent_max = 128;

/// What many bindings have in common and is kept once: how their REGISTERs came in.
struct Origin {
  Transport transport = Transport::udp;
  Endpoint local;
  Text user_agent;
  std::uint32_t uses = 0;
};

/// One contact of an address-of-record, as its last REGISTER left it. 160 bytes, and one piece of memory for what of its texts is
/// not in it: a million of them have to fit. What a look-up needs stands together, a usual AOR with it: each line of memory that is
/// asked for costs a look-up among a million more than all its instructions. Only the location service changes it.
struct Binding {
  enum class Part : std::uint8_t { aor, contact, parameters, call_id, path };
  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::size_t short_aor_max = 32;

  std::array<char, short_aor_max> short_aor{};
  std::uint16_t short_aor_size = 0;  ///< zero: it is longer, and the first of `texts`
  std::uint16_t q = 1000;            ///< thousandths
  std::uint32_t next_of_aor = none;
  Instant expires_at;
  Instant registered_at;
  std::unique_ptr<char[]> texts;
  std::array<std::uint16_t, 5> ends{};  ///< where each part ends in `texts`
  std::uint16_t instance_at = 0;        ///< +sip.instance within the texts, without quotes
  std::uint16_t instance_size = 0;
  Reach reach = Reach::contact;
  const Origin* origin = nullptr;
  Instant due_at;  ///< the earliest timer that runs for it
  FlowId flow;     ///< none once the connection is gone
  std::uint32_t cseq = 0;
  std::uint32_t reg_id = 0;  ///< RFC 5626; zero: none
  std::uint32_t request_hash = 0;
  std::uint32_t contact_hash = 0;  ///< of the contact's user, host and port; zero: it names none
  std::uint32_t next_of_contact = none, previous_of_contact = none;
  std::uint32_t next_of_flow = none, previous_of_flow = none;
  Endpoint source;

  std::string_view text(Part part) const {
    const auto i = static_cast<std::size_t>(part);
    const std::uint16_t begin = i == 0 ? std::uint16_t{0} : ends[i - 1];
    return {texts.get() + begin, static_cast<std::size_t>(ends[i] - begin)};
  }
  std::string_view aor() const { return short_aor_size != 0 ? std::string_view{short_aor.data(), short_aor_size} : text(Part::aor); }
  std::string_view contact() const { return text(Part::contact); }
  std::string_view parameters() const { return text(Part::parameters); }
  std::string_view call_id() const { return text(Part::call_id); }
  std::string_view path() const { return text(Part::path); }
  std::string_view instance() const { return {texts.get() + instance_at, instance_size}; }  ///< empty: none
  std::string_view user_agent() const { return origin->user_agent; }
  Transport transport() const { return origin->transport; }
  const Endpoint& local() const { return origin->local; }
};

}  // namespace ringhold::location
