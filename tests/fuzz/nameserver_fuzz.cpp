// A sequence of packets, lost sockets and jumps of the clock for the nameserver's mind. Whatever comes: each answer is sound
// and small enough, nobody gets more answers than he asked questions, and in the end nothing is left.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "nameserver/nameserver.hpp"

namespace {

using namespace ringhold;
using nameserver::Nameserver;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_{reinterpret_cast<const char*>(data), size} {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view bytes(std::size_t most) {
    const auto taken = rest_.substr(0, most);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

constexpr std::array<std::string_view, 10> names{
    "_sip._udp.example.test", "_SIP._tcp.Example.test", "_sips._tcp.example.test", "example.test",          "sip1.example.test",
    "sip2.example.test",      "ringhold.example.test",  "www.example.test",        "_sip._udp.hosted.test", "."};
constexpr std::array<std::uint16_t, 10> types{1, 28, 33, 35, 5, 6, 46, 255, 41, 15};

nameserver::Settings settings(std::uint8_t choice) {
  nameserver::Settings made;
  made.domain = "example.test";
  made.branch_name = "ringhold.example.test";
  made.branch_addresses = {*Address::parse("10.77.0.2"), *Address::parse("2001:db8::2")};
  made.networks = {*Network::parse("10.77.0.0/24")};
  made.listeners = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:[2001:db8::2]:5060")};
  if ((choice & 1U) != 0) made.listeners.push_back(*Target::parse("tls:10.77.0.2:5061"));
  for (unsigned i = 0; i < (choice >> 1U & 3U); ++i)
    made.upstreams.push_back({Address::v4({10, 78, 0, static_cast<std::uint8_t>(i + 1)}), Port{53}});
  made.inject_when_empty = (choice & 8U) != 0;
  return made;
}

class World {
 public:
  explicit World(std::uint8_t choice) : settings_{settings(choice)}, mind_{settings_, random_} { mind_.expire(now_, outbox_); }

  void step(Input& input) {
    switch (input.byte() % 10) {
      case 0: raw_query(input); break;
      case 1:
      case 2: query(input); break;
      case 3:
      case 4: answer(input); break;
      case 5: pass(std::chrono::milliseconds{input.byte() * 10}); break;
      case 6: pass(std::chrono::seconds{input.byte()}); break;
      case 7: lose(input); break;
      case 8: change(input); break;
      default: restore(input); break;
    }
    settle();
    mind_.central_servers();
  }

  void finish() {
    pass(10s);
    settle();
    // Our own look-ups never end, but each of them does.
    check(mind_.queries_in_flight() <= 32);
    check(answers_ <= questions_);
  }

 private:
  struct Asked {
    FlowId flow;
    Endpoint upstream;
    Transport transport;
    dns::Message message;
  };

  Packet from_client(Input& input, std::string_view bytes) {
    const std::uint8_t who = input.byte();
    const bool tcp = (who & 1U) != 0;
    ++questions_;
    return {Protocol::dns,
            tcp ? Transport::tcp : Transport::udp,
            FlowId{tcp ? 2U : 1U},
            {*Address::parse("10.77.0.2"), Port{53}},
            {Address::v4({10, static_cast<std::uint8_t>(who == 0xff ? 1 : 77), 0, static_cast<std::uint8_t>(who >> 1U)}), Port{4'000}},
            bytes};
  }

  void raw_query(Input& input) {
    const std::string bytes{input.bytes(input.byte())};
    mind_.receive(from_client(input, bytes), now_, outbox_);
  }

  void query(Input& input) {
    const std::uint8_t which = input.byte();
    const std::uint8_t how = input.byte();
    std::string bytes;
    dns::Builder builder{bytes,
                         input.byte(),
                         static_cast<std::uint16_t>(how & 0x10U),
                         {*dns::Name::from_text(names[which % names.size()]), types[how % types.size()]}};
    if ((how & 0x40U) != 0) builder.add_edns((how & 0x80U) != 0, std::nullopt);
    mind_.receive(from_client(input, bytes), now_, outbox_);
  }

  /// Records with known names and fuzzed data, or fuzzed bytes behind the question; ID and question are right mostly.
  void answer(Input& input) {
    if (asked_.empty()) return;
    const Asked& asked = asked_[input.byte() % asked_.size()];
    const std::uint8_t how = input.byte();
    std::string bytes;
    const auto flags = static_cast<std::uint16_t>(0x8000U | static_cast<unsigned>(input.byte()) << 4U | (how & 3U));
    dns::Builder builder{bytes, asked.message.id, flags, asked.message.questions.front()};
    for (unsigned i = 0; i < (how >> 2U & 7U); ++i) add_record(builder, input);
    if ((how & 0x20U) != 0) builder.add_edns(true, std::nullopt);
    if ((how & 0x40U) != 0) {
      for (std::size_t at = 6; at < 12; ++at) bytes[at] = static_cast<char>(input.byte() & (at % 2 == 0 ? 0U : 7U));
      bytes += input.bytes(input.byte());
    }
    mind_.receive({Protocol::dns, asked.transport, asked.flow, {}, asked.upstream, bytes}, now_, outbox_);
  }

  void add_record(dns::Builder& builder, Input& input) {
    const std::uint8_t what = input.byte();
    const auto type = types[what % types.size()];
    const auto owner = *dns::Name::from_text(names[input.byte() % names.size()]);
    std::string data{input.bytes(type == 1 ? 4 : type == 28 ? 16 : type == 33 ? 6 : input.byte() % 64)};
    if (type == 33 || type == 5)
      data = (type == 33 ? data : std::string{}) + std::string{dns::Name::from_text(names[input.byte() % names.size()])->wire()};
    builder.add(static_cast<dns::Section>(what / types.size() % 3), owner, type, 1,
                static_cast<std::uint32_t>(input.byte()) << (what & 31U), data);
  }

  void lose(Input& input) {
    if (asked_.empty()) return;
    const Asked& asked = asked_[input.byte() % asked_.size()];
    const auto state = static_cast<FlowState>(input.byte() % 3);
    mind_.upstream_changed({Protocol::dns, asked.transport, asked.flow, asked.upstream, state}, now_, outbox_);
  }

  void change(Input& input) {
    const std::uint8_t what = input.byte();
    if (what < 0xc0) return mind_.set_order(static_cast<nameserver::Order>(what % 3));
    if (what < 0xe0) return mind_.reconfigure(settings(what), now_);
    mind_.start(now_);
  }

  void restore(Input& input) {
    const auto& changes = kept_;
    if (!changes.empty()) mind_.restore(Row{Table::learnt, changes[input.byte() % changes.size()].columns}, now_);
    mind_.restore(Row{Table::learnt,
                      {Text{}, Text{names[input.byte() % names.size()]}, std::int64_t{types[input.byte() % types.size()]},
                       Text{input.bytes(20)}, to_unix_ms(now_) + input.byte(), std::int64_t{input.byte()}}},
                  now_);
  }

  void pass(Duration duration) {
    const Instant end = now_ + duration;
    for (int i = 0; i < 100; ++i) {
      const auto next = mind_.next_expiry();
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      mind_.expire(now_, outbox_);
      settle();
    }
    now_ = end;
    mind_.expire(now_, outbox_);
    mind_.expire(now_, outbox_);
    check(!mind_.next_expiry() || *mind_.next_expiry() > now_);
  }

  void settle() {
    for (const Outbox::Send& send : outbox_.sends()) {
      const std::string_view bytes = outbox_.message(send);
      auto message = dns::Message::parse(bytes);
      if ((send.destination.flow.number & upstream_flow_bit) != 0) {
        check(message.has_value() && message->questions.size() == 1);
        if (asked_.size() >= 64) asked_.erase(asked_.begin());
        asked_.push_back({send.destination.flow, send.destination.remote, send.destination.transport, std::move(*message)});
        continue;
      }
      ++answers_;
      check(bytes.size() >= 12 && (bytes[2] & 0x80) != 0);
      check(message.has_value() && bytes.size() <= (send.destination.transport == Transport::tcp ? 65'535U : 1'232U));
    }
    for (const Change& change : outbox_.changes())
      if (!change.columns.empty() && kept_.size() < 64) kept_.push_back(change);
    outbox_.clear();
  }

  Instant now_ = from_unix_ms(1'800'000'000'000);
  SeededRandom random_{7};
  nameserver::Settings settings_;
  Outbox outbox_;
  Nameserver mind_;
  std::vector<Asked> asked_;
  std::vector<Change> kept_;
  std::uint64_t questions_ = 0;
  std::uint64_t answers_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{data, size};
  World world{input.byte()};
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) world.step(input);
  world.finish();
  return 0;
}
