#include "branch_device/branch_bench.hpp"

namespace ringhold::branch_device {
namespace {

TEST_F(Branch, sheds_new_work_but_no_dialog_and_no_emergency_R7_C4) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  Settings busy = settings();
  busy.sip.admission.rate = 1;
  device_.reconfigure(busy, now_, outbox_);
  register_phone("carol", "10.77.0.13:5060");
  const auto invite = [&](const std::string& uri, const std::string& branch) {
    send("10.77.0.11:5060", request("INVITE", uri, "alice", uri, "10.77.0.11:5060", branch));
    return to("10.77.0.11:5060");
  };
  const std::string shed = invite("sip:bob@example.test", "i1");
  EXPECT_TRUE(shed.starts_with("SIP/2.0 503 Too many requests\r\n")) << shed;
  EXPECT_NE(shed.find("Retry-After: "), std::string::npos);
  EXPECT_EQ(count_to("10.77.0.12:5060"), 0U);
  // Its ACK is ours: it must not reach the callee.
  const auto tag = shed.substr(shed.find(";tag=", shed.find("\r\nTo:")), shed.find("\r\n", shed.find("\r\nTo:") + 2));
  std::string ack = request("ACK", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "i1");
  ack.insert(ack.find("\r\nCall-ID"), tag.substr(0, tag.find("\r\n")));
  ack.replace(ack.find("c-alice-ACK"), 11, "c-alice-INV");
  send("10.77.0.11:5060", ack);
  EXPECT_TRUE(outbox_.sends().empty());
  EXPECT_TRUE(invite("sip:112@example.test", "i2").starts_with("SIP/2.0 480 ")) << "nobody is 112 here, but the call was looked at";
  std::string bye = request("BYE", "sip:bob@10.77.0.12", "alice", "sip:bob@example.test", "10.77.0.11:5060", "b1", 2);
  bye.insert(bye.find("\r\nCall-ID"), ";tag=b");
  send("10.77.0.11:5060", bye);
  EXPECT_EQ(count_to("10.77.0.12:5060"), 1U) << "what belongs to a dialog passes";
}

}  // namespace
}  // namespace ringhold::branch_device
