#include "branch_device/branch_device.hpp"

#include <algorithm>

#include "branch_device/state.hpp"
#include "branch_device/team.hpp"
#include "location/journal.hpp"
#include "stun/binding.hpp"

namespace ringhold::branch_device {

namespace {

nameserver::Order order_of(const Settings& settings, bool normal) {
  if (normal) return nameserver::Order::ours_last;
  switch (settings.dns.when_down) {
    case WhenDown::first: return nameserver::Order::ours_first;
    case WhenDown::last: return nameserver::Order::ours_last;
    case WhenDown::only: return nameserver::Order::ours_only;
  }
  return nameserver::Order::ours_last;
}

/// Wildcard listeners are announced by an address of the branch device of the same family.
std::vector<Target> announced(const Settings& settings) {
  std::vector<Target> listeners = settings.sip.listen;
  for (Target& listener : listeners) {
    if (!listener.endpoint.address.is_unspecified()) continue;
    for (const Address& address : settings.branch.addresses)
      if (address.is_v4() == listener.endpoint.address.is_v4()) {
        listener.endpoint.address = address;
        break;
      }
  }
  return listeners;
}

/// What SRV answers may offer. A phone that looks for the domain by `_sips` wants a certificate for the domain (RFC 5922 §4);
/// without one our record would be a dead end.
std::vector<Target> offered(const Settings& settings) {
  std::vector<Target> listeners = announced(settings);
  if (!settings.sip.certificate_serves_domain)
    std::erase_if(listeners, [](const Target& listener) { return is_secure(listener.transport); });
  return listeners;
}

central::DnsSign sign_of(nameserver::UpstreamState state) {
  switch (state) {
    case nameserver::UpstreamState::unknown:
    case nameserver::UpstreamState::answering: return central::DnsSign::answered;
    case nameserver::UpstreamState::silent: return central::DnsSign::silent;
    case nameserver::UpstreamState::refused: return central::DnsSign::refused;
  }
  return central::DnsSign::answered;
}

constexpr Duration longest_ttl_in_outage = 30s;  // D7

}  // namespace

proxy::Identity identity_of(const Settings& settings) { return {{settings.branch.domain, settings.branch.name}, announced(settings)}; }

nameserver::Settings nameserver_settings(const Settings& settings) {
  return {.domain = settings.branch.domain,
          .branch_name = settings.branch.name,
          .branch_addresses = settings.branch.addresses,
          .networks = settings.branch.networks,
          .listeners = offered(settings),
          .upstreams = settings.dns.upstream,
          .timeout = settings.dns.timeout,
          .ttl_max = settings.dns.ttl_max,
          .inject_when_empty = settings.dns.inject_when_empty};
}

central::Settings central_settings(const Settings& settings) {
  const auto& from = settings.central;
  return {.identity = {settings.branch.domain,
                       settings.branch.addresses.empty() ? Text{"127.0.0.1"} : settings.branch.addresses.front().host_text(),
                       announced(settings)},
          .probe_interval = from.probe_interval,
          .probe_timeout = from.probe_timeout,
          .down_after = from.down_after,
          .up_after = from.up_after,
          .return_dwell = from.return_dwell,
          .return_rate = from.return_rate,
          .survivable_expires = settings.registrar.survivable_expires};
}

registrar::Settings registrar_settings(const Settings& settings) {
  return {.domain = settings.branch.domain,
          .min_expires = settings.registrar.min_expires,
          .normal_expires = settings.registrar.normal_expires,
          .survivable_expires = settings.registrar.survivable_expires,
          .contacts_per_aor = settings.registrar.contacts_per_aor,
          .service_route = settings.registrar.service_route};
}

events::Settings events_settings(const Settings& settings, const Team& team) {
  events::Settings events;
  events.listeners = announced(settings);
  events.team = team;
  for (const std::string& package : settings.push.events) events.packages.push_back(lower_case(package));
  return events;
}

auth::Settings auth_settings(const Settings& settings, const Team& team) {
  return {.realm = settings.branch.domain,
          .nonce_age = settings.registrar.nonce_age,
          .algorithms = settings.registrar.algorithms,
          .worker = team.number};
}

ringing::Settings ringing_settings(const Settings& settings) {
  return {settings.ringing.types, settings.ringing.step, settings.ringing.total, settings.ringing.calendar};
}

calls::ReleaseSettings release_settings(const Settings& settings) { return settings.restart; }

BranchDevice::State::State(const Settings& given, Random& given_random, const Team& given_team)
    : settings{share_of(given, given_team)},
      team{given_team},
      random{given_random},
      identity{identity_of(given)},
      layer{transaction::Timers{}, limits::sip_transactions},
      registrar{registrar_settings(given), given_random},
      notifier{events_settings(given, given_team), given_random},
      proxy{proxy::Settings{identity_of(given), given_team}, given_random},
      calls{limits::calls, std::max<std::size_t>(limits::call_records / given_team.size, 1), given_team.number},
      release{release_settings(given)},
      media{ringing_settings(given)},
      pushes{*this},
      central{central_settings(settings), given_random},
      nameserver{nameserver_settings(given), given_random},
      admission{settings.sip.admission},
      outsiders{{.rate = 100, .rate_per_source = 5}},
      authenticator{auth_settings(given, given_team), given_random} {
  if (!team.is_alone()) calls.note_parties();
}

BranchDevice::BranchDevice(const Settings& settings, Random& random, const Team& team)
    : state_{std::make_unique<State>(settings, random, team)} {}
BranchDevice::~BranchDevice() = default;
BranchDevice::BranchDevice(BranchDevice&&) noexcept = default;
BranchDevice& BranchDevice::operator=(BranchDevice&&) noexcept = default;

void BranchDevice::restore(std::span<const Row> rows, Instant now) {
  Outbox changes;
  const Team& team = state_->team;
  for (const Row& row : rows) {
    switch (row.table) {
      case Table::binding:
        if (team.is_alone() || owner_of(location::aor_of_row(row), team) == team.number) state_->location.restore(row, now, changes);
        break;
      case Table::learnt:
        if (team.leads()) state_->nameserver.restore(row, now);
        break;
      case Table::setting:
        state_->registrar.restore(row);
        state_->authenticator.restore(row);
        if (team.leads()) state_->central.restore(row);
        break;
      case Table::user: state_->authenticator.restore(row); break;
      case Table::call:
      case Table::dialog:
        if (calls::CallTable::is_of(row, team.number, team.size)) state_->calls.restore(row, now, changes);
        break;
      case Table::terminal_type:
      case Table::ring_profile:
      case Table::ring_schedule: state_->media.restore(row); break;
      case Table::redirect:
      case Table::push_message:
      case Table::push_record: state_->pushes.restore(row, now, changes); break;
      case Table::agent_account: break;  // of the agent's mind
    }
  }
  state_->restored_changes = std::move(changes.changes());
}

void BranchDevice::start(Instant now, Outbox& outbox) {
  const std::size_t first_change = outbox.changes().size();
  state_->pushes.restored(outbox);
  for (Change& change : state_->restored_changes) outbox.change(std::move(change));
  state_->restored_changes.clear();
  state_->registrar.start(outbox);
  state_->audit_restored(now);
  if (!state_->team.leads()) {
    state_->settle_authentication(outbox);
    state_->remember_restored_sources(now);
    return state_->settle(now, outbox);
  }
  if (!state_->settings.central.servers.empty()) {
    std::vector<central::Server> servers;
    for (const Target& target : state_->settings.central.servers)
      servers.push_back({{}, target, static_cast<std::uint16_t>(servers.size()), 0});
    state_->central.set_servers(servers, now);
  }
  state_->settle_authentication(outbox);
  state_->remember_restored_sources(now);
  state_->nameserver.start(now);
  state_->settle(now, outbox);
  state_->central.start(now, outbox);
  // The loss was confirmed before the restart; nobody shall wait for dns.timeout to learn it again (DIS-16 c).
  if (state_->central.mode() == central::Mode::survivable) state_->nameserver.assume_lost();
  state_->settle(now, outbox);
  state_->tell_rows(first_change, outbox);
  expire(now, outbox);
}

void BranchDevice::receive(const Packet& packet, Instant now, Outbox& outbox) {
  const std::size_t first_send = outbox.sends().size();
  switch (packet.protocol) {
    case Protocol::dns:
      if (state_->is_served(packet.remote)) state_->note_device(packet, now);
      state_->nameserver.receive(packet, now, outbox);
      if ((packet.flow.number & upstream_flow_bit) != 0) {
        state_->resume_parked(now, outbox);
        if (state_->pushes.waits_for_dns()) state_->pushes.resume(now, outbox);
      }
      break;
    case Protocol::sip: state_->receive_sip(packet, now, outbox); break;
    case Protocol::dhcp: break;  // only the agent asks
  }
  state_->settle(now, outbox);
  state_->count_sent(first_send, outbox);
}

void BranchDevice::expire(Instant now, Outbox& outbox) {
  const std::size_t first_send = outbox.sends().size();
  state_->on_failures(state_->layer.expire(now, outbox), now, outbox);
  for (const proxy::ResponseOutcome& outcome : state_->proxy.expire(state_->layer, now, outbox)) state_->keep_books(outcome, now, outbox);
  state_->expire_steps(now, outbox);
  state_->pushes.expire(now, outbox);
  state_->audit(now, outbox);
  state_->notifier.expire(state_->location, state_->layer, now, outbox);
  state_->calls.expire(now, outbox);
  state_->expire_releases(now, outbox);
  state_->nameserver.expire(now, outbox);
  if (state_->parked_until() && *state_->parked_until() <= now) state_->resume_parked(now, outbox);
  state_->settle(now, outbox);
  state_->central.expire(now, state_->layer, outbox);
  state_->settle(now, outbox);
  state_->count_sent(first_send, outbox);
}

void BranchDevice::connection_changed(const FlowChange& change, Instant now, Outbox& outbox) {
  const std::size_t first_send = outbox.sends().size();
  if (change.protocol == Protocol::dns) {
    state_->nameserver.upstream_changed(change, now, outbox);
  } else {
    if (change.state == FlowState::closed) state_->lose_flow(change.flow, now, outbox);
    state_->on_failures(state_->layer.flow_changed(change, now, outbox), now, outbox);
  }
  state_->settle(now, outbox);
  state_->count_sent(first_send, outbox);
}

void BranchDevice::told(const Word& word, Instant now, Outbox& outbox) {
  const std::size_t first_send = outbox.sends().size();
  state_->take_news(static_cast<const News&>(word), now, outbox);
  state_->settle(now, outbox);
  state_->count_sent(first_send, outbox);
}

std::optional<Instant> BranchDevice::next_expiry() const {
  std::optional<Instant> next;
  for (const auto& one :
       {state_->layer.next_expiry(), state_->proxy.next_expiry(), state_->location.next_expiry(), state_->notifier.next_expiry(),
        state_->calls.next_expiry(), state_->release.next_expiry(), state_->media.next_expiry(), state_->nameserver.next_expiry(),
        state_->central.next_expiry(), state_->parked_until(), state_->pushes.next_expiry()})
    if (one && (!next || *one < *next)) next = one;
  return next;
}

void BranchDevice::committed(ChangeId change, Instant now, Outbox& outbox) {
  const std::size_t first_send = outbox.sends().size();
  state_->pushes.committed(change, now, outbox);
  state_->settle(now, outbox);
  state_->count_sent(first_send, outbox);
}

Answer BranchDevice::command(const Command& command, Instant now, Outbox& outbox) {
  struct Visitor {
    State& state;
    Instant now;
    Outbox& outbox;
    Answer operator()(const Push& given) const { return state.pushes.push(given, now, outbox); }
    Answer operator()(const GetPushes& asked) const { return state.pushes.reports(asked); }
    Answer operator()(const RemovePush& asked) const { return state.pushes.remove(asked, now, outbox); }
    Answer operator()(const GetRedirects& asked) const { return state.pushes.redirect_reports(asked.aor, now); }
    Answer operator()(const RemoveRedirects& asked) const { return state.pushes.remove_redirects(asked, now, outbox); }
    Answer operator()(const GetStatus&) const { return state.status(); }
    Answer operator()(const GetRegistrations& asked) const { return state.registrations(asked.aor, now); }
    Answer operator()(const GetCalls&) const { return state.call_reports(); }
    Answer operator()(const GetPastCalls& asked) const { return state.past_call_reports(asked.limit); }
    Answer operator()(const GetRestarts& asked) const { return state.restart_reports(asked.aor); }
    Answer operator()(const SetClock& given) const {
      state.media.set_clock(given.ahead);
      return Done{};
    }
    Answer operator()(const GetMetrics&) const { return state.metrics(); }
    Answer operator()(const RemoveRegistrations& asked) const {
      const auto ids = state.location.ids(asked.aor, now);
      if (ids.empty()) return Refused{404, "nobody is registered as " + asked.aor};
      for (const auto id : ids) state.location.remove(id, location::Happened::deactivated, outbox);
      return Done{};
    }
    Answer operator()(const GetUsers& asked) const { return state.users(asked); }
    Answer operator()(const PutUsers& given) const { return state.put_users(given, outbox); }
    Answer operator()(const RemoveUser& asked) const { return state.remove_user(asked, outbox); }
    Answer operator()(const GetRing& asked) const { return state.ring_reports(asked, now); }
    Answer operator()(const PutRing& given) const { return state.put_ring(given, outbox); }
    Answer operator()(const PutType& given) const { return state.put_type(given, outbox); }
    Answer operator()(const SetMode& asked) const {
      const auto pin = central::parse_pin(asked.mode);
      if (!pin) return Refused{400, "mode is one of auto, normal, survivable"};
      state.central.set_pin(*pin, now, outbox);
      return Done{};
    }
  };
  const std::size_t first_change = outbox.changes().size();
  Answer answer = std::visit(Visitor{*state_, now, outbox}, command);
  state_->settle(now, outbox);
  state_->tell_rows(first_change, outbox);
  return answer;
}

void BranchDevice::reconfigure(const Settings& settings, Instant now, Outbox& outbox) {
  // Listeners are the shell's and stay as they were opened.
  const std::vector<Target> listen = state_->settings.sip.listen;
  state_->settings = share_of(settings, state_->team);
  state_->settings.sip.listen = listen;
  state_->admission.reconfigure(state_->settings.sip.admission);
  state_->registrar.reconfigure(registrar_settings(state_->settings));
  state_->authenticator.reconfigure(auth_settings(state_->settings, state_->team));
  state_->settle_authentication(outbox);
  state_->release.reconfigure(release_settings(state_->settings));
  state_->media.reconfigure(ringing_settings(state_->settings));
  state_->notifier.reconfigure(events_settings(state_->settings, state_->team));
  state_->pushes.reconfigure(state_->settings.push.delivery);
  state_->central.reconfigure(central_settings(state_->settings), now, outbox);
  state_->nameserver.reconfigure(nameserver_settings(state_->settings), now);
  state_->settle(now, outbox);
}

void BranchDevice::State::settle(Instant now, Outbox& outbox) {
  if (const auto events = location.take_events(); !events.empty()) {
    notifier.tell(events, location, layer, now, outbox);
    follow_bindings(events, now, outbox);
    pushes.follow_bindings(events, now, outbox);
  }
  pushes.deliver_stored(now, outbox);
  if (nameserver.take_learnt_changed() && settings.central.servers.empty() && team.leads()) {
    std::vector<central::Server> servers;
    for (const nameserver::CentralServer& one : nameserver.central_servers())
      servers.push_back({one.name, one.target, one.priority, one.weight});
    central.set_servers(servers, now);
  }
  if (nameserver.upstream_state() != told_upstream && team.leads()) {
    told_upstream = nameserver.upstream_state();
    central.note_dns(sign_of(told_upstream), now, outbox);
  }
  const auto others = static_cast<std::size_t>(std::ranges::count(others_with_phones, true));
  central.note_registrations(location.size() + others, now, outbox);
  const bool order_normal = central.dns_order_normal();
  if (order_normal && !told_order_normal) central.note_survivable_ttl(now + longest_ttl_in_outage);
  told_order_normal = order_normal;
  nameserver.set_order(order_of(settings, order_normal));
  // Who asks now would else keep for a minute what may be over within seconds.
  nameserver.set_order_in_doubt(central.mode() == central::Mode::suspect && settings.dns.when_down != WhenDown::last);
  settle_team(outbox);
}

void BranchDevice::State::count_sent(std::size_t first_send, const Outbox& outbox) {
  for (const Outbox::Send& send : outbox.sends().subspan(first_send)) {
    if (send.destination.protocol != Protocol::sip) continue;
    const std::string_view message = outbox.message(send);
    if (message.starts_with("SIP/2.0 ")) {
      const auto status = parse_number<std::size_t>(message.substr(8, 3), 699);
      if (status) ++counters.responses_out[*status];
    } else if (!stun::is_stun(message)) {
      const auto method = sip::parse_method(message.substr(0, message.find(' ')));
      ++counters.requests_out[static_cast<std::size_t>(method)];
    }
  }
}

}  // namespace ringhold::branch_device
