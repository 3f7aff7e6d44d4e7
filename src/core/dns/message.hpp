#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "dns/name.hpp"

namespace ringhold::dns {

/// Record types that are read here; others pass as bytes.
namespace type {
inline constexpr std::uint16_t a = 1, ns = 2, cname = 5, soa = 6, ptr = 12, mx = 15, aaaa = 28, srv = 33, naptr = 35, dname = 39, opt = 41,
                               rrsig = 46, any = 255;
}
inline constexpr std::uint16_t class_in = 1;

enum class Rcode : std::uint8_t { no_error = 0, form_err = 1, serv_fail = 2, nx_domain = 3, not_imp = 4, refused = 5 };

/// Bits of the header's second word (RFC 1035 §4.1.1, RFC 4035 §3).
namespace flag {
inline constexpr std::uint16_t qr = 0x8000, aa = 0x0400, tc = 0x0200, rd = 0x0100, ra = 0x0080, ad = 0x0020, cd = 0x0010;
}

enum class Section : std::uint8_t { answer, authority, additional };

struct Question {
  Name name;
  std::uint16_t type = 0;
  std::uint16_t record_class = class_in;
};

/// A record with its names uncompressed, so that it can be written anywhere.
struct Record {
  Section section = Section::answer;
  Name name;
  std::uint16_t type = 0;
  std::uint16_t record_class = class_in;
  std::uint32_t ttl = 0;  ///< seconds; 0 when the sender's is above 2**31 - 1 (RFC 2181 §8)
  Text data;
  std::uint32_t offset = 0;  ///< where it begins in the message
  std::uint32_t ttl_offset = 0;
};

/// RFC 6891: what an OPT record says.
struct Edns {
  std::uint16_t payload = 512;  ///< bytes the sender takes over UDP
  std::uint8_t version = 0;
  bool dnssec_ok = false;
};

struct Message {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::vector<Question> questions;
  std::vector<Record> records;  ///< without OPT
  std::optional<Edns> edns;
  std::uint32_t opt_offset = 0;  ///< where the OPT record begins, if there is one
  bool opt_is_last = true;

  /// Reads the whole message; whatever is wrong rejects it.
  static Result<Message> parse(std::string_view bytes);
  bool is_response() const { return (flags & flag::qr) != 0; }
  unsigned opcode() const { return flags >> 11U & 15U; }
  Rcode rcode() const { return static_cast<Rcode>(flags & 15U); }
};

/// Where the CNAME records of the Answer section lead from `name`: itself when there is none. Stops after 16 steps.
Name last_alias(const Message& message, const Name& name);

/// Only header and question, for answering a query whose rest is broken; nothing below 12 bytes.
struct Head {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::uint16_t question_count = 0;
};
std::optional<Head> parse_head(std::string_view bytes);

/// A query as nearly all are, read without taking memory: one question, and at most an OPT record. Others give nothing,
/// and are left to Message. `name` is the wire name where it stands.
struct PlainQuery {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::string_view name;
  std::uint16_t type = 0;
  std::uint16_t record_class = class_in;
  std::optional<Edns> edns;

  static std::optional<PlainQuery> parse(std::string_view bytes);
};

/// RFC 2782 RDATA.
struct Srv {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  Name target;
  static std::optional<Srv> parse(std::string_view data);
  Text data() const;
};

/// The address in the RDATA of A or AAAA.
std::optional<Address> parse_address(std::uint16_t type, std::string_view data);

}  // namespace ringhold::dns
