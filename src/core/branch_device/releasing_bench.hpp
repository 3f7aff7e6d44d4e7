#pragma once

#include "branch_device/branch_bench.hpp"

namespace ringhold::branch_device {

using Policy = calls::Policy;

inline constexpr auto alice = "10.77.0.11:5060";
inline constexpr auto bob = "10.77.0.12:5060";

/// Alice (8001) and Bob (8002) are registered here, the central site is lost.
class Releasing : public Branch {
 protected:
  void SetUp() override {
    lose_central();
    registers(alice, "8001", "boot-a");
    registers(bob, "8002", "boot-b");
    drop();
  }
  void follow(Policy policy) {
    Settings changed = settings();
    changed.restart.policy = policy;
    device_.reconfigure(changed, now_, outbox_);
  }
  /// From `source`, with the contact at `contact` (else there, too).
  void registers(const std::string& source, const std::string& user, const std::string& call_id, std::string contact = "",
                 const std::string& more = "") {
    if (contact.empty()) contact = source;
    ++cseq_;
    std::string bytes =
        request("REGISTER", "sip:example.test", user, "sip:" + user + "@example.test", source, "reg" + std::to_string(cseq_), cseq_,
                "Contact: <sip:" + user + "@" + contact + ">;expires=120" + more + "\r\nUser-Agent: Phone 1\r\n");
    const std::string old = "c-" + user + "-REG";
    bytes.replace(bytes.find(old), old.size(), call_id);
    send(source, bytes);
  }
  /// Alice calls Bob, who rings; the INVITE as Bob got it.
  void rings() {
    send(alice, request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", alice, "i1", 20,
                        "Contact: <sip:8001@10.77.0.11:5060>\r\n"));
    invite_ = to(bob);
    ASSERT_TRUE(invite_.starts_with("INVITE ")) << invite_;
    send(bob, answer(invite_, 180, "tb", "sip:8002@10.77.0.12:5060"));
  }
  void talks() {
    rings();
    send(bob, answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060"));
    ASSERT_TRUE(to(alice).starts_with("SIP/2.0 200 "));
    drop();
  }
  /// A request in the dialog of Alice and Bob; `tag` is that of who gets it.
  static std::string within(const std::string& method, const std::string& from, const std::string& to, const std::string& tag, int cseq,
                            const std::string& source, const std::string& more = "") {
    std::string bytes = request(method, "sip:" + to + "@" + (to == "8001" ? alice : bob), from, "sip:" + to + "@example.test", source,
                                method + std::to_string(cseq), cseq, more);
    const auto put = [&](const std::string& old, const std::string& text) { bytes.replace(bytes.find(old), old.size(), text); };
    put("To: <sip:" + to + "@example.test>", "To: <sip:" + to + "@example.test>;tag=" + tag);
    if (from == "8002") put(";tag=f8002", ";tag=tb");
    put("Call-ID: c-" + from + "-" + method.substr(0, 3), "Call-ID: c-8001-INV");
    return bytes;
  }
  static std::string header(const std::string& bytes, sip::Header header) {
    const auto message = sip::Message::parse(bytes);
    return message ? std::string{message->value(header)} : "";
  }
  std::string last(const std::string& address, std::string_view method) const {
    std::string found;
    for (const auto& send : outbox_.sends())
      if (send.destination.remote == at(address) && outbox_.message(send).starts_with(method)) found = outbox_.message(send);
    return found;
  }
  std::size_t calls() { return std::get<std::vector<CallReport>>(device_.command(GetCalls{}, now_, outbox_)).size(); }
  std::string how_it_ended() {
    const auto past = std::get<std::vector<PastCallReport>>(device_.command(GetPastCalls{10}, now_, outbox_));
    return past.empty() ? "" : past.front().how + " by " + past.front().ended_by;
  }
  std::vector<RestartReport> restarts() { return std::get<std::vector<RestartReport>>(device_.command(GetRestarts{}, now_, outbox_)); }
  void says(const std::string& from, const std::string& received, int status) { send(from, answer(received, status, "", "")); }

  std::string invite_;
  int cseq_ = 0;
};

}  // namespace ringhold::branch_device
