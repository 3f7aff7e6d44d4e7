#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "branch_device/branch_bench.hpp"

namespace ringhold::branch_device {

inline Settings with_application_server() {
  Settings given = settings();
  given.ringing.trusted = {*Network::parse("10.77.0.50/32")};
  return given;
}

/// 8002 has three terminals; 8001 calls (behaviour part 4).
class Ringing : public Branch {
 protected:
  static constexpr const char* caller = "10.77.0.31:5060";
  static constexpr const char* t0 = "10.77.0.41:5060";
  static constexpr const char* t1 = "10.77.0.42:5060";
  static constexpr const char* t2 = "10.77.0.43:5060";

  Ringing() {
    device_.reconfigure(with_application_server(), now_, outbox_);
    lose_central();
  }
  void register_at(const std::string& address, const std::string& user_agent, int cseq = 1, const std::string& contact_more = "") {
    send(address, request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", address,
                          "r" + address.substr(8, 2) + std::to_string(cseq), cseq,
                          "Contact: <sip:8002@" + address + ">;expires=120" + contact_more + "\r\nUser-Agent: " + user_agent + "\r\n"));
    ASSERT_FALSE(last(address, "SIP/2.0 200 ").empty()) << to(address);
  }
  void register_all() {
    register_at(t0, "Yealink SIP-T46");
    register_at(t1, "MicroSIP/3.21");
    register_at(t2, "LinphoneAndroid/5.1");
    drop();
  }
  Answer set(std::vector<PutRing::Step> steps) { return device_.command(PutRing{"8002", std::move(steps)}, now_, outbox_); }
  void one_after_another() {
    ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone"}, 15}, {{"pc-client"}, 15}, {{"mobile-client"}, 15}})));
  }
  static std::string invite(const std::string& more = "", const std::string& from = caller) {
    return request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", from, "i1", 1,
                   "Contact: <sip:8001@" + from + ">\r\n" + more);
  }
  void call(const std::string& more = "", const std::string& from = caller) { send(from, invite(more, from)); }
  /// Passes time up to `at` after `begin`, and forgets what was sent before.
  void until(Duration at) {
    drop();
    pass(begin_ + at - now_);
  }
  void begin() { begin_ = now_; }
  /// The last message that went to `address` in this step and begins like that; empty when none did.
  std::string last(const std::string& address, std::string_view method) const {
    std::string found;
    for (const auto& send : outbox_.sends())
      if (send.destination.remote == at(address) && outbox_.message(send).starts_with(method)) found = outbox_.message(send);
    return found;
  }
  std::string invite_at(const std::string& address) {
    const std::string found = last(address, "INVITE");
    if (!found.empty()) invites_[address] = found;
    return found;
  }
  void ring(const std::string& address) {
    send(address, answer(invites_[address], 180, "t" + address.substr(8, 2), "sip:8002@" + address));
  }
  /// It has been called in this step, and says 180.
  void rings(const std::string& address) {
    ASSERT_FALSE(invite_at(address).empty()) << address;
    ring(address);
  }
  /// A call begins, and this phone rings first.
  void call_rings(const std::string& address) {
    begin();
    call();
    rings(address);
  }
  void answer_call(const std::string& address, int status) {
    send(address, answer(invites_[address], status, "t" + address.substr(8, 2), "sip:8002@" + address));
  }

  Instant begin_;
  std::map<std::string, std::string> invites_;
};

}  // namespace ringhold::branch_device
