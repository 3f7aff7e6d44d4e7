#pragma once

#include <array>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "base/scan.hpp"
#include "sip/header.hpp"
#include "sip/method.hpp"
#include "sip/name_addr.hpp"
#include "sip/uri.hpp"
#include "sip/via.hpp"

namespace ringhold::sip {

/// One header line as it stands in the message; folded continuation lines belong to `value` (RFC 3261 §7.3.1).
struct HeaderLine {
  Header header = Header::other;
  std::string_view name;
  std::string_view value;  ///< without surrounding white space; may hold folds
  std::string_view line;   ///< the whole line with its CRLF
};

struct CSeq {
  std::uint32_t number = 0;
  Method method = Method::other;
  std::string_view method_name;
};

/// A SIP message as views into its bytes, valid as long as these (RFC 3261 §7). parse() finds the lines; a header is
/// interpreted when it is asked for.
class Message {
 public:
  /// Structure only: start line, header lines, the empty line. Errors name the line. At most limits::sip_header_lines.
  static Result<Message> parse(std::string_view bytes);
  Message();

  bool is_request() const { return status_ == 0; }
  Method method() const { return method_; }  ///< of a response: from CSeq
  std::string_view method_name() const { return method_name_; }
  std::string_view request_uri() const { return request_uri_; }
  std::string_view version() const { return version_; }
  int status() const { return status_; }  ///< zero for requests
  std::string_view reason_phrase() const { return reason_; }
  std::string_view bytes() const { return bytes_; }
  std::string_view start_line() const { return start_line_; }  ///< with its CRLF
  std::string_view body() const { return body_; }              ///< all that follows the empty line
  std::string_view empty_line() const { return empty_line_; }  ///< the CRLF between head and body
  std::size_t offset_of(std::string_view part) const { return static_cast<std::size_t>(part.data() - bytes_.data()); }

  const auto& lines() const { return lines_; }
  const HeaderLine* line(Header header) const {  ///< the first; null when absent
    return has(header) ? &lines_[first_[static_cast<std::size_t>(header)]] : nullptr;
  }
  std::string_view value(Header header) const {  ///< of the first line; empty when absent
    return has(header) ? lines_[first_[static_cast<std::size_t>(header)]].value : std::string_view{};
  }
  std::size_t count(Header header) const;  ///< lines
  bool has(Header header) const { return (present_ & bit(header)) != 0; }
  bool is_repeated(Header header) const { return (repeated_ & bit(header)) != 0; }
  /// Visits each element of a comma-separated header over all its lines, in order; `visit` returns false to stop.
  template <typename Visit>
  void for_each_value(Header header, Visit&& visit) const;

  std::string_view call_id() const { return value(Header::call_id); }
  // Interpreted when first asked for, and kept.
  const Result<Uri>& uri() const;  ///< of a request: the Request-URI
  const Result<CSeq>& cseq() const;
  const Result<Via>& top_via() const;
  const Result<NameAddr>& from() const;
  const Result<NameAddr>& to() const;
  std::string_view from_tag() const;  ///< empty when absent or malformed
  std::string_view to_tag() const;
  std::optional<std::uint32_t> max_forwards() const;
  std::optional<std::uint32_t> expires() const;  ///< header only; capped at 2^32-1 when larger
  std::optional<std::size_t> content_length() const;

 private:
  std::optional<Error> read(std::string_view bytes);
  Result<std::size_t> parse_start_line(Places& line_ends);
  std::optional<Error> read_header_lines(std::size_t at, Places line_ends);
  void add_line(Header header, std::string_view name, std::string_view value, std::string_view line);
  std::size_t end_of_folds(std::size_t end) const;
  static constexpr std::uint64_t bit(Header header) { return 1ULL << static_cast<unsigned>(header); }
  Result<CSeq> read_cseq() const;
  void read_top_via() const;
  void read_address(std::optional<Result<NameAddr>>& address, Header header, std::string_view header_name) const;
  std::string_view bytes_, start_line_, request_uri_, method_name_, version_, reason_, body_, empty_line_;
  Method method_ = Method::other;
  int status_ = 0;
  std::array<std::uint8_t, 48> first_{};  ///< index of the first line of each header that is present
  std::uint64_t present_ = 0;             ///< one bit for each header
  std::uint64_t repeated_ = 0;            ///< one bit for each header that stands in several lines
  boost::container::small_vector<HeaderLine, 32> lines_;
  mutable std::optional<Result<Uri>> uri_;
  mutable std::optional<Result<CSeq>> cseq_;
  mutable std::optional<Result<Via>> top_via_;
  mutable std::optional<Result<NameAddr>> from_, to_;
};

/// The first element of a comma-separated value and what follows its comma; commas in quotes and <> do not count.
struct Element {
  std::string_view first;
  std::string_view rest;
  bool more = false;
};
Element split_element(std::string_view value);

template <typename Visit>
void Message::for_each_value(Header header, Visit&& visit) const {
  const HeaderLine* entry = line(header);
  if (entry == nullptr) return;
  const HeaderLine* const end = is_repeated(header) ? lines_.data() + lines_.size() : entry + 1;
  for (; entry != end; ++entry) {
    if (entry->header != header) continue;
    Element element = split_element(entry->value);
    for (;;) {
      if (!visit(element.first, *entry)) return;
      if (!element.more) break;
      element = split_element(element.rest);
    }
  }
}

}  // namespace ringhold::sip
