#include "branch_device/branch_bench.hpp"

namespace ringhold::branch_device {
namespace {

/// The central site answers its probes again.
class GoingHome : public Branch {
 protected:
  void pass_with_central(Duration duration) {
    const Instant until = now_ + duration;
    while (device_.next_expiry() && *device_.next_expiry() <= until) {
      now_ = std::max(now_, *device_.next_expiry());
      drop();
      device_.expire(now_, outbox_);
      std::vector<std::string> probes;
      for (const auto& send : outbox_.sends())
        if (const std::string bytes{outbox_.message(send)}; bytes.starts_with("OPTIONS ")) probes.push_back(bytes);
      for (const std::string& probe : probes) send("10.78.0.11:5060", answer(probe, 200, "c", ""));
    }
    now_ = until;
  }
  std::string registers(int cseq) {
    register_phone("alice", phone, cseq);
    return to(phone);
  }
  static constexpr const char* phone = "10.77.0.11:5060";
};

TEST_F(GoingHome, who_is_sent_home_need_not_be_without_service_S5_X25) {
  lose_central();
  ASSERT_TRUE(registers(1).starts_with("SIP/2.0 200 "));
  // Probes, dwell, and the last TTL that was given.
  pass_with_central(80s);
  ASSERT_EQ(mode(), "recovering");
  const std::string refused = registers(2);
  ASSERT_TRUE(refused.starts_with("SIP/2.0 503 ")) << refused;
  // It refreshes 6 s before its binding of 60 s ends, say, and a phone over UDP goes home only when this is over.
  EXPECT_NE(refused.find("\r\nRetry-After: 5\r\n"), std::string::npos) << refused;
  pass_with_central(4200ms);
  EXPECT_TRUE(registers(2).starts_with("SIP/2.0 503 ")) << "a retransmission, for the 503 was lost";
  pass_with_central(800ms);
  EXPECT_TRUE(registers(3).starts_with("SIP/2.0 200 ")) << "it has waited as it was told, and came back here";
  pass_with_central(9min);
  EXPECT_TRUE(registers(4).starts_with("SIP/2.0 200 ")) << "its path may be broken: it is left in peace";
}

}  // namespace
}  // namespace ringhold::branch_device
