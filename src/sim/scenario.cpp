#include "sim/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <list>
#include <sstream>
#include <utility>

#include "base/text.hpp"
#include "sim/bench_settings.hpp"

namespace ringhold::sim {

namespace {

constexpr Port dns_client_port{35353};

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::istringstream in{std::string{line}};
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::uint16_t type_number(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, std::uint16_t>, 7> types{
      {{"A", 1}, {"NS", 2}, {"SOA", 6}, {"TXT", 16}, {"AAAA", 28}, {"SRV", 33}, {"NAPTR", 35}}};
  for (const auto& [name, number] : types)
    if (name == type) return number;
  return 255;
}

std::string rcode_name(unsigned rcode) {
  constexpr std::array<std::string_view, 6> names{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  return rcode < names.size() ? std::string{names[rcode]} : std::to_string(rcode);
}

/// "NOERROR: SRV 10 60 5060 sip1.example.test, SRV ...": what an answer looks like in a scenario.
std::string written(const DnsMessage& answer) {
  std::string text = rcode_name(answer.rcode);
  std::string_view separator = ": ";
  for (const DnsRecord& record : answer.answers) {
    text.append(separator);
    if (record.type == dns_srv)
      text += fmt::format("SRV {} {} {} {}", record.priority, record.weight, record.port, record.target);
    else
      text += fmt::format("A {}", record.address.text());
    separator = ", ";
  }
  return text;
}

}  // namespace

/// A host that only hears, and says what the scenario says.
class Scenario::ScriptedHost final : public Host {
 public:
  explicit ScriptedHost(const Address& address) : address_{address} {}
  void receive(const Datagram& datagram) override { heard_.push_back(datagram); }
  void unreachable(const Endpoint&, const Endpoint&) override {}
  void connection_changed(Streams::Id, const Endpoint&, const Endpoint&, ConnectionState) override {}

  Endpoint sip() const { return {address_, bench::sip_port}; }
  Endpoint dns() const { return {address_, dns_client_port}; }
  std::list<Datagram> heard_;
  Address address_;
};

Scenario::Scenario(std::string_view text) : world_{1, from_unix_ms(1'800'000'000'000)} {
  world_.ladder.enable(world_.clock.now());
  read(text);
}

Scenario::~Scenario() = default;

void Scenario::read(std::string_view text) {
  unsigned number = 0;
  Line* last = nullptr;
  while (!text.empty()) {
    const auto eol = text.find('\n');
    const std::string_view line = text.substr(0, eol);
    text = eol == std::string_view::npos ? std::string_view{} : text.substr(eol + 1);
    ++number;
    if (line.starts_with('#')) continue;
    if (line.empty()) {
      last = nullptr;
      continue;
    }
    if (line.front() == ' ' && last != nullptr) {
      last->details.emplace_back(trimmed(line));
      continue;
    }
    Line parsed;
    parsed.number = number;
    parsed.words = words_of(line);
    const bool is_given = parsed.words.front() == "given";
    if (!is_given) {
      double seconds = 0;
      if (parsed.words.size() > 1) std::from_chars(parsed.words[1].data(), parsed.words[1].data() + parsed.words[1].size(), seconds);
      parsed.at = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
      if (parsed.words.front() != "at" || parsed.words.size() < 3) wrong(parsed, "not understood");
    }
    if (const auto gets = line.find(" gets "); gets != std::string_view::npos) parsed.rest = std::string{trimmed(line.substr(gets + 6))};
    auto& into = is_given ? given_ : steps_;
    into.push_back(std::move(parsed));
    last = &into.back();
  }
}

void Scenario::wrong(const Line& line, std::string what) { wrong_.push_back(fmt::format("line {}: {}", line.number, what)); }

void Scenario::box_spins() { wrong_.emplace_back("the timers of the box spin"); }

std::vector<std::string> Scenario::run() {
  if (!wrong_.empty()) return wrong_;
  unsigned servers = 2;
  for (const Line& line : given_)
    if (line.words.size() > 2 && line.words[1] == "servers") servers = parse_number(line.words[2]).value_or(2);
  dns_ = std::make_unique<CentralDns>(world_, servers, 300);
  for (unsigned number = 1; number <= servers; ++number)
    servers_.push_back(std::make_unique<CentralServer>(world_, location_, number, 3600));
  box_ = std::make_unique<Box>(world_, bench::settings(), *this);
  for (const Line& line : given_) set_up(line);
  for (const Line& line : steps_) {
    if (line.words.size() > 3 && Address::parse(line.words[2])) host(line.words[2]);
  }
  box_->start();
  const Instant begin = world_.clock.now();
  for (const Line& line : steps_) {
    world_.clock.run_until(begin + line.at);
    perform(line);
  }
  return wrong_;
}

void Scenario::set_up(const Line& line) {
  if (line.words.size() < 3) return wrong(line, "not understood");
  if (line.words[1] != "servers") change_place(line, line.words[1], line.words[2]);
}

void Scenario::change_place(const Line& line, std::string_view place, std::string_view state) {
  if (place == "wan") {
    world_.wan.set_cut(state == "silent" ? Cut::silent : state == "refused" ? Cut::refused : Cut::none);
  } else if (place == "upstream") {
    world_.blocked.dns = state == "silent";
  } else if (place == "central") {
    world_.blocked.sip = state == "silent";
  } else {
    wrong(line, "no such place: " + std::string{place});
  }
}

Scenario::ScriptedHost& Scenario::host(std::string_view address) {
  const Address key = *Address::parse(address);
  auto& known = hosts_[key];
  if (!known) {
    known = std::make_unique<ScriptedHost>(key);
    world_.attach(key, *known);
  }
  return *known;
}

void Scenario::perform(const Line& line) {
  const std::string& subject = line.words[2];
  if (subject == "kill") return box_->kill();
  if (subject == "start") return box_->start();
  if (line.words.size() < 4) return wrong(line, "not understood");
  if (subject == "mode") {
    const std::string mode = box_->running() ? box_->status().mode : "off";
    if (mode != line.words.back()) wrong(line, "mode is " + mode);
    return;
  }
  if (!Address::parse(subject)) return change_place(line, subject, line.words[3]);
  ScriptedHost& who = host(subject);
  if (line.words[3] == "gets") return expect(line, who);
  if (line.words[3] == "sends") return send(line, who);
  if (line.words[3] == "asks" && line.words.size() == 6) {
    world_.send({who.dns(),
                 {bench::box(), bench::dns_port},
                 dns_query(static_cast<std::uint16_t>(line.number), line.words[4], type_number(line.words[5]))});
    return;
  }
  wrong(line, "not understood");
}

void Scenario::send(const Line& line, ScriptedHost& host) {
  std::string text;
  for (const auto& detail : line.details) text.append(detail).append("\r\n");
  text.append("Content-Length: 0\r\n\r\n");
  world_.send({host.sip(), {bench::box(), bench::sip_port}, text});
}

void Scenario::expect(const Line& line, ScriptedHost& host) {
  if (line.rest == "nothing") {
    for (const Datagram& datagram : host.heard_)
      wrong(line, "it got " + (datagram.to.port == bench::sip_port ? describe_sip(datagram.bytes) : describe_dns(datagram.bytes)));
    host.heard_.clear();
    return;
  }
  const std::string first = line.rest.substr(0, line.rest.find_first_of(": "));
  const bool is_dns =
      first == "NOERROR" || first == "NXDOMAIN" || first == "SERVFAIL" || first == "FORMERR" || first == "NOTIMP" || first == "REFUSED";
  if (is_dns)
    expect_dns(line, host);
  else
    expect_sip(line, host);
}

void Scenario::expect_dns(const Line& line, ScriptedHost& host) {
  const auto found = std::find_if(host.heard_.begin(), host.heard_.end(), [](const Datagram& d) { return d.to.port == dns_client_port; });
  if (found == host.heard_.end()) return wrong(line, "no answer came");
  const auto answer = parse_dns(found->bytes);
  if (!answer) return wrong(line, "what came is no DNS message");
  if (written(*answer) != line.rest) wrong(line, "it got " + written(*answer));
  host.heard_.erase(found);
}

void Scenario::expect_sip(const Line& line, ScriptedHost& host) {
  std::string heard;
  for (auto at = host.heard_.begin(); at != host.heard_.end(); ++at) {
    const auto message = parse_sip(at->bytes);
    if (at->to.port != bench::sip_port || !message) continue;
    const std::string kind = message->is_request() ? message->method : std::to_string(message->status);
    if (kind != line.rest) {
      heard.append(" ").append(kind);
      continue;
    }
    for (const auto& detail : line.details)
      if (at->bytes.find(detail) == std::string::npos) wrong(line, fmt::format("without \"{}\" in\n{}", detail, at->bytes));
    host.heard_.erase(at);
    return;
  }
  wrong(line, heard.empty() ? "nothing came" : "it got" + heard);
}

}  // namespace ringhold::sim
