#include "sim/phone.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringhold::sim {

namespace {
constexpr Port dns_client_port{35353};
}

Phone::Phone(World& world, const PhoneSettings& settings, CallBook& book)
    : world_{world},
      settings_{settings},
      book_{book},
      random_{world.random.next()},
      resolver_{world,
                {bench::phone(settings.number), dns_client_port},
                {bench::box(), bench::dns_port},
                settings.transport,
                world.random.next()},
      transactions_{world, {bench::phone(settings.number), bench::sip_port}, world.random.next()} {}

std::string Phone::user() const { return fmt::format("user{}", settings_.user == 0 ? settings_.number : settings_.user); }
std::string Phone::contact() const {
  return fmt::format("<sip:{}@{}{}>", user(), own().text(), settings_.transport == Transport::tcp ? ";transport=tcp" : "");
}

void Phone::join(PushDesk& desk, PushDesk::Nature nature) {
  desk_ = &desk;
  desk.join(settings_.number, user(), uri_of(contact()), nature);
}

void Phone::after(Duration delay, std::function<void()> run) {
  world_.clock.after(delay, [this, epoch = epoch_, run = std::move(run)] {
    if (epoch == epoch_) run();
  });
}

void Phone::power_on() {
  if (powered_) return;
  powered_ = true;
  world_.attach(own().address, *this);
  world_.ladder.event(world_.clock.now(), user(), "power on");
  register_call_id_ = fmt::format("reg-{}-{:x}", settings_.number, random_.next());
  register_tag_ = fmt::format("{:x}", random_.next() & 0xffffffU);
  register_cseq_ = 0;
  after(random_.between(10ms, 1s), [this] { begin_registration(); });
}

void Phone::reload() {
  // One that rings would be called again at once, because a restarted phone has forgotten that it rang.
  const bool rings = std::ranges::any_of(legs_, [](const auto& leg) { return !leg.second.invite.method.empty(); });
  if (!powered_ || rings) return;
  world_.ladder.event(world_.clock.now(), user(), "reloads");
  register_call_id_ = fmt::format("reg-{}-{:x}", settings_.number, random_.next());
  register_cseq_ = 0;
  begin_registration();
}

void Phone::power_off() {
  if (!powered_) return;
  world_.ladder.event(world_.clock.now(), user(), "power off");
  powered_ = false;
  ++epoch_;
  world_.detach(own().address);
  for (const auto& [call_id, leg] : legs_)
    if (leg.outgoing && book_[leg.entry].end == CallAttempt::End::pending) finish(leg, CallAttempt::End::power_lost, 0);
  legs_.clear();
  transactions_.clear();
  resolver_.clear();
  registered_at_.reset();
  left_alone_.clear();
}

std::optional<Endpoint> Phone::registered_at() const {
  if (!registered_at_ || world_.clock.now() >= registered_until_) return std::nullopt;
  return registered_at_;
}

void Phone::receive(const Datagram& datagram) {
  if (datagram.to.port == dns_client_port) return resolver_.receive(datagram);
  if (datagram.to.port != bench::sip_port && datagram.connection == 0) return;
  const auto message = parse_sip(datagram.bytes);
  if (!message) return;
  if (!message->is_request()) return transactions_.receive_response(*message);
  if (!transactions_.absorb(*message)) incoming(*message, {datagram.from, datagram.connection});
}

void Phone::unreachable(const Endpoint& local, const Endpoint& remote) {
  if (local.port == bench::sip_port) transactions_.unreachable(remote);
}

void Phone::connection_changed(Streams::Id connection, const Endpoint& local, const Endpoint& remote, ConnectionState state) {
  transactions_.connection_changed(connection, local, remote, state);
  // A phone that loses the connection of its registration makes a new one.
  if (state == ConnectionState::closed && registered_at_ == remote && settings_.transport == Transport::tcp)
    retry_registration(random_.between(200ms, 3s));
}

}  // namespace ringhold::sim
