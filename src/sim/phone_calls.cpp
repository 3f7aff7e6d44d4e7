// How a simulated phone calls, answers and hangs up (RFC 3261 §12, §13, §15).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/phone.hpp"

namespace ringhold::sim {

namespace {
constexpr Duration callee_patience = 240s;  // longer than any caller talks
}

std::optional<std::size_t> Phone::call(unsigned callee, std::optional<Duration> cancel_after) {
  const auto server = registered_at();
  if (!powered_ || !server) return std::nullopt;
  const std::string call_id = fmt::format("call-{}-{}-{:x}", settings_.number, callee, random_.next() & 0xffffffffU);
  const std::string callee_uri = fmt::format("sip:user{}@{}", callee, bench::domain);
  Leg& leg = legs_[call_id];
  leg.outgoing = true;
  leg.entry = book_.size();
  leg.local = fmt::format("<sip:{}@{}>;tag={:x}", user(), bench::domain, random_.next() & 0xffffffU);
  leg.remote = fmt::format("<{}>", callee_uri);
  leg.target = callee_uri;
  CallAttempt attempt;
  attempt.caller = settings_.number;
  attempt.callee = callee;
  attempt.at = world_.clock.now();
  attempt.via = *server;
  attempt.call_id = call_id;
  book_.push_back(attempt);

  SipMessage invite = in_dialog(leg, call_id, "INVITE");
  invite.add("Contact", contact());
  invite.add("Content-Type", "application/sdp");
  invite.body = "v=0\r\no=- 1 1 IN IP4 10.77.0.11\r\ns=-\r\n";
  PhoneTransactions::Handlers handlers;
  handlers.response = [this, call_id](const SipMessage& response) { call_response(call_id, response); };
  handlers.failure = [this, call_id](PhoneTransactions::Failure failure) {
    call_failed(call_id, failure == PhoneTransactions::Failure::timeout ? 408 : 503);
  };
  leg.branch = transactions_.start(std::move(invite), target(*server), std::move(handlers));
  if (cancel_after)
    after(*cancel_after, [this, call_id] {
      const auto found = legs_.find(call_id);
      if (found == legs_.end() || found->second.confirmed) return;
      found->second.wants_cancel = true;
      transactions_.cancel(found->second.branch);
    });
  return leg.entry;
}

void Phone::call_response(const std::string& call_id, const SipMessage& response) {
  const auto found = legs_.find(call_id);
  if (found == legs_.end()) return;
  Leg& leg = found->second;
  if (response.status < 200) {
    if (leg.wants_cancel) transactions_.cancel(leg.branch);
    return;
  }
  if (response.status >= 300) return call_failed(call_id, response.status);
  if (!leg.confirmed) {
    leg.confirmed = true;
    leg.remote = std::string{response.get("To")};
    leg.target = uri_of(response.get("Contact"));
    leg.routes = response.all("Record-Route");
    std::reverse(leg.routes.begin(), leg.routes.end());
    finish(leg, CallAttempt::End::answered, response.status);
    // A 2xx that crossed the CANCEL is acknowledged and then ended.
    after(leg.wants_cancel ? Duration{10ms} : settings_.talk, [this, call_id] { hang_up(call_id); });
  }
  acknowledge(leg, call_id);
}

void Phone::call_failed(const std::string& call_id, int status) {
  const auto found = legs_.find(call_id);
  if (found == legs_.end()) return;
  using End = CallAttempt::End;
  const End end = found->second.wants_cancel && status == 487 ? End::cancelled
                  : status == 486 || status == 603            ? End::refused
                                                              : End::failed;
  finish(found->second, end, status);
  legs_.erase(found);
}

void Phone::finish(const Leg& leg, CallAttempt::End end, int status) {
  CallAttempt& attempt = book_[leg.entry];
  attempt.end = end;
  attempt.status = status;
  attempt.ended_at = world_.clock.now();
}

SipMessage Phone::in_dialog(const Leg& leg, const std::string& call_id, std::string_view method) const {
  SipMessage request;
  request.method = std::string{method};
  request.uri = leg.target;
  for (const auto& route : leg.routes) request.add("Route", route);
  request.add("Max-Forwards", "70");
  request.add("From", leg.local);
  request.add("To", leg.remote);
  request.add("Call-ID", call_id);
  request.add("CSeq", fmt::format("{} {}", leg.cseq, method));
  return request;
}

Target Phone::next_hop(const Leg& leg) const {
  const std::string uri = leg.routes.empty() ? leg.target : uri_of(leg.routes.front());
  const auto transport = parse_transport(parameter(uri, "transport").value_or("udp")).value_or(Transport::udp);
  return {transport, endpoint_of(uri).value_or(Endpoint{bench::box(), bench::sip_port})};
}

void Phone::acknowledge(Leg& leg, const std::string& call_id) { transactions_.send_ack(in_dialog(leg, call_id, "ACK"), next_hop(leg)); }

void Phone::hang_up(const std::string& call_id) {
  const auto found = legs_.find(call_id);
  if (found == legs_.end()) return;
  Leg& leg = found->second;
  ++leg.cseq;
  const auto record = [this, outgoing = leg.outgoing, entry = leg.entry](int status) {
    if (!outgoing) return;
    book_[entry].bye_status = status;
    book_[entry].bye_at = world_.clock.now();
  };
  PhoneTransactions::Handlers handlers;
  handlers.response = [record](const SipMessage& response) {
    if (response.status >= 200) record(response.status);
  };
  handlers.failure = [record](PhoneTransactions::Failure) { record(408); };
  transactions_.start(in_dialog(leg, call_id, "BYE"), next_hop(leg), std::move(handlers));
  legs_.erase(found);
}

void Phone::incoming(const SipMessage& request, const Origin& source) {
  if (request.method == "ACK") {
    const auto found = legs_.find(std::string{request.get("Call-ID")});
    if (found != legs_.end()) found->second.confirmed = true;
    return;
  }
  const std::string call_id{request.get("Call-ID")};
  if (request.method == "INVITE" && !parameter(request.get("To"), "tag")) return incoming_invite(request, source);
  if (request.method == "CANCEL") return incoming_cancel(request, source);
  if (request.method == "MESSAGE" && desk_ != nullptr) return incoming_message(request, source);
  if (request.method == "OPTIONS") return transactions_.respond(request, source, make_response(request, 200, "OK", "phone"));
  const auto leg = legs_.find(call_id);
  if (leg == legs_.end())
    return transactions_.respond(request, source, make_response(request, 481, "Call/Transaction Does Not Exist", "gone"));
  // RFC 3261 §12.2.2: a lower CSeq is refused, and changes nothing.
  const unsigned cseq = parse_number(request.get("CSeq").substr(0, request.get("CSeq").find(' '))).value_or(0);
  if (cseq < leg->second.remote_cseq)
    return transactions_.respond(request, source, make_response(request, 500, "Server Internal Error", "phone"));
  leg->second.remote_cseq = cseq;
  transactions_.respond(request, source, make_response(request, 200, "OK", "phone"));
  if (request.method == "BYE") legs_.erase(leg);
}

void Phone::incoming_invite(const SipMessage& request, const Origin& source) {
  const std::string call_id{request.get("Call-ID")};
  // RFC 3261 §8.2.2.2: the same call by two ways rings once.
  if (legs_.contains(call_id)) return transactions_.respond(request, source, make_response(request, 482, "Loop Detected", "merged"));
  Leg& leg = legs_[call_id];
  leg.invite = request;
  leg.source = source;
  leg.local = fmt::format("{};tag={:x}", request.get("To"), random_.next() & 0xffffffU);
  leg.remote = std::string{request.get("From")};
  leg.target = uri_of(request.get("Contact"));
  leg.routes = request.all("Record-Route");
  leg.remote_cseq = parse_number(request.get("CSeq").substr(0, request.get("CSeq").find(' '))).value_or(0);
  SipMessage ringing = make_response(request, 180, "Ringing", *parameter(leg.local, "tag"));
  ringing.add("Contact", contact());
  transactions_.respond(request, source, ringing);
  after(settings_.ring, [this, call_id] { answer(call_id); });
}

void Phone::answer(const std::string& call_id) {
  const auto found = legs_.find(call_id);
  if (found == legs_.end() || found->second.invite.method.empty()) return;
  Leg& leg = found->second;
  SipMessage ok = make_response(leg.invite, 200, "OK", *parameter(leg.local, "tag"));
  ok.add("Contact", contact());
  ok.add("Content-Type", "application/sdp");
  ok.body = "v=0\r\no=- 2 2 IN IP4 10.77.0.12\r\ns=-\r\n";
  transactions_.respond(leg.invite, leg.source, ok);
  leg.invite = {};
  // Whoever hears nothing for long hangs up too: the caller may have lost its power.
  after(callee_patience, [this, call_id] { hang_up(call_id); });
}

void Phone::incoming_cancel(const SipMessage& request, const Origin& source) {
  const auto found = legs_.find(std::string{request.get("Call-ID")});
  if (found == legs_.end() || found->second.invite.method.empty())
    return transactions_.respond(request, source, make_response(request, found == legs_.end() ? 481 : 200, "Done", "phone"));
  transactions_.respond(request, source, make_response(request, 200, "OK", *parameter(found->second.local, "tag")));
  const Leg& leg = found->second;
  transactions_.respond(leg.invite, leg.source, make_response(leg.invite, 487, "Request Terminated", *parameter(leg.local, "tag")));
  legs_.erase(found);
}

}  // namespace ringhold::sim
