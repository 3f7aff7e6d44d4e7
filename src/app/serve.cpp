#include "app/serve.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <vector>

#include "app/service.hpp"
#include "app/settings_file.hpp"
#include "app/toml_section.hpp"
#include "base/hash.hpp"
#include "branch_device/branch_device.hpp"
#include "branch_device/team.hpp"
#include "shell/http/api.hpp"
#include "shell/net/hand_over.hpp"
#include "shell/net/sockets.hpp"
#include "shell/net/system_random.hpp"
#include "shell/net/worker.hpp"
#include "shell/observe/log.hpp"
#include "shell/store/writer.hpp"

namespace ringhold::app {

namespace {

constexpr std::chrono::milliseconds patience{2'000};
constexpr int exit_failed = 1;
constexpr int exit_invalid_configuration = 3;

/// The mind of `ringhold serve` as the worker wants it.
class ServingMind final : public net::Mind {
 public:
  ServingMind(const branch_device::Settings& settings, Random& random, const Team& team) : device_{settings, random, team} {}
  branch_device::BranchDevice& device() { return device_; }
  void start(Instant now, Outbox& outbox) override { device_.start(now, outbox); }
  void receive(const Packet& packet, Instant now, Outbox& outbox) override { device_.receive(packet, now, outbox); }
  void expire(Instant now, Outbox& outbox) override { device_.expire(now, outbox); }
  void connection_changed(const FlowChange& change, Instant now, Outbox& outbox) override {
    device_.connection_changed(change, now, outbox);
  }
  void told(const Word& word, Instant now, Outbox& outbox) override { device_.told(word, now, outbox); }
  std::optional<Instant> next_expiry() const override { return device_.next_expiry(); }

 private:
  branch_device::BranchDevice device_;
};

/// Where the sinks of all workers lead.
struct Sinks {
  enum class Changes : bool { drop, keep };
  observe::Log& log;
  store::Writer& writer;
  http::Server& server;
  Changes changes;
};

/// Of one worker: notes to the log, changes and what is promised of them to the store's thread, what is settled to who waits for it.
class ServingSink final : public net::Sink {
 public:
  ServingSink(const Sinks& sinks, WorkerNumber worker) : sinks_{sinks}, worker_{worker} {}
  void take(Outbox& outbox) override {
    sinks_.log.write(outbox);
    std::optional<store::Promise> promise;
    if (outbox.promised()) promise = store::Promise{worker_, *outbox.promised()};
    if (promise || !outbox.changes().empty()) sinks_.writer.put(outbox.changes(), promise);
    for (const Text& id : outbox.settled()) sinks_.server.settled(id);
  }
  bool keeps_changes() const override { return sinks_.changes == Sinks::Changes::keep; }

 private:
  Sinks sinks_;
  WorkerNumber worker_;
};

void print_errors(const std::vector<SettingError>& errors) {
  for (const SettingError& error : errors) fmt::print(stderr, "{}\n", error.text());
}

/// A worker and what is its alone.
struct Serving {
  Serving(const Configuration& configuration, const net::Listening& listening, const Sinks& sinks, const net::RunningClock& clock,
          const net::Post& post)
      : sink{sinks, post.team.number},
        mind{configuration.branch, random, post.team},
        worker{listening, mind, sink, socket_random, clock, post} {}

  net::SystemRandom random;
  net::SystemRandom socket_random;
  ServingSink sink;
  ServingMind mind;
  net::Worker worker;
};

/// Everything that runs, in the order in which it has to be made; ended in the opposite order.
struct Running {
  Running(const Configuration& given, Severity least)
      : configuration{given},
        log{least},
        writer{given.store_path, log, [this](const store::Promise& promise) { tell_kept(promise); }},
        hand_over{given.workers},
        server{given.http, given.http_token, [this](const http::Request& request) { return http::handle(program, request); }} {
    hire(given);
    program.version = RINGHOLD_VERSION;
    program.ask = [this](const branch_device::Command& command, branch_device::Answer& answer, net::Counters& counters) {
      return ask(command, answer, counters);
    };
    program.keep = [this] { return writer.sync(patience); };
    program.store = [this] { return writer.state(); };
    program.log_dropped = [this] { return log.dropped(); };
  }

  /// Threads that know each other end before any of them is gone.
  ~Running() { end(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// The first one opens the listeners as configured; the others share its places, but for DNS.
  void hire(const Configuration& given) {
    const std::uint64_t secret = net::SystemRandom{}.next() | 1U;
    const Sinks sinks{log, writer, server, given.store_path.empty() ? Sinks::Changes::drop : Sinks::Changes::keep};
    for (WorkerNumber number = 0; number < given.workers; ++number) {
      const net::Post post{{number, given.workers, given.workers > 1 ? secret : 0}, given.workers > 1 ? &hand_over : nullptr};
      net::Listening listening = workers.empty() ? given.listening : workers.front()->worker.listening();
      if (!workers.empty()) listening.dns.clear();
      workers.push_back(std::make_unique<Serving>(given, listening, sinks, clock, post));
    }
  }

  void start() {
    const auto rows = writer.load();
    for (const auto& one : workers) one->mind.device().restore(rows, clock.now());
    writer.start();
    for (const auto& one : workers) one->worker.start();
    server.start();
  }

  /// The workers answer between two batches; one that does not within two seconds is reported, not waited for.
  bool ask(const branch_device::Command& command, branch_device::Answer& answer, net::Counters& counters) {
    const auto only = branch_device::worker_for(command, configuration.branch, {0, configuration.workers});
    const auto until = std::chrono::steady_clock::now() + patience;
    std::vector<std::future<Told>> answers;
    for (std::size_t number = 0; number < workers.size(); ++number)
      if (!only || *only == number) answers.push_back(ask_one(*workers[number], command));
    bool first = true;
    for (auto& awaited : answers) {
      if (awaited.wait_until(until) != std::future_status::ready) return false;
      Told told = awaited.get();
      answer = first ? std::move(told.answer) : branch_device::merged(std::move(answer), std::move(told.answer));
      counters = first ? told.counters : counters + told.counters;
      first = false;
    }
    return true;
  }

  /// In the store's thread: what a mind was promised is on disk.
  void tell_kept(const store::Promise& promise) {
    Serving& one = *workers.at(promise.worker);
    one.worker.run([&one, up_to = promise.up_to](Instant now, Outbox& outbox, const net::Counters&) {
      one.mind.device().committed(up_to, now, outbox);
    });
  }

  void stop() {
    log.write({"stopping", {}});
    end();
    log.flush();
  }

  void end() {
    server.stop();
    for (const auto& one : workers) one->worker.stop();
    writer.stop();
  }

  struct Told {
    branch_device::Answer answer;
    net::Counters counters;
  };
  static std::future<Told> ask_one(Serving& one, const branch_device::Command& command) {
    struct Waiting {
      Told told;
      std::promise<Told> ready;
    };
    const auto waiting = std::make_shared<Waiting>();
    one.worker.run([&one, command, waiting](Instant now, Outbox& outbox, const net::Counters& at_present) {
      waiting->told = {one.mind.device().command(command, now, outbox), at_present};
    });
    // A step of its own: by then what the first one changed is with the writer.
    one.worker.run([waiting](Instant, Outbox&, const net::Counters&) { waiting->ready.set_value(std::move(waiting->told)); });
    return waiting->ready.get_future();
  }

  Configuration configuration;
  net::RunningClock clock;
  observe::Log log;
  store::Writer writer;
  net::HandOver hand_over;
  std::vector<std::unique_ptr<Serving>> workers;
  http::Program program;
  http::Server server;
};

void remark(Running& running) {
  for (const std::string& text : running.configuration.remarks) running.log.write({"settings_remark", {{"text", text}}, Severity::warning});
}

void announce(Running& running) {
  const auto& listening = running.workers.front()->worker.listening();
  for (const Target& sip : listening.sip) fmt::print("SIP          {}\n", sip.text());
  for (const Endpoint& dns : listening.dns) fmt::print("DNS          {} (UDP and TCP)\n", dns.text());
  fmt::print("status page  http://{}/\n", running.server.endpoint().text());
  std::fflush(stdout);
  const auto& branch = running.configuration.branch.branch;
  running.log.write(
      {"started", {{"version", RINGHOLD_VERSION}, {"domain", branch.domain}, {"name", branch.name}, {"file", running.configuration.file}}});
  remark(running);
}

/// A bad file changes nothing: what was read before stays in use, and stays what SRV answers go by.
void reload_certificate(Running& running, Configuration& read) {
  if (!read.listening.tls) return;
  std::vector<net::TlsContext> contexts;
  for (std::size_t i = 0; i < running.workers.size(); ++i) {
    auto context = net::TlsContext::load(*read.listening.tls);
    if (context) {
      contexts.push_back(std::move(*context));
      continue;
    }
    running.log.write({"tls_certificate_refused", {{"error", context.error()}, {"effect", "nothing changed"}}, Severity::error});
    read.branch.sip.certificate_serves_domain = running.configuration.branch.sip.certificate_serves_domain;
    return;
  }
  for (std::size_t i = 0; i < contexts.size(); ++i) running.workers[i]->worker.renew(std::move(contexts[i]));
  running.log.write({"tls_certificate_read", {{"file", read.listening.tls->certificate}}});
}

void reload(Running& running) {
  auto read = read_settings(running.configuration.file, look_around());
  if (!read) {
    for (const SettingError& error : read.error())
      running.log.write({"settings_refused", {{"error", error.text()}, {"effect", "nothing changed"}}, Severity::error});
    return;
  }
  const net::Listening& before = running.configuration.listening;
  if (read->listening.sip != before.sip || read->listening.dns != before.dns || !(read->listening.web_origins == before.web_origins) ||
      read->listening.tls.has_value() != before.tls.has_value() || read->http != running.configuration.http ||
      read->workers != running.configuration.workers || read->store_path != running.configuration.store_path ||
      read->http_token != running.configuration.http_token)
    running.log.write({"settings_need_restart",
                       {{"keys", "sip.listen, sip.workers, sip.web_origins, dns.listen, http.listen, http.token_file, store.url"}},
                       Severity::warning});
  reload_certificate(running, *read);
  running.configuration.branch = read->branch;
  running.configuration.remarks = read->remarks;
  for (const auto& one : running.workers)
    one->worker.run([&one = *one, settings = read->branch](Instant now, Outbox& outbox, const net::Counters&) {
      one.mind.device().reconfigure(settings, now, outbox);
    });
  running.log.write({"settings_read", {{"file", running.configuration.file}}, Severity::info});
  remark(running);
}

/// Schedules go by the clock on the wall, which may be set while the program runs: a box without a clock of its own has the
/// wrong time until it hears of NTP.
void follow_clock(Running& running, Duration& told) {
  const Duration ahead = running.clock.ahead();
  if (std::chrono::abs(ahead - told) < 1s) return;
  told = ahead;
  running.log.write({"clock_set", {{"ahead_s", ahead / 1s}}, Severity::info});
  for (const auto& one : running.workers)
    one->worker.run([&one = *one, ahead](Instant now, Outbox& outbox, const net::Counters&) {
      (void)one.mind.device().command(branch_device::SetClock{ahead}, now, outbox);
    });
}

}  // namespace

int serve(const std::string& settings_file, Severity least_severity) {
  net::SystemRandom chance;
  hash_key = {chance.next(), chance.next()};  // decision 0011
  const auto configuration = read_settings(settings_file, look_around());
  if (!configuration) {
    print_errors(configuration.error());
    return exit_invalid_configuration;
  }
  try {
    std::signal(SIGPIPE, SIG_IGN);
    net::raise_file_limit();
    Running running{*configuration, least_severity};
    running.start();
    announce(running);
    Duration clock_ahead{};
    run({.reload = [&] { reload(running); },
         .is_alive =
             [&] {
               branch_device::Answer answer;
               net::Counters counters;
               return running.ask(branch_device::GetCalls{}, answer, counters);
             },
         .look_around = [&] { follow_clock(running, clock_ahead); }});
    running.stop();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "ringhold: {}\n", failure.what());
    return exit_failed;
  }
  return 0;
}

}  // namespace ringhold::app
