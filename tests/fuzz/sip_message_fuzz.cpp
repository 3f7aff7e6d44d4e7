// Every accessor of a SIP message, the validation, and what we make of a message that was accepted (X1).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sip/builder.hpp"
#include "sip/message.hpp"
#include "sip/splice.hpp"
#include "sip/validation.hpp"

using namespace ringhold;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

void look_at(const sip::Message& message) {
  for (const auto& line : message.lines()) {
    require(line.line.data() >= message.bytes().data() &&
            line.line.data() + line.line.size() <= message.bytes().data() + message.bytes().size());
    message.for_each_value(line.header, [](std::string_view value, const sip::HeaderLine&) {
      (void)sip::NameAddr::parse(value, "X");
      (void)sip::Contact::parse(value);
      (void)sip::Via::parse(value);
      if (const auto uri = sip::Uri::parse(value)) {
        (void)sip::address_of_record(*uri);
        require(sip::equivalent(*uri, *uri) || uri->user.find('%') != std::string_view::npos || !uri->headers.empty() ||
                !uri->parameters.text().empty());
      }
      return true;
    });
  }
  (void)message.cseq();
  (void)message.from_tag();
  (void)message.to_tag();
  (void)message.expires();
  (void)message.max_forwards();
  (void)message.content_length();
  (void)sip::framed_body(message);
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
  std::string response;
  sip::append_response(response, *message, source, 404, {}, "tag", "X: y\r\n");
  const auto again = sip::Message::parse(response);
  require(again.has_value() && sip::is_valid_response(*again));
  require(again->cseq()->number == message->cseq()->number && again->call_id() == message->call_id());
  sip::Splice splice{*message};
  sip::ReceivedNote note;
  const auto via = message->top_via();
  splice.insert_before(sip::Header::via, {"Via: SIP/2.0/UDP 10.77.0.2:5060;branch=z9hG4bKx\r\n"});
  sip::note_received(splice, *via, source, note);
  splice.remove_first_values(sip::Header::route, 1);
  std::string forwarded;
  splice.write(forwarded);
  const auto parsed = sip::Message::parse(forwarded);
  require(parsed.has_value() && !sip::validate_request(*parsed));
  require(parsed->top_via()->branch == "z9hG4bKx");
  return 0;
}
