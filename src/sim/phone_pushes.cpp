// What a simulated phone does with pushed content, and how it pushes some itself by MESSAGE (RFC 3428).
#include <fmt/format.h>

#include <utility>

#include "sim/phone.hpp"

namespace ringhold::sim {

namespace {
constexpr Duration timer_j = 32s;
}

void Phone::incoming_message(const SipMessage& request, const Origin& source) {
  const PushWish wish = desk_->wish(settings_.number);
  const std::size_t entry = desk_->saw(settings_.number, request, source.connection == 0 && source.endpoint.address == bench::box());
  if (wish.kind == PushWish::Kind::lose_power) {
    world_.clock.after(desk_->random().between(1s, 20s), [this] { power_on(); });
    return power_off();
  }
  transactions_.hold(request, wish.delay + timer_j);
  if (wish.kind == PushWish::Kind::keep_silent) return;
  const auto say = [this, request, source, entry, wish](int status) {
    SipMessage response = make_response(request, status, "Push", "phone");
    if (status >= 300 && status <= 302) {
      for (const auto& contact : wish.contacts) response.add("Contact", contact);
      if (!wish.expires.empty()) response.add("Expires", wish.expires);
    }
    desk_->answered(entry, status);
    transactions_.respond(request, source, response);
  };
  if (wish.delay == Duration::zero())
    say(wish.status);
  else
    after(wish.delay, [say, wish] { say(wish.status); });
  if (wish.second != 0) after(wish.delay + desk_->random().between(100ms, 5s), [say, wish] { say(wish.second); });
}

bool Phone::push(const std::string& user, std::string body, std::optional<unsigned> expires, PushAnswered answered) {
  const auto server = registered_at();
  if (!powered_ || server != Endpoint{bench::box(), bench::sip_port}) return false;
  SipMessage request;
  request.method = "MESSAGE";
  request.uri = fmt::format("sip:{}@{}", user, bench::domain);
  request.add("Max-Forwards", "70");
  request.add("From", fmt::format("<sip:{}@{}>;tag={:x}", this->user(), bench::domain, random_.next() & 0xffffffU));
  request.add("To", fmt::format("<sip:{}@{}>", user, bench::domain));
  request.add("Call-ID", fmt::format("push-{}-{:x}", settings_.number, random_.next()));
  request.add("CSeq", "1 MESSAGE");
  request.add("Content-Type", "text/plain");
  if (expires) request.add("Expires", std::to_string(*expires));
  request.body = std::move(body);
  PhoneTransactions::Handlers handlers;
  handlers.response = [answered](const SipMessage& response) {
    if (response.status >= 200) answered(response.status, parameter(response.get("To"), "tag").value_or(""));
  };
  handlers.failure = [answered](PhoneTransactions::Failure failure) {
    answered(failure == PhoneTransactions::Failure::timeout ? 408 : 503, "");
  };
  // RFC 3428 §8: a large one goes over a stream.
  const bool is_large = request.body.size() > 1'000;
  transactions_.start(std::move(request), {is_large ? Transport::tcp : settings_.transport, *server}, std::move(handlers));
  return true;
}

}  // namespace ringhold::sim
