// The whole mind: packets of phones, central servers and DNS, lost connections and jumps of the clock, decoded from the input
// (X1). Besides raw bytes there are well-formed requests, answers to what the mind sent, and DNS answers to what it asked:
// without them no input would get past a parser.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

#include "branch_device/branch_device.hpp"
#include "dns/builder.hpp"
#include "dns/message.hpp"
#include "input.hpp"
#include "sip/message.hpp"

using namespace ringhold;

namespace {

constexpr std::array<std::string_view, 4> users{"alice", "bob", "carol", "nobody"};
constexpr std::array<std::string_view, 4> addresses{"10.77.0.11:5060", "10.77.0.12:5060", "10.77.0.13:5060", "10.78.0.11:5060"};
constexpr std::array<std::string_view, 10> methods{"INVITE",  "ACK",       "BYE",    "CANCEL",  "REGISTER",
                                                   "OPTIONS", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH"};
constexpr std::array<std::string_view, 6> names{"example.test",      "_sip._udp.example.test", "_sip._tcp.example.test",
                                                "sip1.example.test", "ringhold.example.test",  "www.example.org"};
constexpr std::array<std::uint16_t, 8> types{dns::type::a,     dns::type::aaaa, dns::type::srv, dns::type::naptr,
                                             dns::type::cname, dns::type::soa,  dns::type::any, dns::type::opt};
constexpr std::array<int, 14> statuses{100, 180, 183, 200, 301, 202, 302, 404, 481, 486, 487, 500, 503, 603};

void require(bool promise) {
  if (!promise) std::abort();
}

Endpoint at(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }

branch_device::Settings settings() {
  branch_device::Settings settings;
  settings.branch.domain = "example.test";
  settings.branch.name = "ringhold.example.test";
  settings.branch.addresses = {*Address::parse("10.77.0.2")};
  settings.branch.networks = {*Network::parse("10.77.0.0/24")};
  settings.sip.listen = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060")};
  settings.dns.upstream = {at("10.78.0.1:53")};
  settings.central.servers = {*Target::parse("udp:10.78.0.11:5060")};
  settings.ringing.trusted = {*Network::parse("10.77.0.13/32")};
  settings.push.senders = {"carol"};
  settings.push.events = {"x-push"};
  settings.push.unsolicited = {"*"};
  settings.push.delivery.store_for = 1h;
  return settings;
}

/// How far the inputs came; printed at the end where REACHED is in the environment.
struct Reached {
  unsigned long inputs, registered, calls, relayed, cancelled, answered_2xx, dns_built, asked, released, pushed, redirected;
  ~Reached() {
    if (std::getenv("REACHED") != nullptr)
      std::fprintf(stderr,
                   "reached: %lu inputs; steps with bindings %lu, with calls %lu; sent: requests %lu, CANCELs %lu, 2xx %lu, DNS %lu; "
                   "dialogs asked %lu, released %lu; pushes %lu, redirects remembered %lu\n",
                   inputs, registered, calls, relayed, cancelled, answered_2xx, dns_built, asked, released, pushed, redirected);
  }
};
Reached reached{};

class World {
 public:
  World() {
    device_.start(now_, outbox_);
    settle();
    ring(users[0], 0x2f);
    for (std::size_t i = 0; i < 3; ++i) {
      receive(i, Transport::udp, request("REGISTER", users[i], users[i], i, 1, "Contact: <sip:" + contact(i) + ">;expires=120\r\n", ""));
      settle();
    }
  }

  void step(Input& input) {
    const std::uint8_t kind = input.byte();
    const Transport transport = (kind & 0x10U) != 0 ? Transport::tcp : Transport::udp;
    switch (kind % 12) {
      case 0: receive(kind >> 5U & 3U, transport, std::string{input.counted_long()}); break;
      case 1:
      case 2:
      case 3: built_request(input, transport); break;
      case 4:
      case 5: answer(input); break;
      case 6: dns_query(input, transport); break;
      case 7: dns_answer(input); break;
      case 8: change_flow(input, transport); break;
      case 9: pass(std::chrono::milliseconds{input.byte() * 20}); break;
      case 10: pass(std::chrono::seconds{input.byte() % 64}); break;
      default: command(input); break;
    }
    settle();
    const auto status = std::get<branch_device::StatusReport>(device_.command(branch_device::GetStatus{}, now_, outbox_));
    reached.registered += status.registrations != 0;
    reached.calls += status.calls != 0;
    const auto redirects = device_.command(branch_device::GetRedirects{}, now_, outbox_);
    reached.redirected += !std::get<std::vector<branch_device::RedirectReport>>(redirects).empty();
  }

  /// Silence: nobody is registered and no call is up, at the latest after a day and some hours.
  void finish() {
    if (pinned_) (void)device_.command(branch_device::SetMode{"auto"}, now_, outbox_);
    disk_fails_ = false;
    if (!silence(6, 10min)) require(silence(30, 1h));
    // What nobody took has failed by now, and nobody waits for the disk.
    const auto pushes = device_.command(branch_device::GetPushes{{}, 1'000}, now_, outbox_);
    for (const auto& push : std::get<std::vector<branch_device::PushReport>>(pushes)) {
      require(push.result == "delivered" || push.result == "failed");
      ++reached.pushed;
    }
  }

 private:
  bool silence(int rounds, Duration each) {
    for (int i = 0; i < rounds * 3; ++i) {
      if (i % 3 == 0) now_ += each;
      device_.expire(now_, outbox_);
      settle();
    }
    const auto status = std::get<branch_device::StatusReport>(device_.command(branch_device::GetStatus{}, now_, outbox_));
    return status.calls == 0 && status.registrations == 0;
  }

  static std::string contact(std::size_t phone) { return std::string{users[phone % 4]} + "@" + std::string{addresses[phone % 4]}; }

  std::string request(std::string_view method, std::string_view to, std::string_view from, std::size_t phone, unsigned number,
                      std::string_view headers, std::string_view body) {
    const std::string one{method};
    const std::string uri = one == "REGISTER" ? "sip:example.test" : "sip:" + std::string{to} + "@example.test";
    return one + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + std::string{addresses[phone % 4]} + ";branch=z9hG4bKf" +
           std::to_string(number) + ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:" + std::string{from} +
           "@example.test>;tag=f\r\nTo: <sip:" + std::string{to} + "@example.test>" + to_tag_ + "\r\nCall-ID: c" +
           std::to_string(number % 8) + "\r\nCSeq: " + std::to_string(number) + " " + one + "\r\n" + std::string{headers} +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
  }

  void receive(std::size_t phone, Transport transport, const std::string& bytes) {
    const FlowId flow{transport == Transport::udp ? 1 : 10 + phone % 4};
    device_.receive({Protocol::sip, transport, flow, at("10.77.0.2"), at(addresses[phone % 4]), bytes}, now_, outbox_);
  }

  void built_request(Input& input, Transport transport) {
    const std::uint8_t who = input.byte();
    const std::uint8_t how = input.byte();
    const auto method = input.pick(methods);
    const std::size_t phone = who & 3U;
    std::string headers;
    if (method == "REGISTER" || method == "INVITE" || method == "SUBSCRIBE") headers += "Contact: <sip:" + contact(phone) + ">\r\n";
    if ((how & 0x20U) != 0) headers += "Expires: " + std::to_string(input.byte() * 20) + "\r\n";
    if ((how & 0x40U) != 0) headers += std::string{input.counted()} + "\r\n";
    if ((how & 0x80U) != 0) to_tag_ = to_tag_.empty() ? ";tag=t0" : "";
    const auto body = (who & 0x80U) != 0 ? input.counted() : std::string_view{};
    receive(phone, transport, request(method, users[who >> 2U & 3U], users[phone], phone, how & 0x1FU, headers, body));
  }

  /// A response to one of the last requests that the mind sent.
  void answer(Input& input) {
    const std::uint8_t which = input.byte();
    const int status = input.pick(statuses);
    const std::uint8_t how = input.byte();
    if (sip_sent_.empty()) return;
    const auto& [destination, sent] = sip_sent_[which % sip_sent_.size()];
    const auto message = sip::Message::parse(sent);
    if (!message) return;
    std::string bytes = "SIP/2.0 " + std::to_string(status) + " Why\r\n";
    for (const auto& line : message->lines()) switch (line.header) {
        case sip::Header::via:
        case sip::Header::from:
        case sip::Header::call_id:
        case sip::Header::record_route:
        case sip::Header::cseq: bytes += line.line; break;
        case sip::Header::to:
          bytes += "To: " + std::string{line.value} + (message->to_tag().empty() ? ";tag=t" + std::to_string(how & 3U) : "") + "\r\n";
          break;
        default: break;
      }
    if ((how & 4U) != 0) bytes += "Contact: <sip:" + contact(how >> 6U) + ">\r\n";
    if ((how & 8U) != 0) bytes += std::string{input.counted()} + "\r\n";
    bytes += "Content-Length: 0\r\n\r\n";
    device_.receive(
        {Protocol::sip, destination.transport, destination.flow ? destination.flow : FlowId{1}, at("10.77.0.2"), destination.remote, bytes},
        now_, outbox_);
  }

  void dns_query(Input& input, Transport transport) {
    const std::uint8_t how = input.byte();
    std::string bytes;
    if ((how & 0x80U) != 0) {
      bytes = input.counted();
    } else {
      dns::Builder builder{bytes, how, dns::flag::rd, {*dns::Name::from_text(input.pick(names)), input.pick(types)}};
      if ((how & 0x40U) != 0) builder.add_edns((how & 0x20U) != 0, std::nullopt);
    }
    const FlowId flow{transport == Transport::udp ? 2U : 20U};
    device_.receive({Protocol::dns, transport, flow, at("10.77.0.2:53"), at("10.77.0.31:4000"), bytes}, now_, outbox_);
  }

  void dns_answer(Input& input) {
    const std::uint8_t which = input.byte();
    const std::uint8_t how = input.byte();
    if (dns_sent_.empty()) return;
    const auto& [destination, sent] = dns_sent_[which % dns_sent_.size()];
    const auto asked = dns::Message::parse(sent);
    require(asked.has_value() && asked->questions.size() == 1);
    std::string bytes;
    dns::Builder builder{bytes, asked->id, static_cast<std::uint16_t>(dns::flag::qr | (how & 3U)), asked->questions.front()};
    for (unsigned i = 0; i < (how >> 2U & 3U); ++i) {
      const auto type = (how & 0x10U) != 0 ? asked->questions.front().type : input.pick(types);
      std::string data{input.bytes(type == dns::type::a      ? 4
                                   : type == dns::type::aaaa ? 16
                                   : type == dns::type::srv  ? 6
                                                             : input.byte() % 64)};
      if (type == dns::type::srv || type == dns::type::cname) data += dns::Name::from_text(input.pick(names))->wire();
      builder.add(static_cast<dns::Section>(i % 3),
                  (how & 0x20U) != 0 ? asked->questions.front().name : *dns::Name::from_text(input.pick(names)), type, 1, input.byte(),
                  data);
    }
    if ((how & 0x40U) != 0) bytes += input.counted();
    device_.receive({Protocol::dns, destination.transport, destination.flow, {}, destination.remote, bytes}, now_, outbox_);
  }

  void change_flow(Input& input, Transport transport) {
    const std::uint8_t how = input.byte();
    const auto state = static_cast<FlowState>(how % 3);
    if ((how & 0x80U) != 0 && !dns_sent_.empty()) {
      const auto& destination = dns_sent_[(how >> 2U) % dns_sent_.size()].first;
      device_.connection_changed({Protocol::dns, destination.transport, destination.flow, destination.remote, state}, now_, outbox_);
      return;
    }
    const std::size_t phone = how >> 2U & 3U;
    const FlowId flow{transport == Transport::udp ? 1 : 10 + phone};
    device_.connection_changed({Protocol::sip, transport, flow, at(addresses[phone]), state}, now_, outbox_);
  }

  void command(Input& input) {
    const std::uint8_t what = input.byte();
    const std::string aor = "sip:" + std::string{users[what >> 4U & 3U]} + "@example.test";
    if ((what & 8U) != 0 && what % 8 != 4 && what % 8 != 5) return push(input, aor);
    switch (what % 8) {
      case 0: (void)device_.command(branch_device::GetRegistrations{aor}, now_, outbox_); break;
      case 1: (void)device_.command(branch_device::RemoveRegistrations{aor}, now_, outbox_); break;
      case 2: (void)device_.command(branch_device::GetMetrics{}, now_, outbox_); break;
      case 3: (void)device_.command(branch_device::GetCalls{}, now_, outbox_); break;
      case 4: {
        auto changed = settings();
        changed.restart.policy = static_cast<calls::Policy>((what >> 4U) % 3U);
        changed.restart.audit = (what & 0x80U) == 0;
        changed.push.recursion = (what & 0x40U) != 0 ? branch_device::Recursion::follow : branch_device::Recursion::pass_up;
        device_.reconfigure(changed, now_, outbox_);
        break;
      }
      case 5: ring(users[what >> 4U & 3U], input.byte()); break;
      case 6: (void)device_.command(branch_device::GetRing{std::string{users[what >> 4U & 3U]}}, now_, outbox_); break;
      default:
        pinned_ = true;
        (void)device_.command(branch_device::SetMode{(what & 0x80U) != 0 ? "survivable" : "normal"}, now_, outbox_);
        break;
    }
  }

  void push(Input& input, const std::string& aor) {
    const std::uint8_t how = input.byte();
    switch (how % 8) {
      case 0: (void)device_.command(branch_device::RemoveRedirects{aor}, now_, outbox_); return;
      case 1: (void)device_.command(branch_device::GetRedirects{}, now_, outbox_); return;
      case 2: disk_fails_ = !disk_fails_; return;
      default: break;
    }
    branch_device::Push push;
    push.to = aor;
    constexpr std::array<std::string_view, 4> ways{"", "MESSAGE", "NOTIFY", "NOTIFY,MESSAGE"};
    push.method = ways[how >> 3U & 3U];
    if (push.method.starts_with("NOTIFY")) push.event = "x-push";
    if ((how & 0x20U) != 0) push.strategy = "all-at-once";
    if ((how & 0x40U) != 0) push.key = "k" + std::to_string(how % 8);
    if ((how & 0x80U) != 0) push.answer = branch_device::Push::Answer::accepted;
    push.body = std::string(how % 8 == 7 ? 1'400 : 0, 'x') + std::string{input.counted()};
    const auto answer = device_.command(push, now_, outbox_);
    if (const auto* reports = std::get_if<std::vector<branch_device::PushReport>>(&answer); reports != nullptr && how % 8 == 6)
      (void)device_.command(branch_device::RemovePush{reports->front().id}, now_, outbox_);
  }

  /// One type after another; nobody says of himself what he is, so all are IP phones.
  void ring(std::string_view user, std::uint8_t how) {
    branch_device::PutRing put{std::string{user}, {}, (how & 0x80U) != 0 ? "bob" : ""};
    const unsigned seconds = 1U + (how >> 2U) % 30U;
    if ((how & 1U) != 0) put.steps.push_back({{"pc-client"}, seconds});
    if ((how & 3U) != 0) put.steps.push_back({{"ip-phone"}, seconds});
    if ((how & 2U) != 0) put.steps.push_back({{"mobile-client"}, seconds});
    (void)device_.command(put, now_, outbox_);
  }

  void pass(Duration duration) {
    const Instant end = now_ + duration;
    for (int i = 0; i < 60; ++i) {
      const auto next = device_.next_expiry();
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      device_.expire(now_, outbox_);
      settle();
    }
    now_ = end;
    device_.expire(now_, outbox_);
  }

  /// Looks at what the step sent: each message is sound, and one step never makes hundreds of them.
  void settle() {
    require(outbox_.sends().size() <= 200 && outbox_.bytes().size() <= 4'000'000);
    for (const Outbox::Send& send : outbox_.sends()) {
      const std::string_view bytes = outbox_.message(send);
      if (send.destination.protocol == Protocol::dns) {
        require(dns::Message::parse(bytes).has_value());
        ++reached.dns_built;
        if ((send.destination.flow.number & upstream_flow_bit) != 0) keep(dns_sent_, send.destination, bytes);
        continue;
      }
      const auto message = sip::Message::parse(bytes);
      if (bytes.find_first_not_of("\r\n") == std::string_view::npos) continue;
      require(message.has_value());
      reached.relayed += message->is_request();
      reached.cancelled += message->is_request() && message->method() == sip::Method::cancel;
      reached.asked += message->is_request() && message->method() == sip::Method::info;
      reached.released += message->is_request() && message->value(sip::Header::reason).find("Terminal ") != std::string_view::npos;
      reached.answered_2xx += message->status() / 100 == 2;
      if (message->is_request() && message->method() != sip::Method::ack) keep(sip_sent_, send.destination, bytes);
    }
    const auto promised = outbox_.promised();
    outbox_.clear();
    if (!promised || disk_fails_) return;
    device_.committed(*promised, now_, outbox_);
    settle();
  }

  using Sent = std::deque<std::pair<Destination, std::string>>;
  static void keep(Sent& sent, const Destination& destination, std::string_view bytes) {
    sent.emplace_front(destination, bytes);
    if (sent.size() > 16) sent.pop_back();
  }

  Instant now_ = from_unix_ms(1'790'000'000'000);
  SeededRandom random_{1};
  branch_device::Settings settings_ = settings();
  Outbox outbox_;
  branch_device::BranchDevice device_{settings_, random_};
  Sent sip_sent_;
  Sent dns_sent_;
  std::string to_tag_;
  bool pinned_ = false;
  bool disk_fails_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{data, size};
  World world;
  ++reached.inputs;
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) world.step(input);
  world.finish();
  return 0;
}
