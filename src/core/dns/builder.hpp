#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns/message.hpp"

namespace ringhold::dns {

/// Extended errors that we send (RFC 8914 §4).
enum class ExtendedError : std::uint16_t { stale_answer = 3, prohibited = 18, network_error = 23, no_reachable_authority = 22 };

/// Writes one message at the end of `out`: header, question, then records section by section (answer, authority, additional).
/// The labels that a record's owner shares with the question become a pointer; names inside of data are never compressed
/// (RFC 2782).
class Builder {
 public:
  Builder(std::string& out, std::uint16_t id, std::uint16_t flags, const Question& question);

  void add(Section section, const Name& name, std::uint16_t type, std::uint16_t record_class, std::uint32_t ttl, std::string_view data);
  /// Our OPT record (RFC 6891), with an extended error if there is one. Last.
  void add_edns(bool dnssec_ok, std::optional<ExtendedError> error);
  /// Bytes of the message so far.
  std::size_t size() const { return out_.size() - begin_; }

 private:
  void append_owner(std::string_view wire);
  bool begins_a_label(std::size_t offset) const;
  std::string& out_;
  std::size_t begin_;
  std::size_t question_bytes_;  ///< of its name, which stands behind the header
};

/// Our OPT record at the end of the message that begins at `begin`, counted in its header.
void append_edns(std::string& out, std::size_t begin, bool dnssec_ok, std::optional<ExtendedError> error);

void append_word(std::string& out, std::uint16_t value);
void write_word(std::string& out, std::size_t at, std::uint16_t value);
std::uint16_t read_word(std::string_view bytes, std::size_t at);

/// The bytes an answer may have: 512, or what the client offers capped at 1232 (RFC 9715); 65535 over TCP.
std::size_t largest_answer(bool over_tcp, const std::optional<Edns>& edns);

}  // namespace ringhold::dns
