#include "transaction/matching.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"

namespace ringhold::transaction {

namespace {

/// Cannot stand in a token, a host or a header value, so parts never run together.
constexpr std::string_view separator{"\n", 1};

}  // namespace

char* Key::make_room(std::size_t size) {
  const std::size_t begin = text_.size();
  text_.resize(begin + size, boost::container::default_init);
  return text_.data() + begin;
}

void Key::append(std::string_view part) { part.copy(make_room(part.size()), part.size()); }

void Key::append_lower(std::string_view part) { copy_lower_case(part, make_room(part.size())); }

void Key::append_method(sip::Method method, std::string_view name) {
  if (method == sip::Method::invite || method == sip::Method::ack)
    append("I");
  else if (method == sip::Method::cancel)
    append("C");
  else
    append(name);
  append(separator);
}

void Key::finish() { hash_ = quick_hash(text()); }

Key Key::client(std::string_view branch, sip::Method method) {
  Key key;
  key.append_method(method, "N");
  key.append(branch);
  key.finish();
  return key;
}

Key Key::server(const sip::Message& request, sip::Method as_method) {
  Key key;
  key.append_method(as_method, request.method_name());
  const auto& via = request.top_via();
  if (via && via->has_cookie()) {
    key.append(via->branch);
    key.append(separator);
    // Host and port compare as they stand: who sends a request again writes the same Via.
    key.append_lower(via->sent_by);
  } else {
    key.rfc2543_ = true;
    const auto& cseq = request.cseq();
    key.append(request.request_uri());
    for (const std::string_view part : {request.from_tag(), request.call_id(), via ? via->text : std::string_view{}}) {
      key.append(separator);
      key.append(part);
    }
    key.append(separator);
    key.append(Decimal{cseq ? cseq->number : 0});
  }
  key.finish();
  return key;
}

}  // namespace ringhold::transaction
