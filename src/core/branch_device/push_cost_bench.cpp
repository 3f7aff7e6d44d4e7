#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "branch_device/branch_device.hpp"
#include "sip/message.hpp"

namespace ringhold::branch_device {
namespace {

constexpr int users = 1'000;

Endpoint at(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }

/// Users with one phone each, who get a MESSAGE each in turn and answer it with 200.
class Messages {
 public:
  explicit Messages(bool pushed) {
    Settings settings;
    settings.branch.domain = "example.test";
    settings.branch.name = "ringhold.example.test";
    settings.branch.addresses = {*Address::parse("10.77.0.2")};
    settings.branch.networks = {*Network::parse("10.77.0.0/16")};
    settings.sip.listen = {*Target::parse("udp:10.77.0.2:5060")};
    settings.sip.admission = {.rate = 0, .rate_per_source = 0};
    settings.registrar.normal_expires = settings.registrar.survivable_expires = 24h * 3650;
    if (pushed) settings.push.senders = {"*"};
    device_ = std::make_unique<BranchDevice>(settings, random_);
    outbox_.keep_no_changes();
    device_->start(now_, outbox_);
    for (int i = 0; i < users; ++i) {
      const std::string user = std::to_string(1'000 + i);
      const std::string place = "10.77.1.1:" + std::to_string(10'000 + i);
      std::string bytes = "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP ";
      bytes.append(place).append(";branch=z9hG4bKr").append(user).append("\r\nMax-Forwards: 70\r\nFrom: <sip:").append(user);
      bytes.append("@example.test>;tag=r\r\nTo: <sip:").append(user).append("@example.test>\r\nCall-ID: r").append(user);
      bytes.append("\r\nCSeq: 1 REGISTER\r\nContact: <sip:").append(user).append("@").append(place);
      receive(place, bytes.append(">;expires=315360000\r\nContent-Length: 0\r\n\r\n"));
    }
  }
  void send() {
    const std::string number = std::to_string(++number_);
    const std::string user = std::to_string(1'000 + number_ % users);
    receive("10.77.0.11:5060", "MESSAGE sip:" + user + "@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11:5060;branch=z9hG4bKi" +
                                   number + "\r\nMax-Forwards: 70\r\nFrom: <sip:8001@example.test>;tag=i" + number +
                                   "\r\nTo: <sip:" + user + "@example.test>\r\nCall-ID: i" + number +
                                   "\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
    const std::string sent{outbox_.message(outbox_.sends().front())};
    const auto place = outbox_.sends().front().destination.remote;
    const auto message = sip::Message::parse(sent);
    std::string text = "SIP/2.0 200 OK\r\n";
    for (const auto& line : message->lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::call_id ||
          line.header == sip::Header::cseq)
        text += line.line;
    text += "To: " + std::string{message->value(sip::Header::to)} + ";tag=a\r\nContent-Length: 0\r\n\r\n";
    receive(place.text(), text);
    now_ += 50us;
    while (device_->next_expiry() && *device_->next_expiry() <= now_) device_->expire(now_, outbox_);
  }

 private:
  void receive(const std::string& from, const std::string& bytes) {
    outbox_.clear();
    device_->receive({Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.2"), at(from), bytes}, now_, outbox_);
  }

  SeededRandom random_{42};
  Instant now_ = from_unix_ms(1'790'000'000'000);
  Outbox outbox_;
  std::unique_ptr<BranchDevice> device_;
  std::uint64_t number_ = 0;
};

void message_relayed(benchmark::State& state) {
  Messages messages{false};
  for (auto _ : state) messages.send();
}
BENCHMARK(message_relayed);

void message_pushed(benchmark::State& state) {
  Messages messages{true};
  for (auto _ : state) messages.send();
}
BENCHMARK(message_pushed);

}  // namespace
}  // namespace ringhold::branch_device
