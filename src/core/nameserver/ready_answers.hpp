#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/flow.hpp"
#include "base/time.hpp"
#include "dns/message.hpp"

namespace ringhold::nameserver {

/// What an answer was, for the counters.
enum class AnswerKind : std::uint8_t { own, cached, injected, built, stale, failed };

/// Finished answers, ours among the records, for the second in which no TTL in them counts down: one look and one copy for
/// all who ask the same meanwhile. Whatever changes what would be said empties it.
class ReadyAnswers {
 public:
  struct Answer {
    Text bytes;
    Instant until;
    AnswerKind kind = AnswerKind::cached;
  };

  /// The answer to this very question over this transport, at this size; null if there is none that still holds.
  const Answer* find(const dns::PlainQuery& query, Transport transport, Instant now) const;
  void put(const dns::PlainQuery& query, Transport transport, std::string_view bytes, AnswerKind kind, Instant until);
  void clear() { answers_.clear(); }
  std::size_t size() const { return answers_.size(); }

  static constexpr std::size_t capacity = 1'024;  ///< at the bound all go; each would within the second
  static constexpr std::size_t largest = 1'232;

 private:
  struct Key {
    std::array<char, 264> bytes;
    std::size_t size = 0;
    std::string_view view() const { return {bytes.data(), size}; }
  };
  static Key key(const dns::PlainQuery& query, Transport transport);
  boost::unordered_flat_map<Text, Answer, TextHash, TextEqual> answers_;
};

/// Appends a finished answer with the asking client's ID and spelling.
void append_ready(std::string& out, const ReadyAnswers::Answer& answer, const dns::PlainQuery& query);

}  // namespace ringhold::nameserver
