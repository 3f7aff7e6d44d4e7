#include "app/agent_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <future>
#include <memory>
#include <thread>

#include "agent/agent.hpp"
#include "app/service.hpp"
#include "app/settings_file.hpp"
#include "app/toml_section.hpp"
#include "base/hash.hpp"
#include "shell/net/sockets.hpp"
#include "shell/net/system_random.hpp"
#include "shell/net/worker.hpp"
#include "shell/observe/log.hpp"
#include "shell/store/writer.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

constexpr Duration looks_at_interfaces = 5s;
constexpr std::chrono::milliseconds between_looks{20};
constexpr Duration patience_for_answer = 5s;

/// The mind of `ringhold agent` as the worker wants it. It is made when the sockets are open: only then are their ports known.
class AgentMind final : public net::Mind {
 public:
  void make(const agent::Settings& settings, Random& random) { agent_.emplace(settings, random); }
  agent::Agent& agent() { return *agent_; }
  void start(Instant now, Outbox& outbox) override { agent_->start(now, outbox); }
  void receive(const Packet& packet, Instant now, Outbox& outbox) override { agent_->receive(packet, now, outbox); }
  void expire(Instant now, Outbox& outbox) override { agent_->expire(now, outbox); }
  void connection_changed(const FlowChange& change, Instant now, Outbox& outbox) override {
    agent_->connection_changed(change, now, outbox);
  }
  std::optional<Instant> next_expiry() const override { return agent_->next_expiry(); }

 private:
  std::optional<agent::Agent> agent_;
};

/// Notes to the log, rows to the store's thread, pushed content to the handler's.
class AgentSink final : public net::Sink {
 public:
  AgentSink(observe::Log& log, store::Writer& writer, process::Handler& handler) : log_{log}, writer_{writer}, handler_{handler} {}
  void take(Outbox& outbox) override {
    log_.write(outbox);
    if (!outbox.changes().empty()) writer_.put(outbox.changes());
    for (Outbox::HandOut& content : outbox.hand_outs()) handler_.take(std::move(content));
  }

 private:
  observe::Log& log_;
  store::Writer& writer_;
  process::Handler& handler_;
};

/// With the ports that the sockets got.
agent::Settings bound(agent::Settings settings, const net::Listening& listening) {
  // Of the sockets those of the uplinks come first.
  for (Target& uplink : settings.uplinks) {
    if (uplink.endpoint.port != Port{0}) continue;
    const auto open = std::ranges::find_if(listening.sip, [&](const Target& one) {
      return one.transport == uplink.transport && one.endpoint.address == uplink.endpoint.address;
    });
    if (open != listening.sip.end()) uplink.endpoint.port = open->endpoint.port;
  }
  return settings;
}

/// Everything that runs, in the order in which it has to be made; ended in the opposite order.
struct Running {
  Running(const AgentConfiguration& configuration, Severity least)
      : log{least},
        writer{configuration.store_path, log},
        handler{configuration.handler, [this](std::uint64_t id, const agent::HandlerOutcome& outcome) { handled(id, outcome); }},
        sink{log, writer, handler},
        worker{configuration.listening, mind, sink, socket_random, clock} {
    agent::Settings settings = bound(configuration.mind, worker.listening());
    for (Target& uplink : settings.uplinks)
      if (is_secure(uplink.transport)) sources.push_back(net::open_source(uplink.endpoint, "agent.uplink"));
    mind.make(settings, random);
  }
  ~Running() { end(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void start() {
    mind.agent().restore(writer.load());
    writer.start();
    worker.start();
  }
  void end() {
    handler.stop();
    worker.stop();
    writer.stop();
  }

  /// In the handler's thread.
  void handled(std::uint64_t id, const agent::HandlerOutcome& outcome) {
    worker.run([this, id, outcome](Instant now, Outbox& outbox, const net::Counters&) { mind.agent().handled(id, outcome, now, outbox); });
  }

  /// A step of the mind, and what it gives; waited for.
  template <typename Ask>
  auto ask(Ask ask) {
    using Answer = decltype(ask(mind.agent(), Instant{}, std::declval<Outbox&>()));
    const auto ready = std::make_shared<std::promise<Answer>>();
    auto answer = ready->get_future();
    worker.run([this, ready, ask](Instant now, Outbox& outbox, const net::Counters&) { ready->set_value(ask(mind.agent(), now, outbox)); });
    return answer.get();
  }
  agent::Report report() {
    return ask([](agent::Agent& agent, Instant now, Outbox&) { return agent.report(now); });
  }

  net::RunningClock clock;
  net::SystemRandom random;
  net::SystemRandom socket_random;
  observe::Log log;
  store::Writer writer;
  process::Handler handler;
  AgentSink sink;
  AgentMind mind;
  net::Worker worker;
  std::vector<net::FileDescriptor> sources;  ///< hold the ports that connections over TLS leave from
};

std::optional<AgentConfiguration> agent_configuration(const std::string& settings_file) {
  auto configuration = read_agent_settings(settings_file, look_around());
  if (configuration) return std::move(*configuration);
  for (const SettingError& error : configuration.error()) fmt::print(stderr, "{}\n", error.text());
  return std::nullopt;
}

void prepare() {
  net::SystemRandom chance;
  hash_key = {chance.next(), chance.next()};  // decision 0011
  std::signal(SIGPIPE, SIG_IGN);
  net::raise_file_limit();
}

/// Whether the machine has other addresses than before: a link came up, or DHCP gave another one.
bool has_moved(std::vector<Surroundings::Interface>& known) {
  auto present = look_around().interfaces;
  const auto same = [](const Surroundings::Interface& a, const Surroundings::Interface& b) {
    return a.name == b.name && a.address == b.address && a.prefix == b.prefix;
  };
  const bool moved = !std::ranges::equal(present, known, same);
  known = std::move(present);
  return moved;
}

double milliseconds(Duration duration) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) / 1'000;
}

json::value microseconds(const std::optional<Duration>& duration) {
  // Not in braces: those would make an array of it.
  return duration ? json::value(std::chrono::duration_cast<std::chrono::microseconds>(*duration).count()) : json::value();
}

bool is_registered(const agent::AccountReport& account) { return account.server.has_value(); }

/// What an account's last answer was, for people: "200", "timeout", "403".
std::string said(const agent::Outcome& last) { return last.status != 0 ? std::to_string(last.status) : std::string{name(last.why)}; }

json::object to_json(const agent::Report& report) {
  json::array accounts;
  for (const auto& one : report.accounts) {
    json::array servers;
    for (const Target& server : one.servers) servers.emplace_back(server.text());
    accounts.push_back({{"aor", one.aor},
                        {"registered", is_registered(one)},
                        {"server", one.last.server.endpoint.address.is_unspecified() ? json::value() : json::value(one.last.server.text())},
                        {"why", name(one.last.why)},
                        {"status", one.last.status},
                        {"register_us", microseconds(one.last.took)},
                        {"expires_in", seconds_ceil(one.expires_in)},
                        {"servers", std::move(servers)}});
  }
  json::array servers;
  for (const auto& one : report.servers)
    servers.push_back({{"server", one.server.text()},
                       {"accounts", one.accounts},
                       {"connect_us", microseconds(one.connected_in)},
                       {"options_us", microseconds(one.answered_in)}});
  return {{"registered", std::ranges::all_of(report.accounts, is_registered)},
          {"resolved", report.is_resolved},
          {"dns_us", microseconds(report.resolved_in)},
          {"accounts", std::move(accounts)},
          {"servers", std::move(servers)}};
}

void print(const agent::Report& report) {
  if (report.resolved_in)
    fmt::print("DNS        {:.1f} ms, {}\n", milliseconds(*report.resolved_in), report.is_resolved ? "servers found" : "no server found");
  for (const auto& one : report.servers) {
    if (one.connected_in) fmt::print("connect    {}  {:.1f} ms\n", one.server.text(), milliseconds(*one.connected_in));
    if (one.answered_in) fmt::print("OPTIONS    {}  {:.1f} ms\n", one.server.text(), milliseconds(*one.answered_in));
  }
  for (const auto& one : report.accounts) {
    if (is_registered(one))
      fmt::print("REGISTER   {}  {}  {}  {:.1f} ms, for {} s\n", one.aor, one.server->text(), said(one.last), milliseconds(one.last.took),
                 seconds_ceil(one.expires_in));
    else
      fmt::print("REGISTER   {}  FAILED: {}\n", one.aor, said(one.last));
  }
}

}  // namespace

int run_agent(const std::string& settings_file, Severity least_severity) {
  const auto configuration = agent_configuration(settings_file);
  if (!configuration) return invalid_configuration;
  prepare();
  try {
    Running running{*configuration, least_severity};
    running.start();
    running.log.write({"agent_started",
                       {{"version", RINGHOLD_VERSION},
                        {"accounts", configuration->mind.accounts.size()},
                        {"domain", configuration->mind.domain},
                        {"file", configuration->file}}});
    auto interfaces = look_around().interfaces;
    run({.reload = {},
         .is_alive = [&] { return !running.report().accounts.empty(); },
         .pace = looks_at_interfaces,
         .look_around =
             [&] {
               if (!has_moved(interfaces)) return;
               running.log.write({"network_changed", {}});
               running.worker.run(
                   [&](Instant now, Outbox& outbox, const net::Counters&) { running.mind.agent().network_changed(now, outbox); });
             }});
    running.log.write({"stopping", {}});
    running.end();
    running.log.flush();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "ringhold: {}\n", failure.what());
    return failed;
  }
  return done;
}

int agent_once(const Asking& asking, Duration patience) {
  auto configuration = agent_configuration(asking.settings_file);
  if (!configuration) return invalid_configuration;
  // Another device than the agent that may run beside it: its numbers are its own, and its registration does not stay.
  configuration->store_path.clear();
  configuration->mind.listen.clear();
  configuration->mind.push = {};
  for (Target& uplink : configuration->mind.uplinks) uplink.endpoint.port = Port{0};
  configuration->listening.sip.clear();
  for (const Target& uplink : configuration->mind.uplinks)
    if (!is_secure(uplink.transport)) configuration->listening.sip.push_back(uplink);
  configuration->listening.sip_keys.assign(configuration->listening.sip.size(), "agent.uplink");
  prepare();
  try {
    Running running{*configuration, Severity::error};
    running.start();
    const auto wait_until = [&](auto condition, Duration most) {
      const auto end = std::chrono::steady_clock::now() + most;
      while (!condition() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(between_looks);
    };
    const auto has_ended = [](const agent::AccountReport& one) {
      return is_registered(one) || (one.state == switching::State::waiting && one.last.why != agent::Why::none);
    };
    wait_until([&] { return std::ranges::all_of(running.report().accounts, has_ended); }, patience);
    for (const auto& server : running.report().servers) {
      if (server.accounts == 0) continue;
      running.ask([&](agent::Agent& agent, Instant now, Outbox& outbox) { return agent.probe(server.server, now, outbox), true; });
    }
    wait_until(
        [&] { return std::ranges::all_of(running.report().servers, [](const auto& one) { return one.accounts == 0 || one.answered_in; }); },
        patience_for_answer);
    const agent::Report report = running.report();
    running.ask([](agent::Agent& agent, Instant now, Outbox& outbox) { return agent.leave(now, outbox), true; });
    wait_until([&] { return running.ask([](agent::Agent& agent, Instant, Outbox&) { return agent.is_idle(); }); }, patience_for_answer);
    running.end();
    if (asking.json)
      print_json(to_json(report));
    else
      print(report);
    return std::ranges::all_of(report.accounts, is_registered) ? done : failed;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "ringhold: {}\n", failure.what());
    return failed;
  }
}

}  // namespace ringhold::app
