#include "sim/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/bench_settings.hpp"

namespace ringhold::sim {

namespace {

constexpr Duration converged_within = 720s;
constexpr Duration silence = 400s;

double tenths(Random& random, std::uint32_t bound) { return random.below(bound) / 1000.0; }

}  // namespace

Story::Story(std::uint64_t seed, Record record, WorkerNumber minds)
    : seed_{seed},
      minds_{minds},
      world_{seed, from_unix_ms(1'800'000'000'000)},
      checkers_{world_},
      desk_{world_, seed + 4'000'003},
      counts_(std::to_underlying(FaultKind::last) + 1U, 0U) {
  if (record == Record::ladder) world_.ladder.enable(start_of_time());
  draw();
}

Story::~Story() = default;

void Story::draw() {
  Random& random = world_.random;
  outcome_.seed = seed_;
  const bool noisy_lan = random.below(4) == 0;
  world_.lan.set_quality({noisy_lan ? tenths(random, 20) : 0, noisy_lan ? tenths(random, 20) : 0, 200us, noisy_lan ? 5ms : 1ms});
  wan_quality_ = {tenths(random, 10), tenths(random, 10), 5ms, random.between(5ms, 60ms)};

  const unsigned servers = 1 + random.below(2);
  const std::uint32_t ttl = std::array{30U, 60U, 300U}[random.below(3)];
  dns_ = std::make_unique<CentralDns>(world_, servers, ttl);
  const std::uint32_t longest = std::array{60U, 120U, 600U}[random.below(3)];
  for (unsigned number = 1; number <= servers; ++number)
    servers_.push_back(std::make_unique<CentralServer>(world_, location_, number, longest));

  const unsigned count = 2 + random.below(5);
  for (unsigned number = 1; number <= count; ++number) {
    PhoneSettings settings;
    settings.number = number;
    settings.expires = std::array{60U, 120U, 300U, 3600U}[random.below(4)];
    settings.refresh = random.below(2) == 0 ? Refresh::stay : Refresh::from_top;
    settings.ring = random.between(200ms, 8s);
    settings.talk = random.between(1s, random.below(5) == 0 ? 200s : 30s);
    settings.transport = random.below(3) == 0 ? Transport::tcp : Transport::udp;
    outcome_.plan.push_back(fmt::format("user{}: {}, expires {} s, refresh {}", number, name(settings.transport), settings.expires,
                                        settings.refresh == Refresh::stay ? "where it is" : "from the top"));
    phones_.push_back(std::make_unique<Phone>(world_, settings, book_));
  }
  callers_ = phones_.size();
  box_ = std::make_unique<Box>(world_, draw_pushes(), jury_, minds_);
  jury_.add(checkers_);
  jury_.add(push_checkers_);
  if (pusher_) {
    pusher_->know(*box_);
    jury_.add(*pusher_);
  }
  if (noisy_lan) push_checkers_.expect_noise();
  if (random.below(3) == 0) {
    vandal_ = std::make_unique<Vandal>(world_, random.next());
    outcome_.plan.emplace_back("a vandal in the branch, and one outside");
  }
  faults_ = draw_faults(random, random.below(4) == 0 ? 0s : 30s, healing_at);
  outcome_.plan.push_back(fmt::format("{} central servers, TTL {} s, longest registration there {} s, LAN {}", servers, ttl, longest,
                                      noisy_lan ? "noisy" : "clean"));
  for (const Fault& fault : faults_) outcome_.plan.push_back(describe(fault));
}

Outcome Story::run() {
  apply_links();
  schedule_faults();
  schedule_restarts();
  checkers_.know(phones_);
  box_->start();
  set_ring_profiles();
  for (auto& each : phones_) {
    const bool late = world_.random.below(4) == 0;
    world_.clock.after(world_.random.between(0s, late ? Duration{300s} : Duration{20s}), [&each] { each->power_on(); });
  }
  if (vandal_) vandal_->begin();
  every_second();
  place_calls();
  begin_pushes();
  world_.clock.run_until(start_of_time() + healing_at);
  heal();
  converge();
  settle_pushes();
  fall_silent();
  checkers_.judge_calls(book_);
  checkers_.judge_requests();

  outcome_.violations = checkers_.violations();
  outcome_.events = world_.clock.events_run();
  outcome_.requests = checkers_.requests();
  outcome_.calls = book_.size();
  outcome_.calls_here =
      static_cast<std::size_t>(std::count_if(book_.begin(), book_.end(), [](const CallAttempt& a) { return a.both_here; }));
  outcome_.calls_half =
      static_cast<std::size_t>(std::count_if(book_.begin(), book_.end(), [](const CallAttempt& a) { return a.half_here; }));
  outcome_.ladder = world_.ladder.lines();
  return std::move(outcome_);
}

void Story::set_ring_profiles() {
  // Apart from the world's chance, so that the rest of a seed stays what it was.
  SeededRandom random{seed_ + 1'000'003};
  for (unsigned number = 1; number <= phones_.size(); ++number) {
    if (random.below(3) != 0) continue;
    branch_device::PutRing ring{fmt::format("user{}", number), {{{"ip-phone"}, 12}}, {}};
    if (random.below(2) == 0) ring.steps.insert(ring.steps.begin(), {{"pc-client"}, 5});
    if (random.below(2) == 0) ring.steps.push_back({{"mobile-client"}, 5});
    box_->command(ring);
  }
}

void Story::schedule_restarts() {
  // Apart from the world's chance, too.
  SeededRandom random{seed_ + 2'000'003};
  for (unsigned i = random.below(4); i > 0; --i) {
    const Instant at = start_of_time() + random.between(30s, healing_at);
    const auto which = static_cast<unsigned>(random.below(1'000));
    if (random.below(2) == 0) {
      world_.clock.at(at, [this, which] { caller(which).reload(); });
      continue;
    }
    // Both ends of a call at once, or one of them.
    const bool both = random.below(3) == 0;
    const Duration off = random.between(200ms, 20s);
    world_.clock.at(at, [this, both, off] { cut_power_in_a_call(both, off); });
  }
}

void Story::cut_power_in_a_call(bool both, Duration off) {
  for (auto attempt = book_.rbegin(); attempt != book_.rend(); ++attempt) {
    Phone& caller = phone(attempt->caller - 1);
    Phone& callee = phone(attempt->callee - 1);
    if (!attempt->both_here || !caller.has_call(attempt->call_id) || !callee.has_call(attempt->call_id)) continue;
    for (Phone* each :
         both ? std::vector<Phone*>{&caller, &callee} : std::vector<Phone*>{attempt->call_id.back() % 2 == 0 ? &caller : &callee}) {
      checkers_.watch_calls_of(each->settings().number, book_);
      checkers_.phone_power_changed(each->settings().number);
      each->power_off();
      world_.clock.after(off, [each] { each->power_on(); });
    }
    return;
  }
}

void Story::schedule_faults() {
  for (const Fault& fault : faults_) {
    world_.clock.at(start_of_time() + fault.from, [this, fault] { begin(fault); });
    world_.clock.at(start_of_time() + fault.until, [this, fault] { end(fault); });
  }
}

void Story::begin(const Fault& fault) {
  world_.ladder.event(world_.clock.now(), "fault", fmt::format("{} begins", name(fault.kind)));
  ++counts_[static_cast<std::size_t>(fault.kind)];
  if (fault.kind == FaultKind::box_killed) {
    if (box_->running()) {
      checkers_.box_killed(box_->kept_until());
      push_checkers_.box_killed(box_->kept_until());
    }
    box_->kill();
  }
  if (fault.kind == FaultKind::phone_rebooted) {
    checkers_.watch_calls_of(phone(fault.which).settings().number, book_);
    phone(fault.which).power_off();
    checkers_.phone_power_changed(phone(fault.which).settings().number);
  }
  apply_links();
  apply_servers();
}

void Story::end(const Fault& fault) {
  world_.ladder.event(world_.clock.now(), "fault", fmt::format("{} ends", name(fault.kind)));
  --counts_[static_cast<std::size_t>(fault.kind)];
  if (fault.kind == FaultKind::box_killed && !active(FaultKind::box_killed)) {
    box_->start();
    if (pusher_) pusher_->box_is_back();
  }
  if (fault.kind == FaultKind::phone_rebooted) phone(fault.which).power_on();
  apply_links();
  apply_servers();
}

bool Story::wan_up_now() const {
  if (!active(FaultKind::wan_flaps)) return true;
  return (world_.clock.now() - start_of_time()) / 20s % 2 == 0;
}

void Story::apply_links() {
  LineQuality quality = wan_quality_;
  if (active(FaultKind::wan_noise)) quality = {0.2, 0.05, 10ms, 300ms};
  if (active(FaultKind::wan_slow_dns)) quality.delay_min = quality.delay_max = 500ms;
  world_.wan.set_quality(quality);
  Cut cut = Cut::none;
  if (active(FaultKind::wan_refused)) cut = Cut::refused;
  if (active(FaultKind::wan_silent) || !wan_up_now()) cut = Cut::silent;
  world_.wan.set_cut(cut);
  if (cut == Cut::none && active(FaultKind::wan_half_open_up)) world_.wan.up.cut = Cut::silent;
  if (cut == Cut::none && active(FaultKind::wan_half_open_down)) world_.wan.down.cut = Cut::silent;
  world_.blocked.sip = active(FaultKind::sip_dead);
  world_.blocked.dns = active(FaultKind::dns_dead);
  box_->set_disk(!active(FaultKind::disk_fails));
}

void Story::apply_servers() {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const bool dead = active(FaultKind::all_servers_dead) || (i == 0 && active(FaultKind::first_server_dead));
    if (dead)
      world_.detach(servers_[i]->endpoint().address);
    else
      world_.attach(servers_[i]->endpoint().address, *servers_[i]);
  }
}

void Story::every_second() {
  if (!watching_) return;
  if (active(FaultKind::wan_flaps)) apply_links();
  Checkers::Situation situation{};
  const bool any_cut = world_.wan.up.cut != Cut::none || world_.wan.down.cut != Cut::none;
  const bool no_server = active(FaultKind::all_servers_dead) || (servers_.size() == 1 && active(FaultKind::first_server_dead));
  situation.site_dead = any_cut || world_.blocked.sip || no_server;
  situation.site_well = std::all_of(counts_.begin(), counts_.end(), [](unsigned count) { return count == 0; });
  situation.box_since = box_->started_at();
  situation.mode = box_->mode();
  checkers_.look(situation);
  checkers_.judge_releases();
  look_at_pushes();
  world_.clock.after(1s, [this] { every_second(); });
}

bool Story::registered_here(const Phone& phone) const {
  // A binding that ends while the first INVITE may be lost promises nothing.
  return phone.registered_at() == Endpoint{bench::box(), bench::sip_port} && phone.registered_until() > world_.clock.now() + 5s;
}

void Story::place_calls() {
  if (!calling_) return;
  Random& random = world_.random;
  Phone& caller = this->caller(random.below(1'000));
  Phone& callee = this->caller(random.below(1'000));
  if (&caller != &callee) {
    std::optional<Duration> cancel_after;
    if (random.below(5) == 0) cancel_after = random.between(0ms, 6s);
    if (const auto entry = caller.call(callee.settings().number, cancel_after)) {
      book_[*entry].both_here = registered_here(caller) && registered_here(callee);
      book_[*entry].half_here = registered_here(caller) && callee.registered_at() && !registered_here(callee);
    }
  }
  // A phone in a call is not sent home (S5), so some time after the healing they must stop.
  const Instant last = start_of_time() + healing_at + 300s;
  const Instant next =
      world_.clock.now() + (world_.clock.now() < start_of_time() + healing_at ? random.between(1s, 8s) : random.between(5s, 40s));
  if (next < last) world_.clock.at(next, [this] { place_calls(); });
}

void Story::heal() {
  world_.ladder.event(world_.clock.now(), "fault", "everything heals");
  std::fill(counts_.begin(), counts_.end(), 0U);
  wan_quality_ = {0, 0, 5ms, 20ms};
  world_.lan.set_quality({0, 0, 200us, 1ms});
  apply_links();
  apply_servers();
  if (vandal_) vandal_->end();
  box_->start();
  for (auto& each : phones_) each->power_on();
}

bool Story::all_home() {
  const bool phones_home = std::all_of(phones_.begin(), phones_.end(), [](const auto& each) {
    const auto at = each->registered_at();
    return at && !bench::is_branch(at->address);
  });
  if (!phones_home || !box_->running()) return false;
  const auto status = box_->status();
  if (status.mode != box_->mode()) checkers_.broken("mode " + status.mode + " was never told");
  return status.mode == "normal" && status.registrations == 0;
}

void Story::converge() {
  const Instant healed_at = world_.clock.now();
  while (world_.clock.now() < healed_at + converged_within) {
    world_.clock.run_until(world_.clock.now() + 1s);
    if (!all_home()) continue;
    outcome_.home_after = world_.clock.now() - healed_at;
    world_.ladder.event(world_.clock.now(), "story", "all are home");
    return;
  }
  const auto status = box_->status();
  std::string where;
  for (const auto& each : phones_)
    where += fmt::format(" {} at {}", each->user(), each->registered_at() ? each->registered_at()->text() : "nowhere");
  checkers_.broken(fmt::format("not converged {} s after the healing: mode {}, {} registrations here,{}; {}", converged_within / 1s,
                               status.mode, status.registrations, where, status.evidence));
}

void Story::fall_silent() {
  checkers_.judge_dns(phones_, world_.lan.up.quality.loss == 0);
  calling_ = false;
  world_.clock.run_until(world_.clock.now() + 260s);  // the longest call ends
  for (auto& each : phones_) each->power_off();
  world_.clock.run_until(world_.clock.now() + silence);
  watching_ = false;
  const auto status = box_->status();
  if (status.calls != 0) checkers_.broken(fmt::format("{} calls are left when all is quiet", status.calls));
  if (status.registrations != 0) checkers_.broken(fmt::format("{} registrations are left when all is quiet", status.registrations));
  // The probes go on: for each server one over TCP, one over UDP, and the last one of that in its Timer K.
  const double transactions = box_->metric("ringhold_sip_transactions");
  if (transactions > static_cast<double>(3 * servers_.size()))
    checkers_.broken(fmt::format("{} transactions are left when all is quiet", transactions));
}

Outcome run_seed(std::uint64_t seed, Record record, WorkerNumber minds) { return Story{seed, record, minds}.run(); }

}  // namespace ringhold::sim
