#include "calls/in_dialog_request.hpp"

#include <algorithm>
#include <vector>

#include "sip/message.hpp"

namespace ringhold::calls {

namespace {

/// §12.1.1: the callee has the Record-Routes in order; §12.1.2: the caller has them in reverse.
Text routes_to(Side to, std::string_view record_routes) {
  if (to == Side::caller || record_routes.empty()) return Text{record_routes};
  std::vector<std::string_view> values;
  for (sip::Element element = sip::split_element(record_routes);; element = sip::split_element(element.rest)) {
    values.push_back(element.first);
    if (!element.more) break;
  }
  Text routes;
  for (auto value = values.rbegin(); value != values.rend(); ++value) routes.append(routes.empty() ? "" : ", ").append(*value);
  return routes;
}

InDialogRequest request(const Call& call, const Dialog& dialog, Side to, std::string_view method, std::uint32_t cseq) {
  const Side from = other(to);
  InDialogRequest made{call.target(to, dialog), routes_to(to, dialog.routes), {}, method, call.at(to, dialog), false};
  Text& headers = made.headers;
  headers.append("From: <").append(call.uri(from)).append(">;tag=").append(call.tag(from, dialog));
  headers.append("\r\nTo: <").append(call.uri(to)).append(">;tag=").append(call.tag(to, dialog));
  headers.append("\r\nCall-ID: ").append(call.call_id);
  headers.append("\r\nCSeq: ").append(Decimal{cseq}).append(" ").append(method).append("\r\n");
  return made;
}

}  // namespace

InDialogRequest probe(const Call& call, const Dialog& dialog, Side to) {
  const std::uint32_t last = dialog.cseq[index_of(other(to))];
  return request(call, dialog, to, "INFO", last > 0 ? last - 1 : 0);
}

void go_straight(InDialogRequest& request, std::string_view contact) {
  request.routes.clear();
  if (!contact.empty()) request.request_uri = contact;
}

InDialogRequest bye(const Call& call, const Dialog& dialog, Side to, std::string_view reason) {
  InDialogRequest made = request(call, dialog, to, "BYE", std::min(dialog.cseq[index_of(other(to))], INT32_MAX - 1U) + 1);
  if (!reason.empty()) made.headers.append("Reason: ").append(reason).append("\r\n");
  return made;
}

}  // namespace ringhold::calls
