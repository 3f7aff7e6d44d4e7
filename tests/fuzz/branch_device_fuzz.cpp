// The whole mind: packets of phones, central servers and DNS, lost connections and jumps of the clock, decoded from the input (X1).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "branch_device/branch_device.hpp"

using namespace ringhold;

namespace {

branch_device::Settings settings() {
  branch_device::Settings settings;
  settings.branch.domain = "example.test";
  settings.branch.name = "ringhold.example.test";
  settings.branch.addresses = {*Address::parse("10.77.0.2")};
  settings.branch.networks = {*Network::parse("10.77.0.0/24")};
  settings.sip.listen = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060")};
  settings.dns.upstream = {*Endpoint::parse("10.78.0.1", Port{53})};
  settings.central.servers = {*Target::parse("udp:10.78.0.11:5060")};
  return settings;
}

std::string phone_register(const std::string& user, const std::string& address) {
  return "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP " + address + ";branch=z9hG4bK" + user + "\r\nFrom: <sip:" + user +
         "@example.test>;tag=1\r\nTo: <sip:" + user + "@example.test>\r\nCall-ID: " + user +
         "\r\nCSeq: 1 REGISTER\r\nContact: <sip:" + user + "@" + address + ">;expires=120\r\nContent-Length: 0\r\n\r\n";
}

/// Input: steps of (kind, length high, length low, bytes).
class Steps {
 public:
  Steps(const std::uint8_t* data, std::size_t size) : data_{data}, size_{size} {}
  bool next(unsigned& kind, std::string& bytes) {
    if (at_ + 3 > size_) return false;
    kind = data_[at_];
    const std::size_t length = std::min<std::size_t>(static_cast<std::size_t>(data_[at_ + 1] % 8) << 8U | data_[at_ + 2], size_ - at_ - 3);
    bytes.assign(reinterpret_cast<const char*>(data_) + at_ + 3, length);
    at_ += 3 + length;
    return true;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SeededRandom random{1};
  branch_device::BranchDevice device{settings(), random};
  Outbox outbox;
  Instant now = from_unix_ms(1'790'000'000'000);
  const auto at = [](std::string_view text) { return *Endpoint::parse(text, Port{5060}); };
  device.start(now, outbox);
  for (const auto& [user, address] : {std::pair{"alice", "10.77.0.11:5060"}, {"bob", "10.77.0.12:5060"}}) {
    const std::string bytes = phone_register(user, address);
    device.receive({Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.2"), at(address), bytes}, now, outbox);
  }
  Steps steps{data, size};
  unsigned kind = 0;
  std::string bytes;
  while (steps.next(kind, bytes)) {
    outbox.clear();
    const Transport transport = (kind & 8U) != 0 ? Transport::tcp : Transport::udp;
    switch (kind % 8) {
      case 0:
      case 1:
        device.receive({Protocol::sip, transport, FlowId{1 + kind / 64}, at("10.77.0.2"), at("10.77.0.11"), bytes}, now, outbox);
        break;
      case 2: device.receive({Protocol::sip, transport, FlowId{1}, at("10.77.0.2"), at("10.77.0.12"), bytes}, now, outbox); break;
      case 3: device.receive({Protocol::sip, transport, FlowId{1}, at("10.77.0.2"), at("10.78.0.11"), bytes}, now, outbox); break;
      case 4: device.receive({Protocol::dns, transport, FlowId{2}, at("10.77.0.2:53"), at("10.77.0.31"), bytes}, now, outbox); break;
      case 5: device.receive({Protocol::dns, transport, upstream_flow(kind / 8 % 4), {}, at("10.78.0.1:53"), bytes}, now, outbox); break;
      case 6:
        device.connection_changed(
            {Protocol::sip, transport, FlowId{1 + kind / 64}, at("10.77.0.12"), static_cast<FlowState>(kind / 16 % 3)}, now, outbox);
        break;
      case 7:
        now += std::chrono::milliseconds{bytes.size() * bytes.size()} + (kind > 128 ? 30s : 0s);
        device.expire(now, outbox);
        break;
      default: break;
    }
    if (outbox.sends().size() > 4000) std::abort();  // one step, thousands of messages: amplification
  }
  now += 24h;
  for (int i = 0; i < 4; ++i, now += 1h) {
    outbox.clear();
    device.expire(now, outbox);
  }
  const auto status = std::get<branch_device::StatusReport>(device.command(branch_device::GetStatus{}, now, outbox));
  if (status.calls != 0 || status.registrations != 0) std::abort();
  return 0;
}
