#include "sip/message.hpp"

#include <algorithm>
#include <bit>

#include "base/limits.hpp"
#include "base/scan.hpp"

namespace ringhold::sip {

namespace {

Error bad(std::string_view where, std::size_t offset, std::string_view what) {
  return Error{where, static_cast<std::uint32_t>(offset), what};
}

std::string_view without_line_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

/// The colon of the header line that begins at `at`, mostly among the first 16 bytes; the message's size when there is none.
std::size_t find_colon(std::string_view bytes, std::size_t at) {
#ifdef __SSE2__
  if (bytes.size() - at >= Sixteen::size)
    if (const unsigned mask = Sixteen{bytes.data() + at}.equal_to(':')) return at + static_cast<std::size_t>(std::countr_zero(mask));
#endif
  return find_byte(bytes, at, ':');
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// What follows the colon without white space at its ends: usually a blank before it, and CRLF behind it.
std::string_view value_of(const char* begin, const char* end) {
  if (*begin == ' ') ++begin;
  --end;  // the line feed
  if (end > begin && end[-1] == '\r') --end;
  const std::string_view value{begin, static_cast<std::size_t>(end - begin)};
  const auto is_visible = [](char c) { return static_cast<unsigned char>(c) > ' '; };
  if (value.empty() || (is_visible(value.front()) && is_visible(value.back()))) return value;
  return trimmed(value);
}

}  // namespace

Result<std::size_t> Message::parse_start_line(Places& line_ends) {
  std::size_t from = 0;
  // RFC 3261 §7.5: empty lines before the start line are ignored.
  while (from < bytes_.size() && (bytes_[from] == '\r' || bytes_[from] == '\n')) ++from;
  const std::size_t end = line_ends.next_from(from) + 1;
  if (end > bytes_.size()) return std::unexpected(bad("start line", from, "no line end"));
  start_line_ = bytes_.substr(from, end - from);
  const std::string_view line = without_line_end(start_line_);
  const auto first = find_byte(line, 0, ' ');
  if (first == line.size() || first == 0) return std::unexpected(bad("start line", from, "neither request nor status line"));
  if (line.size() >= 4 && equal_ignoring_case(line.substr(0, 4), "SIP/")) {
    const auto code = line.substr(first + 1, 3);
    const auto status = parse_number<int>(code, 999);
    const auto after = first + 1 + code.size();
    if (code.size() != 3 || !status || *status < 100 || *status > 699 || (after < line.size() && line[after] != ' '))
      return std::unexpected(bad("status line", from, "status code is not a number from 100 to 699"));
    version_ = line.substr(0, first);
    status_ = *status;
    reason_ = after < line.size() ? line.substr(after + 1) : std::string_view{};
    return end;
  }
  method_name_ = line.substr(0, first);
  method_ = parse_method(method_name_);
  if (method_ == Method::other && !is_token(method_name_)) return std::unexpected(bad("request line", from, "method is not a token"));
  const auto last = line.ends_with(" SIP/2.0") ? line.size() - 8 : line.rfind(' ');
  if (last == first) return std::unexpected(bad("request line", from, "no SIP version"));
  request_uri_ = line.substr(first + 1, last - first - 1);
  version_ = line.substr(last + 1);
  return end;
}

Message::Message() = default;  // here, so that no other constructor fills the room for lines with zeros first

Result<Message> Message::parse(std::string_view bytes) {
  Result<Message> message{std::in_place};  // read in place: a Message is too large to be moved about
  if (const auto error = message->read(bytes)) message = std::unexpected(*error);
  return message;
}

std::optional<Error> Message::read(std::string_view bytes) {
  bytes_ = bytes;
  if (bytes.size() > limits::sip_message_bytes) return bad("message", 0, "longer than 65535 bytes");
  Places line_ends{bytes, '\n'};
  const auto start = parse_start_line(line_ends);
  if (!start) return start.error();
  if (const auto error = read_header_lines(*start, line_ends)) return error;
  if (!is_request() && cseq()) {
    method_ = cseq()->method;
    method_name_ = cseq()->method_name;
  }
  return std::nullopt;
}

inline void Message::add_line(Header header, std::string_view name, std::string_view value, std::string_view line) {
  if (has(header)) {
    repeated_ |= bit(header);
  } else {
    present_ |= bit(header);
    first_[static_cast<std::size_t>(header)] = static_cast<std::uint8_t>(lines_.size());
  }
  lines_.emplace_back(header, name, value, line);
}

std::optional<Error> Message::read_header_lines(std::size_t at, Places line_ends) {
  const char* const data = bytes_.data();
  const std::size_t size = bytes_.size();
  while (at < size && data[at] != '\r' && data[at] != '\n') {
    std::size_t colon = find_colon(bytes_, at);
    std::size_t name_end = colon;
    Header header = parse_header({data + at, colon - at});
    // A name that we know is a token; only of others each character is looked at.
    if (header == Header::other) {
      for (name_end = at; name_end < size && token_characters.contains(data[name_end]);) ++name_end;
      colon = name_end;
      while (colon < size && is_blank(data[colon])) ++colon;
      if (name_end == at) return bad("header line", at, "name is not a token");
      if (colon == size || data[colon] != ':') return bad("header line", at, "no colon after the name");
      header = parse_header({data + at, name_end - at});
    }
    std::size_t end = line_ends.next() + 1;
    if (end > size) return bad("message", at, "last header line has no line end");
    if (end < size && is_blank(data[end])) {
      const std::size_t unfolded = end;
      end = end_of_folds(end);
      if (end != unfolded) line_ends.next_from(end - 1);
    }
    if (lines_.size() == limits::sip_header_lines) return bad("message", at, "more than 256 header lines");
    add_line(header, {data + at, name_end - at}, value_of(data + colon + 1, data + end), {data + at, end - at});
    at = end;
  }
  if (at >= size) return bad("message", at, "ends before the empty line");
  const std::size_t end = line_ends.next() + 1;
  if (end > size) return bad("message", at, "last header line has no line end");
  empty_line_ = {data + at, end - at};
  if (!without_line_end(empty_line_).empty()) return bad("header line", at, "name is not a token");
  body_ = {data + end, size - end};
  return std::nullopt;
}

std::size_t Message::end_of_folds(std::size_t end) const {
  // A line that begins with a blank, and is not all blank, continues the one before (§7.3.1).
  while (end < bytes_.size() && is_blank(bytes_[end])) {
    const std::size_t next = find_byte(bytes_, end, '\n') + 1;
    if (next > bytes_.size() || trimmed(bytes_.substr(end, next - end)).empty()) break;
    end = next;
  }
  return end;
}

std::size_t Message::count(Header header) const {
  std::size_t count = 0;
  for (const HeaderLine& entry : lines_) count += entry.header == header ? 1U : 0U;
  return count;
}

const Result<CSeq>& Message::cseq() const {
  if (!cseq_) cseq_.emplace(read_cseq());
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
  const auto name = trimmed(text.substr(blank));
  const Method method = parse_method(name);
  if (method == Method::other && !is_token(name)) return std::unexpected(bad("CSeq", offset_of(text), "method is not a token"));
  return CSeq{*number, method, name};
}

const Result<Uri>& Message::uri() const {
  if (!uri_) {
    Result<Uri>& uri = uri_.emplace(std::in_place);
    if (const auto wrong = uri->read(request_uri_); !wrong.empty()) uri = std::unexpected(Error{"URI", 0, wrong});
  }
  return *uri_;
}

const Result<Via>& Message::top_via() const {
  if (!top_via_) read_top_via();
  return *top_via_;
}

void Message::read_top_via() const {
  // Read in place, as the addresses are: these are too large to be moved about for each message.
  Result<Via>& via = top_via_.emplace(std::in_place);
  const auto text = value(Header::via);
  if (text.empty())
    via = std::unexpected(bad("Via", 0, "missing"));
  else if (const auto wrong = via->read(split_element(text).first); !wrong.empty())
    via = std::unexpected(bad("Via", offset_of(text), wrong));
}

void Message::read_address(std::optional<Result<NameAddr>>& address, Header header, std::string_view header_name) const {
  Result<NameAddr>& read = address.emplace(std::in_place);
  const auto text = value(header);
  const auto wrong = text.empty() ? std::string_view{"missing"} : read->read(text);
  if (!wrong.empty()) read = std::unexpected(bad(header_name, 0, wrong));
}

const Result<NameAddr>& Message::from() const {
  if (!from_) read_address(from_, Header::from, "From");
  return *from_;
}

const Result<NameAddr>& Message::to() const {
  if (!to_) read_address(to_, Header::to, "To");
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
  if (find_byte(value, 0, ',') == value.size()) return {trimmed(value), {}, false};
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
