// Every accessor of a SIP message, the validation, and what we make of a message that was accepted (X1).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sip/both_ways.hpp"
#include "sip/builder.hpp"
#include "sip/message.hpp"
#include "sip/splice.hpp"
#include "sip/validation.hpp"

using namespace ringhold;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void look_at_uri(const sip::Uri& uri) {
  require(sip::equivalent(uri, uri));
  (void)uri.transport();
  (void)uri.has_unknown_transport();
  (void)uri.parameters.is_valid();
  if (const auto aor = sip::address_of_record(uri)) require(!aor->empty());
}

/// A value of any header is tried as everything: more than any message asks for.
void look_at_value(std::string_view value, std::string_view bytes) {
  require(sip::both_ways_agree(value));
  if (const auto address = sip::NameAddr::parse(value, "X")) require(inside(address->uri.text, bytes));
  if (const auto contact = sip::Contact::parse(value)) (void)contact;
  if (const auto via = sip::Via::parse(value)) require(inside(via->branch, bytes));
  if (const auto uri = sip::Uri::parse(value)) look_at_uri(*uri);
}

void look_at(const sip::Message& message) {
  for (const auto& line : message.lines()) {
    require(inside(line.line, message.bytes()) && inside(line.value, message.bytes()) && inside(line.name, message.bytes()));
    message.for_each_value(line.header, [&](std::string_view value, const sip::HeaderLine&) {
      require(inside(value, message.bytes()));
      look_at_value(value, message.bytes());
      return true;
    });
  }
  if (const auto via = message.top_via()) require(inside(via->branch, message.bytes()));
  if (const auto from = message.from()) look_at_uri(from->uri);
  if (const auto to = message.to()) look_at_uri(to->uri);
  if (message.is_request()) look_at_value(message.request_uri(), message.bytes());
  (void)message.cseq();
  require(inside(message.from_tag(), message.bytes()) && inside(message.to_tag(), message.bytes()));
  (void)message.expires();
  (void)message.max_forwards();
  (void)message.content_length();
  require(inside(sip::framed_body(message), message.bytes()));
  require(message.offset_of(message.start_line()) <= message.bytes().size());
}

void answer(const sip::Message& request, const Endpoint& source) {
  for (const int status : {100, 200, 404}) {
    std::string bytes;
    sip::append_response(bytes, request, source, status, {}, status == 100 ? "" : "tag", "X: y\r\n");
    const auto response = sip::Message::parse(bytes);
    require(response.has_value() && sip::is_valid_response(*response) && response->status() == status);
    require(response->cseq()->number == request.cseq()->number && response->call_id() == request.call_id());
    require(response->count(sip::Header::via) == request.count(sip::Header::via));
    require(status == 100 || !response->to_tag().empty());
  }
}

std::string forward(const sip::Message& request, const Endpoint& source) {
  sip::Splice splice{request};
  sip::ReceivedNote note;
  splice.insert_before(sip::Header::via, {"Via: SIP/2.0/UDP 10.77.0.2:5060;branch=z9hG4bKx\r\n"});
  sip::note_received(splice, *request.top_via(), source, note);
  splice.remove_first_values(sip::Header::route, 1);
  splice.append_header({"X-Last: 1\r\n"});
  std::string forwarded;
  splice.write(forwarded);
  const auto parsed = sip::Message::parse(forwarded);
  require(parsed.has_value() && !sip::validate_request(*parsed));
  require(parsed->top_via()->branch == "z9hG4bKx" && parsed->method_name() == request.method_name());
  require(sip::framed_body(*parsed) == sip::framed_body(request));
  return forwarded;
}

/// The requests that we make of one that we sent.
void give_up(const sip::Message& sent, const Endpoint& source) {
  std::string response;
  sip::append_response(response, sent, source, 486, {}, "tag", {});
  const auto busy = sip::Message::parse(response);
  require(busy.has_value());
  std::string ack;
  sip::append_ack(ack, sent, *busy);
  const auto parsed_ack = sip::Message::parse(ack);
  require(parsed_ack.has_value() && !sip::validate_request(*parsed_ack) && parsed_ack->method() == sip::Method::ack);
  std::string cancel;
  sip::append_cancel(cancel, sent, "Reason: SIP;cause=200\r\n");
  const auto parsed_cancel = sip::Message::parse(cancel);
  require(parsed_cancel.has_value() && !sip::validate_request(*parsed_cancel) && parsed_cancel->method() == sip::Method::cancel);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes{reinterpret_cast<const char*>(data), size};
  const auto message = sip::Message::parse(bytes);
  if (!message) return 0;
  look_at(*message);
  if (!message->is_request()) {
    (void)sip::is_valid_response(*message);
    return 0;
  }
  if (sip::validate_request(*message)) return 0;
  const Endpoint source{*Address::parse("10.77.0.11"), Port{40000}};
  answer(*message, source);
  const std::string forwarded = forward(*message, source);
  const auto sent = sip::Message::parse(forwarded);
  if (sent->method() == sip::Method::invite) give_up(*sent, source);
  return 0;
}
