#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "branch_device/branch_device.hpp"
#include "sip/message.hpp"

namespace ringhold::branch_device {
namespace {

constexpr std::string_view phones[]{"10.77.0.21:5060", "10.77.0.22:5060", "10.77.0.23:5060"};
constexpr std::string_view caller = "10.77.0.11:5060";

Endpoint at(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }

/// A user with three terminals of three types, who is called; each terminal rings and declines with 486.
class Calls {
 public:
  Calls() {
    Settings settings;
    settings.branch.domain = "example.test";
    settings.branch.name = "ringhold.example.test";
    settings.branch.addresses = {*Address::parse("10.77.0.2")};
    settings.branch.networks = {*Network::parse("10.77.0.0/24")};
    settings.sip.listen = {*Target::parse("udp:10.77.0.2:5060")};
    settings.sip.admission = {.rate = 1'000'000, .rate_per_source = 1'000'000};
    settings.registrar.normal_expires = settings.registrar.survivable_expires = 24h * 3650;
    device_ = std::make_unique<BranchDevice>(settings, random_);
    outbox_.keep_no_changes();
    device_->start(now_, outbox_);
    constexpr std::string_view agents[]{"Yealink SIP-T46", "MicroSIP/3.21", "LinphoneAndroid/5.1"};
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string place{phones[i]};
      std::string bytes = "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP ";
      bytes.append(place)
          .append(";branch=z9hG4bKr")
          .append(place)
          .append("\r\nMax-Forwards: 70\r\nFrom: <sip:8002@example.test>;tag=r\r\n");
      bytes.append("To: <sip:8002@example.test>\r\nCall-ID: r")
          .append(place)
          .append("\r\nCSeq: 1 REGISTER\r\nContact: <sip:8002@")
          .append(place);
      bytes.append(">;expires=315360000\r\nUser-Agent: ").append(agents[i]).append("\r\nContent-Length: 0\r\n\r\n");
      receive(phones[i], bytes);
    }
  }
  void one_after_another() {
    (void)device_->command(PutRing{"8002", {{{"ip-phone"}, 15}, {{"pc-client"}, 15}, {{"mobile-client"}, 15}}}, now_, outbox_);
  }
  /// Returns how many terminals were called.
  std::size_t call() {
    const std::string number = std::to_string(++number_);
    receive(caller, "INVITE sip:8002@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11:5060;branch=z9hG4bKi" + number +
                        "\r\nMax-Forwards: 70\r\nFrom: <sip:8001@example.test>;tag=i" + number +
                        "\r\nTo: <sip:8002@example.test>\r\nCall-ID: i" + number +
                        "\r\nCSeq: 1 INVITE\r\nContact: <sip:8001@10.77.0.11:5060>\r\nContent-Length: 0\r\n\r\n");
    std::size_t legs = 0;
    for (std::vector<std::string> invites = taken(); !invites.empty(); invites = taken()) {
      for (const int status : {180, 486})
        for (const std::string& invite : invites) {
          outbox_.clear();
          answer(invite, status);
          collect();
        }
      legs += invites.size();
    }
    now_ += 20ms;
    while (device_->next_expiry() && *device_->next_expiry() <= now_) device_->expire(now_, outbox_);
    outbox_.clear();
    return legs;
  }

 private:
  void receive(std::string_view from, const std::string& bytes) {
    outbox_.clear();
    device_->receive({Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.2"), at(from), bytes}, now_, outbox_);
    collect();
  }
  void collect() {
    for (const auto& send : outbox_.sends())
      if (outbox_.message(send).starts_with("INVITE ")) invites_.emplace_back(outbox_.message(send));
  }
  std::vector<std::string> taken() { return std::exchange(invites_, {}); }
  void answer(const std::string& invite, int status) {
    const auto message = *sip::Message::parse(invite);
    std::string text = "SIP/2.0 " + std::to_string(status) + " X\r\n";
    for (const auto& line : message.lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::call_id ||
          line.header == sip::Header::cseq || line.header == sip::Header::record_route)
        text += line.line;
    text += "To: <sip:8002@example.test>;tag=t" + std::string{message.uri()->host} + "\r\nContent-Length: 0\r\n\r\n";
    const Endpoint from{*Address::parse(message.uri()->host), Port{5060}};
    device_->receive({Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.2"), from, text}, now_, outbox_);
  }

  SeededRandom random_{1};
  Instant now_ = from_unix_ms(1'790'000'000'000);
  Outbox outbox_;
  std::unique_ptr<BranchDevice> device_;
  std::vector<std::string> invites_;
  std::size_t number_ = 0;
};

void leg(benchmark::State& state, bool sequential) {
  Calls calls;
  if (sequential) calls.one_after_another();
  std::size_t legs = 0;
  for (auto _ : state) legs += calls.call();
  state.counters["legs"] = benchmark::Counter(static_cast<double>(legs) / static_cast<double>(state.iterations()));
  state.counters["leg"] = benchmark::Counter(static_cast<double>(legs), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
/// The same three terminals, the same answers: what the steps of a ring profile cost beside calling all at once.
BENCHMARK_CAPTURE(leg, parallel, false);
BENCHMARK_CAPTURE(leg, sequential, true);

}  // namespace
}  // namespace ringhold::branch_device
