// How a simulated phone registers (DIS-18 to DIS-22).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "sim/phone.hpp"

namespace ringhold::sim {

void Phone::begin_registration() {
  ++registration_round_;
  resolver_.resolve([this, round = registration_round_](const PhoneResolver::Targets& targets) {
    if (round != registration_round_) return;
    attempt_ = targets;
    if (settings_.refresh == Refresh::stay && registered_at_) {
      // RFC 3261 §10.2.4: a refresh goes where the registration is, unless DNS no longer names that server first and the
      // record has been asked anew: then the order decides.
      const auto at = std::find(attempt_.begin(), attempt_.end(), *registered_at_);
      if (at != attempt_.end()) std::rotate(attempt_.begin(), at, at + 1);
    }
    std::stable_partition(attempt_.begin(), attempt_.end(), [this](const Endpoint& target) {
      const auto avoided = left_alone_.find(target);
      return avoided == left_alone_.end() || world_.clock.now() >= avoided->second;
    });
    ++register_cseq_;
    register_at(0);
  });
}

void Phone::register_at(std::size_t index) {
  if (index >= attempt_.size()) {
    resolver_.forget();
    return retry_registration(random_.between(3s, 10s));
  }
  const Endpoint target = attempt_[index];
  SipMessage request;
  request.method = "REGISTER";
  request.uri = fmt::format("sip:{}", bench::domain);
  request.add("Max-Forwards", "70");
  request.add("From", fmt::format("<sip:{}@{}>;tag={}", user(), bench::domain, register_tag_));
  request.add("To", fmt::format("<sip:{}@{}>", user(), bench::domain));
  request.add("Call-ID", register_call_id_);
  request.add("CSeq", fmt::format("{} REGISTER", register_cseq_));
  request.add("Contact", contact());
  request.add("Expires", std::to_string(settings_.expires));
  request.add("User-Agent", "simulated phone");
  const auto round = registration_round_;
  PhoneTransactions::Handlers handlers;
  handlers.response = [this, round, index, target](const SipMessage& response) {
    if (round != registration_round_ || response.status < 200) return;
    if (response.status < 300)
      registered(response, target);
    else
      registration_refused(response, index);
  };
  handlers.failure = [this, round, index](PhoneTransactions::Failure) {
    if (round == registration_round_) register_at(index + 1);
  };
  transactions_.start(std::move(request), this->target(target), std::move(handlers));
}

void Phone::registered(const SipMessage& response, const Endpoint& target) {
  std::uint32_t granted = settings_.expires;
  for (const auto& value : response.all("Contact"))
    if (uri_of(value) == uri_of(contact())) granted = parse_number(parameter(value, "expires").value_or("")).value_or(granted);
  if (registered_at_ != target)
    world_.ladder.event(world_.clock.now(), user(), fmt::format("registered at {} for {} s", target.text(), granted));
  registered_at_ = target;
  registered_until_ = world_.clock.now() + std::chrono::seconds{granted};
  const auto round = registration_round_;
  after(std::chrono::seconds{granted} * 9 / 10, [this, round] {
    if (round == registration_round_) begin_registration();
  });
}

void Phone::registration_refused(const SipMessage& response, std::size_t index) {
  refusals_.push_back({world_.clock.now(), attempt_[index], response.status});
  const auto retry_after = parse_number(response.get("Retry-After").substr(0, response.get("Retry-After").find_first_of(" ;(")));
  if (response.status == 503) {
    // RFC 3263 §4.3: the next target, and this one not before its time.
    left_alone_[attempt_[index]] = world_.clock.now() + std::chrono::seconds{retry_after.value_or(30)};
    if (registered_at_ == attempt_[index]) registered_at_.reset();
    return register_at(index + 1);
  }
  retry_registration(10s);
}

void Phone::retry_registration(Duration delay) {
  const auto round = registration_round_;
  after(delay, [this, round] {
    if (round == registration_round_) begin_registration();
  });
}

}  // namespace ringhold::sim
