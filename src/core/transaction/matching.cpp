#include "transaction/matching.hpp"

namespace ringhold::transaction {

namespace {

char letter(sip::Method method) {
  if (method == sip::Method::invite || method == sip::Method::ack) return 'I';
  return method == sip::Method::cancel ? 'C' : 'N';
}

}  // namespace

Text client_key(std::string_view branch, sip::Method method) {
  Text key;
  key.reserve(branch.size() + 1);
  key.append(branch).push_back(letter(method));
  return key;
}

std::optional<Text> client_key_of(const sip::Message& response) {
  const auto via = response.top_via();
  const auto cseq = response.cseq();
  if (!via || !cseq || via->branch.empty()) return std::nullopt;
  return client_key(via->branch, cseq->method);
}

Text server_key(const sip::Message& request, sip::Method as_method) {
  Text key;
  const auto via = request.top_via();
  key.push_back(letter(as_method));
  // Two methods may share a branch only as INVITE, ACK and CANCEL do; others are told apart by name (§17.2.3 rule 3).
  if (letter(as_method) == 'N') key.append(request.method_name()).push_back(' ');
  if (via && via->has_cookie()) {
    key.append(via->branch).push_back(' ');
    for (const char c : via->sent_by) key.push_back(to_lower(c));
    return key;
  }
  const auto cseq = request.cseq();
  key.append(request.request_uri()).push_back(' ');
  key.append(request.from_tag()).push_back(' ');
  key.append(request.call_id()).push_back(' ');
  key.append(Decimal{cseq ? cseq->number : 0}).push_back(' ');
  if (via) key.append(via->text);
  return key;
}

}  // namespace ringhold::transaction
