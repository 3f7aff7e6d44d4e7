#include "sip/message.hpp"

#include "base/limits.hpp"
#include "base/scan.hpp"

namespace ringhold::sip {

namespace {

Error bad(std::string_view where, std::size_t offset, std::string_view what) {
  return Error{where, static_cast<std::uint32_t>(offset), what};
}

constexpr std::size_t npos = std::string_view::npos;

/// The length of the line that begins at `from`, its line end included; zero when there is no line end.
std::size_t line_length(std::string_view bytes, std::size_t from) {
  const std::size_t found = find_byte(bytes, from, '\n');
  return found == bytes.size() ? 0 : found - from + 1;
}

std::string_view without_line_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

Result<NameAddr> read_address(std::string_view text, std::string_view header_name) {
  if (text.empty()) return std::unexpected(bad(header_name, 0, "missing"));
  return NameAddr::parse(text, header_name);
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

Result<std::size_t> Message::parse_start_line() {
  std::size_t from = 0;
  // RFC 3261 §7.5: empty lines before the start line are ignored.
  while (from < bytes_.size() && (bytes_[from] == '\r' || bytes_[from] == '\n')) ++from;
  const auto length = from < bytes_.size() ? line_length(bytes_, from) : 0;
  if (length == 0) return std::unexpected(bad("start line", from, "no line end"));
  start_line_ = bytes_.substr(from, length);
  const std::string_view line = without_line_end(start_line_);
  const auto first = line.find(' ');
  if (first == npos || first == 0) return std::unexpected(bad("start line", from, "neither request nor status line"));
  if (line.size() >= 4 && equal_ignoring_case(line.substr(0, 4), "SIP/")) {
    const auto code = line.substr(first + 1, 3);
    const auto status = parse_number<int>(code, 999);
    const auto after = first + 1 + code.size();
    if (code.size() != 3 || !status || *status < 100 || *status > 699 || (after < line.size() && line[after] != ' '))
      return std::unexpected(bad("status line", from, "status code is not a number from 100 to 699"));
    version_ = line.substr(0, first);
    status_ = *status;
    reason_ = after < line.size() ? line.substr(after + 1) : std::string_view{};
    return from + length;
  }
  method_name_ = line.substr(0, first);
  if (!is_token(method_name_)) return std::unexpected(bad("request line", from, "method is not a token"));
  const auto last = line.rfind(' ');
  if (last == first) return std::unexpected(bad("request line", from, "no SIP version"));
  request_uri_ = line.substr(first + 1, last - first - 1);
  version_ = line.substr(last + 1);
  method_ = parse_method(method_name_);
  return from + length;
}

Result<Message> Message::parse(std::string_view bytes) {
  Result<Message> message{std::in_place};  // read in place: a Message is too large to be moved about
  if (const auto error = message->read(bytes)) message = std::unexpected(*error);
  return message;
}

std::optional<Error> Message::read(std::string_view bytes) {
  bytes_ = bytes;
  if (bytes.size() > limits::sip_message_bytes) return bad("message", 0, "longer than 65535 bytes");
  const auto start = parse_start_line();
  if (!start) return start.error();
  if (const auto error = read_header_lines(*start)) return error;
  if (!is_request() && cseq()) {
    method_ = cseq()->method;
    method_name_ = cseq()->method_name;
  }
  return std::nullopt;
}

std::optional<Error> Message::read_header_lines(std::size_t at) {
  const char* const data = bytes_.data();
  const std::size_t size = bytes_.size();
  while (at < size && data[at] != '\r' && data[at] != '\n') {
    std::size_t colon = find_byte(bytes_, at, ':');
    std::size_t name_end = colon;
    Header header = parse_header(bytes_.substr(at, colon - at));
    // A name that we know is a token; only of others each character is looked at.
    if (header == Header::other) {
      for (name_end = at; name_end < size && token_characters.contains(data[name_end]);) ++name_end;
      colon = name_end;
      while (colon < size && is_blank(data[colon])) ++colon;
      if (name_end == at) return bad("header line", at, "name is not a token");
      if (colon == size || data[colon] != ':') return bad("header line", at, "no colon after the name");
      header = parse_header(bytes_.substr(at, name_end - at));
    }
    std::size_t end = colon + 1 + line_length(bytes_, colon + 1);
    if (end == colon + 1) return bad("message", at, "last header line has no line end");
    if (end < size && is_blank(data[end])) end = end_of_folds(end);
    if (lines_.size() == limits::sip_header_lines) return bad("message", at, "more than 256 header lines");
    lines_.push_back(
        {header, bytes_.substr(at, name_end - at), trimmed(bytes_.substr(colon + 1, end - colon - 1)), bytes_.substr(at, end - at)});
    auto& first = first_[static_cast<std::size_t>(header)];
    if (first != 0)
      repeated_ |= 1ULL << static_cast<unsigned>(header);
    else
      first = static_cast<std::uint8_t>(lines_.size() < 256 ? lines_.size() : 255);
    at = end;
  }
  if (at >= size) return bad("message", at, "ends before the empty line");
  const std::size_t length = line_length(bytes_, at);
  if (length == 0) return bad("message", at, "last header line has no line end");
  if (!without_line_end(bytes_.substr(at, length)).empty()) return bad("header line", at, "name is not a token");
  empty_line_ = bytes_.substr(at, length);
  body_ = bytes_.substr(at + length);
  return std::nullopt;
}

std::size_t Message::end_of_folds(std::size_t end) const {
  // A line that begins with a blank, and is not all blank, continues the one before (§7.3.1).
  while (end < bytes_.size() && is_blank(bytes_[end])) {
    const std::size_t more = line_length(bytes_, end);
    if (more == 0 || trimmed(bytes_.substr(end, more)).empty()) break;
    end += more;
  }
  return end;
}

const HeaderLine* Message::line(Header header) const {
  const auto first = first_[static_cast<std::size_t>(header)];
  return first == 0 ? nullptr : &lines_[first - 1U];
}

std::string_view Message::value(Header header) const {
  const HeaderLine* found = line(header);
  return found == nullptr ? std::string_view{} : found->value;
}

std::size_t Message::count(Header header) const {
  std::size_t count = 0;
  for (const HeaderLine& entry : lines_) count += entry.header == header ? 1U : 0U;
  return count;
}

const Result<CSeq>& Message::cseq() const {
  if (!cseq_) cseq_ = read_cseq();
  return *cseq_;
}

Result<CSeq> Message::read_cseq() const {
  const auto text = value(Header::cseq);
  if (text.empty()) return std::unexpected(bad("CSeq", 0, "missing"));
  const auto blank = white_space.find_in(text);
  if (blank == text.size()) return std::unexpected(bad("CSeq", offset_of(text), "no method after the number"));
  // RFC 3261 §8.1.1.5: below 2**31.
  const auto number = parse_number<std::uint32_t>(text.substr(0, blank), 0x7fffffffU);
  if (!number) return std::unexpected(bad("CSeq", offset_of(text), "number is 2**31 or more, or none"));
  const auto method = trimmed(text.substr(blank));
  if (!is_token(method)) return std::unexpected(bad("CSeq", offset_of(text), "method is not a token"));
  return CSeq{*number, parse_method(method), method};
}

const Result<Uri>& Message::uri() const {
  if (!uri_) uri_ = Uri::parse(request_uri_);
  return *uri_;
}

const Result<Via>& Message::top_via() const {
  if (!top_via_) top_via_ = read_top_via();
  return *top_via_;
}

Result<Via> Message::read_top_via() const {
  const auto text = value(Header::via);
  if (text.empty()) return std::unexpected(bad("Via", 0, "missing"));
  auto via = Via::parse(split_element(text).first);
  if (!via) return std::unexpected(bad("Via", offset_of(text), via.error().what));
  return via;
}

const Result<NameAddr>& Message::from() const {
  if (!from_) from_ = read_address(value(Header::from), "From");
  return *from_;
}

const Result<NameAddr>& Message::to() const {
  if (!to_) to_ = read_address(value(Header::to), "To");
  return *to_;
}

std::string_view Message::from_tag() const {
  const auto& address = from();
  return address ? address->tag() : std::string_view{};
}

std::string_view Message::to_tag() const {
  const auto& address = to();
  return address ? address->tag() : std::string_view{};
}

std::optional<std::uint32_t> Message::max_forwards() const { return parse_number<std::uint32_t>(value(Header::max_forwards), 255U); }

std::optional<std::uint32_t> Message::expires() const {
  const auto text = value(Header::expires);
  if (text.empty()) return std::nullopt;
  const auto number = parse_number<std::uint64_t>(text);
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, UINT32_MAX));
}

std::optional<std::size_t> Message::content_length() const { return parse_number<std::size_t>(value(Header::content_length)); }

Element split_element(std::string_view value) {
  if (value.find(',') == npos) return {trimmed(value), {}, false};
  bool quoted = false;
  bool bracketed = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '<') {
      bracketed = true;
    } else if (c == '>') {
      bracketed = false;
    } else if (c == ',' && !bracketed) {
      return {trimmed(value.substr(0, i)), trimmed(value.substr(i + 1)), true};
    }
  }
  return {trimmed(value), {}, false};
}

}  // namespace ringhold::sip
