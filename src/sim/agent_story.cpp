#include "sim/agent_story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/bench_settings.hpp"

namespace ringhold::sim {

namespace {

// Who waits because servers said no is let wait 36 s and one and a half times as long as he has tried (SWI-18): the whole time before
// the healing. Then the branch device's dwell and last TTL, a refresh there, return_after, and a turn.
constexpr Duration converged_within = 1200s;
// Afterwards nobody moves, and what a dead server kept runs out.
constexpr Duration calm = 320s;
constexpr Duration settled_after = 120s;

double tenths(Random& random, std::uint32_t bound) { return random.below(bound) / 1000.0; }

template <typename T, std::size_t size>
T one_of(const std::array<T, size>& all, Random& random) {
  return all[random.below(size)];
}

}  // namespace

AgentStory::AgentStory(std::uint64_t seed, Record record) : seed_{seed}, world_{seed + 7'000'003, from_unix_ms(1'800'000'000'000)} {
  if (record == Record::ladder) world_.ladder.enable(start_of_time());
  draw();
}

AgentStory::~AgentStory() = default;

agent::Settings AgentStory::draw_agent(unsigned number, unsigned servers) {
  Random& random = world_.random;
  agent::Settings settings;
  const unsigned accounts = random.below(25) == 0 ? 300 : one_of(std::array{1U, 1U, 1U, 2U, 5U, 20U, 50U}, random);
  for (unsigned i = 1; i <= accounts; ++i) {
    const std::string user = fmt::format("agent{}-{}", number, i);
    settings.accounts.push_back({fmt::format("sip:{}@{}", user, bench::domain), user, "secret"});
  }
  settings.domain = bench::domain;
  settings.nameservers = {{bench::box(), bench::dns_port}};
  const Endpoint own{bench::agent(number), Port{5066}};
  const unsigned transports = random.below(4);
  if (transports != 1) settings.uplinks.push_back({Transport::udp, own});
  if (transports == 1 || transports == 2) settings.uplinks.push_back({Transport::tcp, own});
  settings.expires = one_of(std::array<Duration, 4>{30s, 60s, 120s, 300s}, random);
  settings.switching.heartbeat = one_of(std::array<Duration, 3>{10s, 20s, 30s}, random);
  settings.switching.return_after = one_of(std::array<Duration, 2>{30s, 15s}, random);
  const bool is_configured = random.below(4) == 0;
  const bool has_box = random.below(4) != 0;
  if (is_configured) {
    for (unsigned server = 1; server <= servers; ++server)
      settings.servers.push_back({settings.uplinks.front().transport, {bench::central_sip(server), bench::sip_port}});
    if (has_box) settings.servers.push_back({settings.uplinks.front().transport, {bench::box(), bench::sip_port}});
  }
  outcome_.accounts += accounts;
  outcome_.plan.push_back(fmt::format("agent{}: {} accounts, {}, expires {} s, heartbeat {} s, return after {} s, {}", number, accounts,
                                      transports == 1   ? "tcp"
                                      : transports == 2 ? "udp and tcp"
                                                        : "udp",
                                      settings.expires / 1s, settings.switching.heartbeat / 1s, settings.switching.return_after / 1s,
                                      is_configured ? fmt::format("{} servers configured", settings.servers.size()) : "servers by DNS"));
  return settings;
}

void AgentStory::draw_site(unsigned servers) {
  Random& random = world_.random;
  world_.lan.set_quality({0, 0, 200us, 1ms});
  wan_quality_ = {tenths(random, 5), tenths(random, 10), 5ms, random.between(5ms, 60ms)};
  const std::uint32_t ttl = one_of(std::array{30U, 60U, 300U}, random);
  dns_ = std::make_unique<CentralDns>(world_, servers, ttl);
  CentralRegistrar::Habits habits;
  habits.longest = one_of(std::array{60U, 120U, 600U}, random);
  habits.shortest = random.below(4) == 0 ? 45 : 0;
  habits.challenges = random.below(4) == 0;
  habits.retry_after = one_of(std::array{10U, 60U, 120U}, random);
  shares_books_ = random.below(2) == 0;
  const auto books = std::make_shared<CentralBooks>();
  for (unsigned number = 1; number <= servers; ++number)
    servers_.push_back(
        std::make_unique<CentralRegistrar>(world_, shares_books_ ? books : std::make_shared<CentralBooks>(), number, habits));
  outcome_.plan.push_back(fmt::format("{} central servers with {}, TTL {} s, registrations of {} to {} s, {}, Retry-After {} s", servers,
                                      shares_books_ ? "the same books" : "books of their own", ttl, habits.shortest, habits.longest,
                                      habits.challenges ? "challenges" : "no challenges", habits.retry_after));
}

void AgentStory::draw() {
  Random& random = world_.random;
  outcome_.seed = seed_;
  const unsigned servers = 1 + random.below(3);
  draw_site(servers);
  box_ = std::make_unique<Box>(world_, bench::settings(), checkers_);
  outcome_.agents = 1 + random.below(6);
  for (unsigned number = 1; number <= outcome_.agents; ++number) {
    const agent::Settings settings = draw_agent(number, servers);
    checkers_.know(number, settings);
    agents_.push_back(std::make_unique<AgentHost>(world_, number, settings, checkers_));
  }
  is_noisy_ = random.below(5) == 0;
  const Duration from = random.below(4) == 0 ? 0s : 60s;
  faults_ = draw_agent_faults(random, {from, healing_at}, servers, static_cast<unsigned>(outcome_.agents), is_noisy_);
  for (const AgentFault& fault : faults_) outcome_.plan.push_back(describe(fault));
}

AgentOutcome AgentStory::run() {
  apply();
  for (const AgentFault& fault : faults_) {
    world_.clock.at(start_of_time() + fault.from, [this, &fault] { begin(fault); });
    world_.clock.at(start_of_time() + fault.until, [this, &fault] { end(fault); });
  }
  box_->start();
  for (auto& each : agents_) {
    const bool late = world_.random.below(4) == 0;
    world_.clock.after(world_.random.between(0s, late ? Duration{300s} : Duration{20s}), [&each] { each->start(); });
  }
  every_second();
  world_.clock.run_until(start_of_time() + healing_at);
  heal();
  converge();
  stay_home();
  leave();
  outcome_.violations = checkers_.violations();
  outcome_.events = world_.clock.events_run();
  outcome_.registers = checkers_.registers();
  outcome_.longest_gap = checkers_.longest_gap();
  outcome_.ladder = world_.ladder.lines();
  return std::move(outcome_);
}

bool AgentStory::active(AgentFaultKind kind) const {
  return std::ranges::any_of(in_force_, [&](const AgentFault* one) { return one->kind == kind; });
}

bool AgentStory::active_at(AgentFaultKind kind, unsigned which) const {
  return std::ranges::any_of(in_force_, [&](const AgentFault* one) { return one->kind == kind && one->which == which; });
}

void AgentStory::begin(const AgentFault& fault) {
  world_.ladder.event(world_.clock.now(), "fault", fmt::format("{} ({}) begins", name(fault.kind), fault.which + 1));
  in_force_.push_back(&fault);
  if (fault.kind == AgentFaultKind::box_killed) box_->kill();
  if (fault.kind == AgentFaultKind::agent_killed) agent(fault.which).kill();
  if (fault.kind == AgentFaultKind::network_changed) agent(fault.which).network_changed();
  apply();
}

void AgentStory::end(const AgentFault& fault) {
  world_.ladder.event(world_.clock.now(), "fault", fmt::format("{} ({}) ends", name(fault.kind), fault.which + 1));
  std::erase(in_force_, &fault);
  if (fault.kind == AgentFaultKind::box_killed && !active(AgentFaultKind::box_killed)) box_->start();
  if (fault.kind == AgentFaultKind::agent_killed && !active_at(AgentFaultKind::agent_killed, fault.which)) agent(fault.which).start();
  apply();
}

void AgentStory::apply() {
  apply_links();
  apply_servers();
  checkers_.world_changed();
  look();
}

bool AgentStory::wan_is_down_in_flaps() const {
  return active(AgentFaultKind::wan_flaps) && (world_.clock.now() - start_of_time()) / 20s % 2 != 0;
}

void AgentStory::apply_links() {
  LineQuality quality = wan_quality_;
  if (active(AgentFaultKind::wan_noise)) quality = {0.2, 0.05, 10ms, 300ms};
  if (active(AgentFaultKind::wan_slow)) quality.delay_min = quality.delay_max = 500ms;
  world_.wan.set_quality(quality);
  Cut cut = Cut::none;
  if (active(AgentFaultKind::wan_refused)) cut = Cut::refused;
  if (active(AgentFaultKind::wan_silent) || wan_is_down_in_flaps()) cut = Cut::silent;
  world_.wan.set_cut(cut);
  if (cut == Cut::none && active(AgentFaultKind::wan_half_open_up)) world_.wan.up.cut = Cut::silent;
  if (cut == Cut::none && active(AgentFaultKind::wan_half_open_down)) world_.wan.down.cut = Cut::silent;
  world_.blocked.sip = active(AgentFaultKind::sip_dead);
  world_.blocked.dns = active(AgentFaultKind::dns_dead);
}

void AgentStory::apply_servers() {
  using Life = CentralRegistrar::Life;
  using Mood = CentralRegistrar::Mood;
  for (unsigned i = 0; i < servers_.size(); ++i) {
    const auto has = [&](AgentFaultKind kind) { return active_at(kind, i); };
    Life life = Life::up;
    if (has(AgentFaultKind::unplugged)) life = Life::unplugged;
    if (has(AgentFaultKind::powerless)) life = Life::powerless;
    if (has(AgentFaultKind::deserted)) life = Life::deserted;
    Mood mood = Mood::well;
    if (has(AgentFaultKind::deaf)) mood = Mood::deaf;
    if (has(AgentFaultKind::failing)) mood = Mood::failing;
    if (has(AgentFaultKind::busy)) mood = Mood::busy;
    if (has(AgentFaultKind::forbidding)) mood = Mood::forbidding;
    if (has(AgentFaultKind::confused)) mood = Mood::confused;
    servers_[i]->set(life, mood);
  }
}

AgentCheckers::Holders AgentStory::holders() {
  AgentCheckers::Holders holders;
  for (const auto& each : servers_) holders[each->endpoint().address] = each->users();
  auto& here = holders[bench::box()];
  if (!box_->running()) return holders;
  const auto registrations = box_->command(branch_device::GetRegistrations{});
  for (const auto& one : std::get<std::vector<branch_device::RegistrationReport>>(registrations)) here.insert(user_of(one.aor));
  return holders;
}

void AgentStory::look() {
  const bool way_is_open = world_.wan.up.cut == Cut::none && world_.wan.down.cut == Cut::none && !world_.blocked.sip;
  // A REGISTER of which all eleven copies are lost is no wonder in so many worlds: in noise a server is not said to take any.
  const bool is_noise = active(AgentFaultKind::wan_noise);
  std::vector<Place> places;
  for (const auto& each : servers_) {
    const bool reachable = way_is_open && each->life() == CentralRegistrar::Life::up;
    places.push_back({each->endpoint().address, reachable, reachable && !is_noise && each->takes_registrations(), {}, shares_books_});
  }
  places.push_back({bench::box(), box_->running(), box_->running(), {}, false});
  checkers_.look(std::move(places), holders());
}

void AgentStory::every_second() {
  if (!watching_) return;
  if (active(AgentFaultKind::wan_flaps)) {
    const Cut before = world_.wan.up.cut;
    apply_links();
    if (world_.wan.up.cut != before) checkers_.world_changed();
  }
  look();
  world_.clock.after(1s, [this] { every_second(); });
}

void AgentStory::heal() {
  world_.ladder.event(world_.clock.now(), "fault", "everything heals");
  in_force_.clear();
  wan_quality_ = {0, 0, 5ms, 20ms};
  apply();
  box_->start();
  for (auto& each : agents_) each->start();
}

bool AgentStory::all_home() {
  const auto home = servers_.front()->users();
  return home.size() == outcome_.accounts && checkers_.all_at(servers_.front()->endpoint().address);
}

void AgentStory::converge() {
  const Instant healed_at = world_.clock.now();
  Instant home_since = healed_at;
  while (world_.clock.now() < healed_at + converged_within) {
    world_.clock.run_until(world_.clock.now() + 1s);
    // Until the branch device has put itself last again, one may still go there.
    if (!all_home()) home_since = world_.clock.now();
    if (world_.clock.now() - home_since < settled_after) continue;
    outcome_.home_after = home_since - healed_at;
    world_.ladder.event(world_.clock.now(), "story", "all are home");
    return;
  }
  std::string where;
  for (const auto& each : agents_) where += " " + each->evidence();
  checkers_.broken(fmt::format("not converged {} s after the healing:{}", converged_within / 1s, where));
}

void AgentStory::stay_home() {
  const Instant until = world_.clock.now() + calm;
  while (world_.clock.now() < until) {
    world_.clock.run_until(world_.clock.now() + 10s);
    if (!all_home()) return checkers_.broken("an account left the first server, and nothing was broken (SWI-16)");
  }
  checkers_.judge_home(servers_.front()->endpoint().address, holders());
}

void AgentStory::leave() {
  watching_ = false;
  const Instant left_at = world_.clock.now();
  for (auto& each : agents_) each->leave();
  world_.clock.run_until(left_at + 40s);
  checkers_.judge_left(left_at, holders());
}

AgentOutcome run_agent_seed(std::uint64_t seed, Record record) { return AgentStory{seed, record}.run(); }

}  // namespace ringhold::sim
