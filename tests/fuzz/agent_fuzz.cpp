// The mind of `ringhold agent`: answers of servers, DNS and DHCP, requests of phones and servers, lost connections and jumps of the clock,
// decoded from the input (X1). At the end the servers are well, and every account has to be registered again (T6: never gives up for ever).
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>

#include "agent/agent.hpp"
#include "dns/builder.hpp"
#include "dns/message.hpp"
#include "input.hpp"
#include "sip/message.hpp"

using namespace ringhold;

namespace {

constexpr std::array<std::string_view, 3> servers{"10.78.0.11:5060", "10.78.0.12:5060", "10.77.0.2:5060"};
constexpr std::array<std::string_view, 3> others{"10.77.1.1:5060", "10.77.1.2:5060", "10.99.0.9:5060"};
constexpr std::array<std::string_view, 8> methods{"INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "MESSAGE", "NOTIFY"};
constexpr std::array<int, 20> statuses{100, 180, 200, 200, 200, 202, 301, 302, 400, 401, 403, 404, 407, 408, 420, 423, 439, 500, 503, 600};
constexpr std::array<std::string_view, 8> headers{
    "",
    "Retry-After: 30\r\n",
    "Min-Expires: 600\r\n",
    "Expires: 40\r\n",
    "Contact: <sip:10.78.0.12:5060>\r\n",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n",
    "Proxy-Authenticate: Digest realm=\"r\", nonce=\"m\", algorithm=SHA-256, qop=\"auth\", stale=true\r\n",
    "Contact: *\r\n"};

void require(bool promise) {
  if (!promise) std::abort();
}

Endpoint at(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }

agent::Settings settings() {
  agent::Settings settings;
  settings.accounts = {{"sip:alice@example.test", "alice", "secret"}, {"sip:bob@example.test", "bob", ""}};
  settings.domain = "example.test";
  settings.nameservers = {at("10.77.0.2:53")};
  settings.discovery.domain = true;
  settings.discovery.interface.address = *Address::parse("10.77.0.5");
  settings.uplinks = {*Target::parse("udp:10.77.0.5:5066"), *Target::parse("tcp:10.77.0.5:5066")};
  settings.listen = {*Target::parse("udp:10.77.0.5:5080"), *Target::parse("tcp:10.77.0.5:5080")};
  settings.networks = {*Network::parse("10.77.1.0/24")};
  settings.expires = 60s;
  settings.push.has_handler = true;
  return settings;
}

class World {
 public:
  World() {
    agent_.start(now_, outbox_);
    settle();
  }

  void step(Input& input) {
    const std::uint8_t kind = input.byte();
    const Transport transport = (kind & 0x10U) != 0 ? Transport::tcp : Transport::udp;
    switch (kind % 10) {
      case 0:
        receive(transport, input.byte() % 2 == 0 ? input.pick(servers) : input.pick(others), std::string{input.counted_long()});
        break;
      case 1: request(input, transport); break;
      case 2:
      case 3:
      case 4: answer(input); break;
      case 5: dns_answer(input); break;
      case 6:
        agent_.receive({Protocol::dhcp, Transport::udp, {}, {}, at("10.77.0.3:67"), std::string{input.counted_long()}}, now_, outbox_);
        break;
      case 7: change_flow(input, transport); break;
      case 8: agent_.handled(input.byte(), {agent::HandlerResult::taken, {}}, now_, outbox_); break;
      default: pass(std::chrono::milliseconds{input.byte() * 250}); break;
    }
    settle();
    if ((kind & 0xe0U) == 0xe0U) agent_.network_changed(now_, outbox_), settle();
    (void)agent_.report(now_);
  }

  /// All is well again: everybody is registered within the longest wait.
  void finish() {
    well_ = true;
    asked_.clear();
    for (int i = 0; i < 80 && !is_registered(); ++i) pass(1min);
    require(is_registered());
  }

 private:
  struct Asked {
    Destination destination;
    std::string bytes;
  };

  bool is_registered() {
    return std::ranges::all_of(agent_.report(now_).accounts, [](const auto& one) { return one.server.has_value(); });
  }

  void receive(Transport transport, std::string_view from, const std::string& bytes) {
    const bool is_phone = from.starts_with("10.77.1.");
    agent_.receive({Protocol::sip, transport, FlowId{1}, at(is_phone ? "10.77.0.5:5080" : "10.77.0.5:5066"), at(from), bytes}, now_,
                   outbox_);
  }

  void request(Input& input, Transport transport) {
    const std::string_view method = input.pick(methods);
    const std::string_view from = input.byte() % 2 == 0 ? input.pick(servers) : input.pick(others);
    const std::string number = std::to_string(input.byte() % 16);
    const std::string to_us = "sip:alice@10.77.0.5:5066";
    const bool is_in = from.starts_with("10.78");
    const std::string uri = is_in ? to_us : input.byte() % 2 == 0 ? "sip:bob@example.test" : "sip:carol@example.test";
    std::string bytes = std::string{method} + " " + (method == "REGISTER" ? "sip:example.test" : uri) + " SIP/2.0\r\nVia: SIP/2.0/UDP " +
                        std::string{from} + ";branch=z9hG4bK" + number +
                        "\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.test>;tag=f\r\nTo: <" +
                        (method == "REGISTER" ? "sip:alice@example.test" : uri) + ">" + (input.byte() % 4 == 0 ? ";tag=t" : "") +
                        "\r\nCall-ID: c" + number + "\r\nCSeq: 1 " + std::string{method} + "\r\nContact: <sip:alice@" + std::string{from} +
                        ">\r\n" + std::string{input.pick(headers)} + "Content-Length: 0\r\n\r\n";
    receive(transport, from, bytes);
  }

  static std::string response(const std::string& bytes, int status, std::string_view more) {
    const auto message = sip::Message::parse(bytes);
    if (!message || !message->is_request()) return {};
    std::string text = "SIP/2.0 " + std::to_string(status) + " x\r\n";
    for (const auto& line : message->lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::call_id ||
          line.header == sip::Header::cseq || line.header == sip::Header::record_route)
        text += line.line;
    return text + "To: " + std::string{message->value(sip::Header::to)} + ";tag=s\r\n" + std::string{more} + "Content-Length: 0\r\n\r\n";
  }

  void answer(Input& input) {
    if (asked_.empty()) return;
    const auto one = asked_.begin() + input.byte() % static_cast<int>(asked_.size());
    const Asked asked = *one;
    const std::string text = response(asked.bytes, input.pick(statuses), input.pick(headers));
    if (asked.destination.protocol == Protocol::sip && !text.empty())
      receive(asked.destination.transport, asked.destination.remote.text(), text);
  }

  static std::string zone_answer(const std::string& query, std::uint8_t rcode) {
    const auto asked = dns::Message::parse(query);
    if (!asked || asked->questions.empty()) return {};
    std::string out;
    const dns::Question& question = asked->questions[0];
    dns::Builder builder{out, asked->id, static_cast<std::uint16_t>(dns::flag::qr | dns::flag::ra | rcode % 6), question};
    const auto host = *dns::Name::from_text("sip1.example.test");
    if (rcode % 6 == 0 && question.type == dns::type::srv)
      for (const std::uint16_t priority : {std::uint16_t{10}, std::uint16_t{20}})
        builder.add(dns::Section::answer, question.name, dns::type::srv, dns::class_in, rcode, dns::Srv{priority, 1, 5060, host}.data());
    if (rcode % 6 == 0 && question.type == dns::type::a)
      builder.add(dns::Section::answer, question.name, dns::type::a, dns::class_in, rcode, std::string_view{"\x0a\x4e\x00\x0b", 4});
    return out;
  }

  void dns_answer(Input& input) {
    const auto query = std::ranges::find_if(asked_, [](const Asked& one) { return one.destination.protocol == Protocol::dns; });
    if (query == asked_.end()) return;
    const Asked asked = *query;
    asked_.erase(query);
    std::string bytes = zone_answer(asked.bytes, input.byte());
    if (const std::uint8_t at_byte = input.byte(); at_byte != 0 && at_byte < bytes.size()) bytes[at_byte] = static_cast<char>(input.byte());
    agent_.receive({Protocol::dns, asked.destination.transport, asked.destination.flow, {}, asked.destination.remote, bytes}, now_,
                   outbox_);
  }

  void change_flow(Input& input, Transport transport) {
    const FlowState state = std::array{FlowState::opened, FlowState::closed, FlowState::refused}[input.byte() % 3];
    agent_.connection_changed({Protocol::sip, transport, FlowId{input.byte() % 4U}, at(input.pick(servers)), state}, now_, outbox_);
  }

  void pass(Duration duration) {
    const Instant until = now_ + duration;
    for (unsigned steps = 0; steps < 20'000; ++steps) {
      const auto next = agent_.next_expiry();
      if (!next || *next > until) break;
      now_ = std::max(now_, *next);
      agent_.expire(now_, outbox_);
      settle();
      require(steps + 1 < 20'000);  // it would spin
    }
    now_ = until;
    agent_.expire(now_, outbox_);
    settle();
  }

  /// What it sent can be answered; at the end it is, and well.
  void settle() {
    for (unsigned rounds = 0; !outbox_.sends().empty() && rounds < 1'000; ++rounds) {
      std::deque<Asked> sent;
      for (const auto& send : outbox_.sends()) sent.push_back({send.destination, std::string{outbox_.message(send)}});
      outbox_.clear();
      for (Asked& one : sent) {
        if (well_ && one.destination.protocol == Protocol::sip) {
          if (const std::string text = response(one.bytes, 200, ""); !text.empty())
            receive(one.destination.transport, one.destination.remote.text(), text);
        } else if (well_ && one.destination.protocol == Protocol::dns) {
          const std::string bytes = zone_answer(one.bytes, 60);
          agent_.receive({Protocol::dns, one.destination.transport, one.destination.flow, {}, one.destination.remote, bytes}, now_,
                         outbox_);
        } else {
          asked_.push_back(std::move(one));
          if (asked_.size() > 32) asked_.pop_front();
        }
      }
      if (!well_) break;
    }
    outbox_.clear();
  }

  SeededRandom random_{1};
  Instant now_{1'790'000'000s};
  agent::Settings settings_ = settings();
  agent::Agent agent_{settings_, random_};
  Outbox outbox_;
  std::deque<Asked> asked_;
  bool well_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{data, size};
  World world;
  for (unsigned steps = 0; !input.empty() && steps < 200; ++steps) world.step(input);
  world.finish();
  return 0;
}
