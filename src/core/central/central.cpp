#include "central/central.hpp"

#include <algorithm>
#include <utility>

namespace ringhold::central {

namespace {

Sign sign_of(RelaySign sign) {
  switch (sign) {
    case RelaySign::answered: return Sign::answered;
    case RelaySign::unavailable: return Sign::unavailable;
    case RelaySign::unanswered: return Sign::lost;
    case RelaySign::refused: return Sign::refused;
  }
  std::unreachable();
}

bool tried_before(const Server& a, const Server& b) { return a.priority != b.priority ? a.priority < b.priority : a.weight > b.weight; }

}  // namespace

Central::Central(const Settings& settings, Random& random)
    : settings_{settings}, random_{random}, keeper_{settings.return_dwell}, pace_{settings.return_rate} {}

void Central::set_servers(std::span<const Server> servers, Instant now) {
  std::vector<Server> wanted;
  for (const Server& server : servers) {
    const auto same = [&](const Server& other) { return other.target == server.target; };
    if (std::none_of(wanted.begin(), wanted.end(), same)) wanted.push_back(server);
  }
  std::stable_sort(wanted.begin(), wanted.end(), tried_before);
  if (wanted.size() > max_servers) wanted.resize(max_servers);

  std::vector<Watched> next;
  for (Server& server : wanted) {
    const auto known = std::find_if(servers_.begin(), servers_.end(), [&](const Watched& w) { return w.server.target == server.target; });
    if (known != servers_.end()) {
      next.push_back(std::move(*known));
      next.back().server = std::move(server);
      servers_.erase(known);
      continue;
    }
    Watched watched;
    watched.server = std::move(server);
    watched.generation = next_generation_++;
    watched.next_probe = now + random_.between(0ms, settings_.probe_interval / 10);
    next.push_back(std::move(watched));
  }
  for (const Watched& gone : servers_)
    if (gone.transaction) abandoned_.push_back(gone.transaction);
  servers_ = std::move(next);
  look_again_ = now;
  ++standing_number_;
}

void Central::restore(const Row& row) {
  if (row.table != Table::setting || row.columns.size() < 2) return;
  const Text* key = std::get_if<Text>(&row.columns[0]);
  const Text* value = std::get_if<Text>(&row.columns[1]);
  if (key == nullptr || value == nullptr) return;
  if (*key == pin_key) pin_ = parse_pin(*value).value_or(Pin::automatic);
  if (*key == last_key) kept_mode_ = parse_mode(*value).value_or(Mode::normal);
}

void Central::start(Instant now, Outbox& outbox) {
  started_ = true;
  // A loss that was known before the restart goes on until a server has answered; a return begins anew.
  const bool was_lost = kept_mode_ == Mode::survivable || kept_mode_ == Mode::recovering;
  keeper_.begin(was_lost ? Mode::survivable : Mode::normal, now);
  for (Watched& watched : servers_) watched.next_probe = now + random_.between(0ms, settings_.probe_interval / 10);
  if (pinned())
    set_pin(pin_, now, outbox);
  else if (was_lost)
    tell_mode(Mode::normal, Mode::survivable, "as before the restart", outbox);
}

void Central::reconfigure(const Settings& settings, Instant now, Outbox& outbox) {
  settings_ = settings;
  keeper_.set_dwell(settings.return_dwell);
  pace_.set_rate(settings.return_rate);
  look(now, outbox);
}

void Central::expire(Instant now, transaction::Layer& layer, Outbox& outbox) {
  if (!started_) return;
  for (const auto id : abandoned_)
    if (layer.is_proceeding(id)) layer.abandon(id);
  abandoned_.clear();
  for (Watched& watched : servers_) {
    if (watched.sent_at && now >= *watched.sent_at + settings_.probe_timeout) {
      watched.sent_at.reset();
      judge(watched, Sign::lost, now, outbox);
    }
    if (!watched.sent_at && now >= watched.next_probe) probe(watched, now, layer, outbox);
  }
  look(now, outbox);
}

std::optional<Instant> Central::next_expiry() const {
  if (!started_) return std::nullopt;
  std::optional<Instant> next = look_again_;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const Watched& watched : servers_) consider(watched.sent_at ? *watched.sent_at + settings_.probe_timeout : watched.next_probe);
  if (pinned()) return next;
  consider(keeper_.next_look());
  // What has been looked at since is no reason to wake again.
  if (const auto at = dns_loss_confirmed_at(); at && *at > looked_at_) consider(at);
  if (const auto at = home_deadline(); at && *at > looked_at_) consider(at);
  return next;
}

void Central::probe(Watched& watched, Instant now, transaction::Layer& layer, Outbox& outbox) {
  // One transaction for each server: the last one has had its chance of a late answer.
  if (watched.transaction && layer.is_proceeding(watched.transaction)) layer.abandon(watched.transaction);
  const Target& target = watched.server.target;
  const std::size_t begin = outbox.bytes().size();
  const std::string branch = append_probe(settings_.identity, target, random_, outbox.bytes());
  transaction::Owner owner;
  owner.kind = transaction::Owner::Kind::central;
  owner.generation = watched.generation;
  watched.transaction =
      layer.start_client(sip::Method::options, branch, begin, probe_destination(settings_.identity, target), owner, now, outbox);
  watched.last_sent = now;
  watched.relay_loss_taken = false;
  // A full table says nothing of the server: try again at the next interval.
  if (watched.transaction)
    watched.sent_at = now;
  else
    outbox.bytes().resize(begin);
  watched.next_probe = now + jittered_interval(watched);
}

void Central::judge(Watched& watched, Sign sign, Instant now, Outbox& outbox) {
  const Health before = watched.health.state();
  const bool changed = watched.health.take(sign, {settings_.down_after, settings_.up_after}, now);
  if (changed) {
    ++standing_number_;
    const Health after = watched.health.state();
    const Text target = watched.server.target.text();
    outbox.note({"central_server_changed",
                 {{"target", target},
                  {"name", watched.server.name},
                  {"from", name(before)},
                  {"to", name(after)},
                  {"sign", name(sign)},
                  {"losses", watched.health.losses()}},
                 after == Health::down ? Severity::warning : Severity::info});
  }
  // The faster pace begins now, not after the interval that was drawn when all was well.
  watched.next_probe = std::min(watched.next_probe, watched.last_sent + jittered_interval(watched));
}

/// Half the interval while there is a question to settle: a loss not confirmed, or a return under way.
Duration Central::jittered_interval(const Watched& watched) const {
  const Health health = watched.health.state();
  const bool open_question =
      health == Health::suspect || (health == Health::down && watched.health.answers() > 0) || (health != Health::down && dns_is_bad());
  const Duration interval = open_question ? settings_.probe_interval / 2 : settings_.probe_interval;
  return random_.between(interval - interval / 10, interval + interval / 10);
}

void Central::hasten(Instant now) {
  for (Watched& watched : servers_) {
    if (watched.sent_at || watched.health.state() == Health::down) continue;
    watched.next_probe = std::min(watched.next_probe, std::max(now, watched.last_sent + settings_.probe_interval / 2));
  }
}

Central::Watched* Central::find(const transaction::Owner& owner) {
  if (owner.kind != transaction::Owner::Kind::central) return nullptr;
  const auto found = std::find_if(servers_.begin(), servers_.end(), [&](const Watched& w) { return w.generation == owner.generation; });
  return found == servers_.end() ? nullptr : &*found;
}

void Central::on_response(const transaction::Owner& owner, int status, Instant now, Outbox& outbox) {
  Watched* watched = find(owner);
  if (watched == nullptr) return;
  if (status >= 200) watched->transaction = {};
  // A late answer counts; a final one after a provisional one was counted already.
  const bool late = !watched->sent_at && watched->health.last_sign() == Sign::lost;
  if (!watched->sent_at && !late) return;
  watched->rtt = now - watched->last_sent;
  watched->sent_at.reset();
  judge(*watched, status == 503 ? Sign::unavailable : Sign::answered, now, outbox);
  look(now, outbox);
}

void Central::on_failure(const transaction::Failure& failure, Instant now, Outbox& outbox) {
  Watched* watched = find(failure.owner);
  if (watched == nullptr) return;
  watched->transaction = {};
  if (!watched->sent_at) return;
  watched->sent_at.reset();
  const bool refused = failure.cause == transaction::Failure::Cause::transport_error;
  judge(*watched, refused ? Sign::refused : Sign::lost, now, outbox);
  look(now, outbox);
}

void Central::note_dns(DnsSign sign, Instant now, Outbox& outbox) {
  const bool was_bad = dns_ && *dns_ != DnsSign::answered;
  const bool is_bad = sign != DnsSign::answered;
  if (is_bad && !was_bad) dns_since_ = now;
  if (dns_ != sign) ++standing_number_;
  dns_ = sign;
  if (is_bad && !was_bad) hasten(now);
  if (started_) look(now, outbox);
}

void Central::note_relay(const Target& target, RelaySign sign, Instant now, Outbox& outbox) {
  const auto found = std::find_if(servers_.begin(), servers_.end(), [&](const Watched& w) { return w.server.target == target; });
  if (found == servers_.end()) return;
  const bool loss = sign != RelaySign::answered;
  // Ten calls that fail together are one sign: the next probe is to confirm it.
  if (loss && std::exchange(found->relay_loss_taken, true)) return;
  judge(*found, sign_of(sign), now, outbox);
  if (loss) hasten(now);
  if (started_) look(now, outbox);
}

void Central::note_registrations(std::size_t still_here, Instant now, Outbox& outbox) {
  const bool emptied = still_here == 0 && registrations_ != 0;
  registrations_ = still_here;
  if (emptied && started_) look(now, outbox);
}

void Central::note_survivable_ttl(Instant until) { survivable_ttl_until_ = std::max(survivable_ttl_until_.value_or(until), until); }

bool Central::sends_home(Instant now) const {
  if (keeper_.mode() != Mode::recovering && keeper_.mode() != Mode::normal) return false;
  return pace_.is_open() && now >= *pace_.open_from();
}

bool Central::send_home(std::string_view device, bool in_call, Instant now, Outbox& outbox) {
  const bool recovering = keeper_.mode() == Mode::recovering;
  if (!sends_home(now) || !site(now).alive) return false;
  if (in_call) {
    pace_.held(now);
    return false;
  }
  switch (pace_.ask(device, recovering ? ReturnPace::Whom::everyone : ReturnPace::Whom::settled, now)) {
    case ReturnPace::Verdict::stay: return false;
    case ReturnPace::Verdict::came_back: outbox.note({"phone_came_back", {{"device", device}}, Severity::warning}); return false;
    case ReturnPace::Verdict::go: outbox.note({"phone_sent_home", {{"device", device}}, Severity::info}); return true;
  }
  std::unreachable();
}

void Central::set_pin(Pin pin, Instant now, Outbox& outbox) {
  pin_ = pin;
  ++standing_number_;
  keep(pin_key, name(pin), outbox);
  outbox.note({"mode_pinned", {{"pin", name(pin)}}, pin == Pin::automatic ? Severity::info : Severity::warning});
  if (pin != Pin::automatic) {
    const Mode before = keeper_.mode();
    const Mode forced = pin == Pin::normal ? Mode::normal : Mode::survivable;
    keeper_.force(forced, now);
    pace_.close();
    if (before != forced) tell_mode(before, forced, "pinned by the administrator", outbox);
  }
  look(now, outbox);
}

Central::Standing Central::standing() const { return {mode(), since(), pin_, pace_.open_from(), dns_, report()}; }

void Central::follow(const Standing& standing) {
  ++standing_number_;
  servers_.clear();
  for (const ServerReport& one : standing.servers) {
    Watched& watched = servers_.emplace_back();
    watched.server = one.server;
    watched.health.assume(one.health, one.since);
    watched.rtt = one.rtt;
  }
  pin_ = standing.pin;
  dns_ = standing.dns;
  keeper_.force(standing.mode, standing.since);
  if (!standing.return_from)
    pace_.close();
  else if (!pace_.is_open())
    pace_.open(*standing.return_from);
}

bool Central::is_central(const Endpoint& remote) const {
  return std::any_of(servers_.begin(), servers_.end(), [&](const Watched& watched) {
    const Endpoint& own = watched.server.target.endpoint;
    return own.address == remote.address && (!own.address.is_loopback() || own.port == remote.port);
  });
}

std::vector<Target> Central::usable_servers() const {
  std::vector<Target> usable;
  for (const Watched& watched : servers_)  // they stand in order of priority and weight
    if (watched.health.state() == Health::up) usable.push_back(watched.server.target);
  for (const Watched& watched : servers_)
    if (watched.health.state() == Health::suspect || watched.health.state() == Health::unknown) usable.push_back(watched.server.target);
  return usable;
}

bool Central::is_up(const Target& target) const {
  return std::ranges::any_of(
      servers_, [&](const Watched& watched) { return watched.server.target == target && watched.health.state() == Health::up; });
}

std::vector<ServerReport> Central::report() const {
  std::vector<ServerReport> reports;
  reports.reserve(servers_.size());
  for (const Watched& watched : servers_) reports.push_back({watched.server, watched.health.state(), watched.health.since(), watched.rtt});
  return reports;
}

}  // namespace ringhold::central
