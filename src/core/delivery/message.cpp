#include "delivery/message.hpp"

#include <algorithm>

#include "base/row_reader.hpp"
#include "base/siphash.hpp"
#include "sip/uri.hpp"

namespace ringhold::delivery {

namespace {

constexpr std::size_t longest_uri = 1'024;

constexpr std::size_t id_digits = 15;  ///< as many as a Text holds in itself

std::optional<std::uint64_t> from_hex(std::string_view text) {
  std::uint64_t number = 0;
  if (text.size() != id_digits || std::from_chars(text.data(), text.data() + text.size(), number, 16).ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

std::uint64_t drawn(const Message& message, std::initializer_list<std::string_view> parts) {
  return SipHash{message.seed, ~message.seed}(parts);
}

}  // namespace

std::string_view Message::content_type() const {
  constexpr std::string_view name = "Content-Type: ";
  const auto at = headers.find(name);
  if (at == Text::npos) return {};
  const std::string_view rest = std::string_view{headers}.substr(at + name.size());
  return rest.substr(0, rest.find('\r'));
}

Change put(const Message& message) {
  return {Table::push_message,
          message.id,
          {message.id, message.aor, message.sender, Text{name(message.method)}, message.event, message.headers, message.body,
           Text{name(message.strategy)}, static_cast<std::int64_t>(message.seed), to_unix_ms(message.accepted_at),
           to_unix_ms(message.expires_at), message.key, std::int64_t{message.rounds}, std::int64_t{message.max_forwards}}};
}

Change erase(const Message& message) { return {Table::push_message, message.id, {}}; }

std::optional<Message> message_from_row(const Row& row) {
  RowReader reader{row};
  Message message;
  message.id = reader.text();
  message.aor = reader.text();
  message.sender = reader.text(longest_uri);
  const auto method = parse_method(reader.text());
  message.event = reader.text();
  message.headers = reader.text(longest_headers);
  message.body = reader.text(largest_body);
  const auto strategy = parse_strategy(reader.text());
  message.seed = static_cast<std::uint64_t>(reader.number());
  message.accepted_at = reader.instant();
  message.expires_at = reader.instant();
  message.key = reader.text(longest_key);
  message.rounds = static_cast<unsigned>(reader.number());
  message.max_forwards = static_cast<unsigned>(reader.number());
  if (!reader.valid || !method || !strategy || message.max_forwards > 255 || !from_hex(message.id) || message.aor.empty())
    return std::nullopt;
  message.method = *method;
  message.strategy = *strategy;
  return message;
}

Text MessageNumbers::next(Instant now) {
  constexpr std::uint64_t step = 16;  // the last digit is the worker's
  const std::uint64_t present = static_cast<std::uint64_t>(to_unix_ms(now)) << 16U;
  last_ = std::max(present, last_ + step) / step * step;
  return hex_digits(last_ | worker_, id_digits);
}

void MessageNumbers::note(std::string_view id) {
  if (const auto number = from_hex(id)) last_ = std::max(last_, *number);
}

bool is_call_id(std::string_view call_id) {
  return call_id.size() == id_digits + 1 + 16 && call_id[id_digits] == '.' && from_hex(call_id.substr(0, id_digits)).has_value();
}

Text uri_of_aor(std::string_view aor) {
  const auto user = aor.find(':') + 1;
  const auto at = aor.rfind('@');
  if (user == 0 || at == std::string_view::npos || user > at) return Text{aor};
  return Text{aor.substr(0, user)} + sip::escaped_user(aor.substr(user, at - user)) + Text{aor.substr(at)};
}

Text from_tag_of(const Message& message) { return hex_digits(drawn(message, {"tag"})); }
Text call_id_of(const Message& message) { return message.id + "." + from_tag_of(message); }

Text branch_of(const Message& message, const Addressed& addressed, WorkerNumber worker) {
  // The worker's digit comes first, as in all branches (docs/decisions/0009).
  Text branch = "z9hG4bK";
  branch += worker_digit(worker);
  branch += 'm';
  return branch +
         hex_digits(drawn(message, {"branch", addressed.request_uri, Decimal{addressed.place}.text(), Decimal{addressed.cseq}.text()}));
}

void append_request(std::string& out, const Message& message, const Addressed& addressed, std::string_view branch) {
  const std::string_view method = name(addressed.method);
  out.append(method).append(" ").append(addressed.request_uri).append(" SIP/2.0\r\nVia: SIP/2.0/");
  out.append(via_name(addressed.destination.transport)).append(" ").append(addressed.sent_by.text()).append(";branch=").append(branch);
  out.append(";rport\r\nMax-Forwards: ").append(Decimal{message.max_forwards}).append("\r\n");
  if (!addressed.route.empty()) out.append("Route: ").append(addressed.route).append("\r\n");
  const Text tag = from_tag_of(message);
  out.append("From: <").append(message.sender).append(">;tag=").append(tag);
  out.append("\r\nTo: <").append(uri_of_aor(message.aor)).append(">\r\nCall-ID: ").append(message.id).append(".").append(tag);
  out.append("\r\nCSeq: ").append(Decimal{addressed.cseq}).append(" ").append(method).append("\r\n");
  // What nobody subscribed to has no state but that it is over (RFC 6665 §4.1.3).
  if (addressed.method == Method::notify) out.append("Event: ").append(message.event).append("\r\nSubscription-State: terminated\r\n");
  out.append(message.headers).append(addressed.headers);
  out.append("Content-Length: ").append(Decimal{message.body.size()}).append("\r\n\r\n").append(message.body);
}

}  // namespace ringhold::delivery
