#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "auth/digest.hpp"
#include "branch_device/branch_device.hpp"
#include "sip/message.hpp"

namespace ringhold::branch_device {
namespace {

Settings settings() {
  Settings settings;
  settings.branch.domain = "example.test";
  settings.branch.name = "ringhold.example.test";
  settings.branch.addresses = {*Address::parse("10.77.0.2")};
  settings.branch.networks = {*Network::parse("10.77.0.0/24")};
  settings.sip.listen = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060")};
  settings.dns.upstream = {*Endpoint::parse("10.78.0.1", Port{53})};
  settings.central.servers = {*Target::parse("udp:10.78.0.11:5060")};
  settings.registrar.auth = Auth::digest;
  return settings;
}

const std::string alices_phone = "10.77.0.11:5060";
const std::string bobs_phone = "10.77.0.12:5060";
const std::string stranger = "10.77.0.66:5060";
const std::string central_server = "10.78.0.11:5060";

/// A branch device that asks for passwords, and phones that know theirs or guess.
class Digest : public ::testing::Test {
 protected:
  Digest() {
    device_->start(now_, outbox_);
    std::get<Done>(command(PutUsers{{{"alice", "secret", {}}, {"bob", "hidden", {}}}}));
  }

  static Endpoint at(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }
  Answer command(const Command& command) { return device_->command(command, now_, outbox_); }
  void pass(Duration duration) {
    const Instant until = now_ + duration;
    while (device_->next_expiry() && *device_->next_expiry() <= until) {
      now_ = std::max(now_, *device_->next_expiry());
      device_->expire(now_, outbox_);
    }
    now_ = until;
  }
  void lose_central() {
    pass(25s);
    outbox_.clear();
  }
  std::string to(std::string_view to) const {
    std::string found;
    for (const auto& send : outbox_.sends())
      if (send.destination.protocol == Protocol::sip && send.destination.remote == at(to)) found = outbox_.message(send);
    return found;
  }
  /// What comes back to `source` for this request.
  std::string ask(const std::string& source, const std::string& method, const std::string& uri, const std::string& from,
                  const std::string& to_user, const std::string& more = {}) {
    ++requests_;
    outbox_.clear();
    const std::string number = std::to_string(requests_);
    const std::string to_tag = method == "BYE" ? ";tag=x" : "";
    device_->receive(
        {Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.2"), at(source),
         last_ = method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + source + ";branch=z9hG4bK" + number +
                 ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:" + from + "@example.test>;tag=f\r\nTo: <sip:" + to_user + "@example.test>" +
                 to_tag + "\r\nCall-ID: " + call_id_ + "\r\nCSeq: " + number + " " + method + "\r\n" + more + "Content-Length: 0\r\n\r\n"},
        now_, outbox_);
    return to(source);
  }
  static int status(const std::string& answer) { return answer.starts_with("SIP/2.0 ") ? std::stoi(answer.substr(8, 3)) : 0; }
  /// The header line that answers the MD5 challenge in `answer`.
  static std::string credentials(const std::string& answer, const std::string& method, const std::string& uri, const std::string& user,
                                 const std::string& password) {
    const auto message = sip::Message::parse(answer);
    const bool proxy = message->status() == 407;
    auth::Hasher hasher;
    std::string line;
    for (const auto& header : message->lines()) {
      if (header.header != sip::Header::www_authenticate && header.header != sip::Header::proxy_authenticate) continue;
      const auto challenge = auth::Challenge::parse(header.value);
      if (!challenge || challenge->algorithm() != auth::Algorithm::md5) continue;
      const auto ha1 = auth::make_ha1(hasher, auth::Algorithm::md5, user, challenge->realm, password);
      const auth::Exchange exchange{method, uri, challenge->nonce, "00000001", "c", auth::Qop::auth, {}};
      auth::append_credentials(line, proxy ? "Proxy-Authorization" : "Authorization", user, *challenge, auth::Algorithm::md5, exchange,
                               auth::HexDigest{auth::Algorithm::md5, auth::make_response(hasher, auth::Algorithm::md5, ha1, exchange)});
    }
    return line;
  }
  std::string register_as(const std::string& source, const std::string& aor_user, const std::string& user, const std::string& password) {
    const std::string contact = "Contact: <sip:" + aor_user + "@" + source + ">;expires=120\r\n";
    const std::string challenge = ask(source, "REGISTER", "sip:example.test", aor_user, aor_user, contact);
    EXPECT_EQ(status(challenge), 401) << challenge;
    return ask(source, "REGISTER", "sip:example.test", aor_user, aor_user,
               contact + credentials(challenge, "REGISTER", "sip:example.test", user, password));
  }
  std::size_t registrations() { return std::get<StatusReport>(command(GetStatus{})).registrations; }
  bool noted(std::string_view name) const {
    return std::ranges::any_of(outbox_.notes(), [&](const Outbox::Note& note) { return note.name == name; });
  }

  SeededRandom random_{42};
  Instant now_ = from_unix_ms(1'790'000'000'000);
  Outbox outbox_;
  std::unique_ptr<BranchDevice> device_ = std::make_unique<BranchDevice>(settings(), random_);
  std::string call_id_ = "c1";
  std::string last_;
  int requests_ = 0;
};

}  // namespace

TEST_F(Digest, registers_who_knows_the_password_and_nobody_else_R3) {
  lose_central();
  EXPECT_EQ(status(register_as(alices_phone, "alice", "alice", "wrong")), 401);
  EXPECT_EQ(registrations(), 0U);
  EXPECT_EQ(status(register_as(alices_phone, "alice", "alice", "secret")), 200);
  EXPECT_EQ(registrations(), 1U);
  EXPECT_EQ(status(register_as(stranger, "nobody", "nobody", "secret")), 401);
}

TEST_F(Digest, lets_a_user_register_his_own_address_only_R3) {
  lose_central();
  const std::string answer = register_as(bobs_phone, "bob", "alice", "secret");
  EXPECT_EQ(status(answer), 403) << answer;
  EXPECT_EQ(registrations(), 0U);
}

TEST_F(Digest, a_forged_register_does_not_touch_a_binding_RST11) {
  lose_central();
  register_as(alices_phone, "alice", "alice", "secret");
  call_id_ = "forged";
  EXPECT_EQ(status(ask(stranger, "REGISTER", "sip:example.test", "alice", "alice", "Contact: <sip:alice@10.77.0.11:5060>\r\n")), 401);
  EXPECT_FALSE(noted("restart_detected"));
  EXPECT_EQ(std::get<std::vector<RegistrationReport>>(command(GetRegistrations{})).at(0).call_id, "c1");
}

TEST_F(Digest, never_challenges_while_nobody_could_answer_and_says_so_X31) {
  for (const char* user : {"alice", "bob"}) command(RemoveUser{user});
  EXPECT_TRUE(noted("auth_no_users"));
  lose_central();
  EXPECT_EQ(status(ask(alices_phone, "REGISTER", "sip:example.test", "alice", "alice", "Contact: <sip:alice@10.77.0.11>\r\n")), 200);
  BranchDevice empty{settings(), random_};
  outbox_.clear();
  empty.start(now_, outbox_);
  EXPECT_TRUE(noted("auth_no_users"));
}

TEST_F(Digest, does_not_challenge_a_registered_phone_again_for_its_calls_X4) {
  lose_central();
  register_as(alices_phone, "alice", "alice", "secret");
  register_as(bobs_phone, "bob", "bob", "hidden");
  ask(alices_phone, "INVITE", "sip:bob@example.test", "alice", "bob");
  EXPECT_TRUE(to(bobs_phone).starts_with("INVITE ")) << to(alices_phone);
}

TEST_F(Digest, challenges_a_call_from_elsewhere_and_keeps_the_credentials_from_the_callee_X4) {
  lose_central();
  register_as(bobs_phone, "bob", "bob", "hidden");
  const std::string challenge = ask(stranger, "INVITE", "sip:bob@example.test", "alice", "bob");
  EXPECT_EQ(status(challenge), 407) << challenge;
  EXPECT_EQ(to(bobs_phone), "");
  ask(stranger, "INVITE", "sip:bob@example.test", "alice", "bob",
      credentials(challenge, "INVITE", "sip:bob@example.test", "alice", "secret"));
  EXPECT_TRUE(to(bobs_phone).starts_with("INVITE ")) << to(stranger);
  EXPECT_EQ(to(bobs_phone).find("Proxy-Authorization"), std::string::npos);
}

TEST_F(Digest, challenges_who_calls_in_anothers_name_X4) {
  lose_central();
  register_as(alices_phone, "alice", "alice", "secret");
  register_as(bobs_phone, "bob", "bob", "hidden");
  const std::string challenge = ask(alices_phone, "MESSAGE", "sip:bob@example.test", "bob", "bob");
  EXPECT_EQ(status(challenge), 407);
  const std::string answer = ask(alices_phone, "MESSAGE", "sip:bob@example.test", "bob", "bob",
                                 credentials(challenge, "MESSAGE", "sip:bob@example.test", "alice", "secret"));
  EXPECT_EQ(status(answer), 403) << answer;
}

TEST_F(Digest, does_not_tell_strangers_who_is_registered_R3) {
  lose_central();
  register_as(bobs_phone, "bob", "bob", "hidden");
  EXPECT_EQ(status(ask(stranger, "MESSAGE", "sip:bob@example.test", "eve", "bob")), 407);
  EXPECT_EQ(status(ask(stranger, "MESSAGE", "sip:nobody@example.test", "eve", "nobody")), 407);
}

TEST_F(Digest, never_challenges_emergency_calls_C4) {
  lose_central();
  for (const char* uri : {"sip:112@example.test", "sip:9-1-1@example.test", "tel:112", "urn:service:sos.fire"})
    EXPECT_NE(status(ask(stranger, "INVITE", uri, "eve", "112")), 407) << uri;
  EXPECT_EQ(status(ask(stranger, "INVITE", "sip:1120@example.test", "eve", "1120")), 407);
}

TEST_F(Digest, challenges_neither_ACK_nor_CANCEL_nor_what_belongs_to_a_dialog_RFC3261_22_1) {
  lose_central();
  EXPECT_EQ(ask(stranger, "ACK", "sip:bob@example.test", "eve", "bob"), "");
  EXPECT_EQ(status(ask(stranger, "CANCEL", "sip:bob@example.test", "eve", "bob")), 481);
  EXPECT_NE(status(ask(stranger, "BYE", "sip:bob@example.test", "eve", "bob")), 407);
  EXPECT_EQ(status(ask(stranger, "OPTIONS", "sip:example.test", "eve", "bob")), 200);
}

TEST_F(Digest, leaves_to_the_central_site_what_goes_there_C3) {
  ask(stranger, "INVITE", "sip:carol@example.test", "alice", "carol");
  EXPECT_TRUE(to(central_server).starts_with("INVITE ")) << to(stranger);
}

TEST_F(Digest, does_not_challenge_the_central_site) {
  register_as(bobs_phone, "bob", "bob", "hidden");
  ask(central_server, "INVITE", "sip:bob@example.test", "carol", "bob");
  EXPECT_TRUE(to(bobs_phone).starts_with("INVITE ")) << to(central_server);
}

TEST_F(Digest, users_and_sources_survive_a_restart_X5) {
  lose_central();
  std::vector<Row> kept;
  Outbox all;
  BranchDevice first{settings(), random_};
  first.start(now_, all);
  first.command(PutUsers{{{"alice", "secret", {}}}}, now_, all);
  for (const Change& change : all.changes())
    if (!change.columns.empty()) kept.push_back({change.table, change.columns.unpacked()});
  register_as(alices_phone, "alice", "alice", "secret");
  for (const Change& change : outbox_.changes())
    if (change.table == Table::binding && !change.columns.empty()) kept.push_back({change.table, change.columns.unpacked()});
  auto second = std::make_unique<BranchDevice>(settings(), random_);
  second->restore(kept, now_);
  outbox_.clear();
  second->start(now_, outbox_);
  EXPECT_FALSE(noted("auth_no_users"));
  EXPECT_EQ(std::get<std::vector<UserReport>>(second->command(GetUsers{}, now_, outbox_)).at(0).algorithms.size(), 3U);
  device_ = std::move(second);
  lose_central();
  const std::string answer = ask(alices_phone, "MESSAGE", "sip:bob@example.test", "alice", "bob");
  EXPECT_NE(status(answer), 407) << answer;
}

TEST_F(Digest, tells_how_far_it_trusts_each_phone_R3) {
  lose_central();
  register_as(alices_phone, "alice", "alice", "secret");
  EXPECT_EQ(std::get<std::vector<RegistrationReport>>(command(GetRegistrations{})).at(0).trust, "digest");
  Settings open = settings();
  open.registrar.auth = Auth::network;
  device_->reconfigure(open, now_, outbox_);
  EXPECT_EQ(std::get<std::vector<RegistrationReport>>(command(GetRegistrations{})).at(0).trust, "unknown");
}

TEST_F(Digest, takes_users_all_or_none) {
  const auto refused = command(PutUsers{{{"carol", "x", {}}, {"d:e", "x", {}}}});
  EXPECT_EQ(std::get<Refused>(refused).status, 400);
  EXPECT_EQ(std::get<std::vector<UserReport>>(command(GetUsers{})).size(), 2U);
  EXPECT_EQ(std::get<Refused>(command(PutUsers{{{"carol", "", {"12", "", ""}}}})).status, 400);
  EXPECT_EQ(std::get<Refused>(command(PutUsers{{{"carol", "", {}}}})).status, 400);
}

TEST_F(Digest, takes_many_users_in_parts_that_come_into_force_together) {
  command(PutUsers{{{"carol", "x", {}}}, 0, true});
  EXPECT_EQ(std::get<std::vector<UserReport>>(command(GetUsers{})).size(), 2U);
  outbox_.clear();
  command(PutUsers{{{"dave", "x", {}}}, 1, false});
  EXPECT_EQ(std::get<std::vector<UserReport>>(command(GetUsers{})).size(), 4U);
  EXPECT_EQ(outbox_.changes().size(), 2U);
  EXPECT_EQ(std::get<Refused>(command(PutUsers{{{"eve", "x", {}}}, 1, false})).status, 409) << "without its first part";
}

TEST_F(Digest, lists_and_removes_users) {
  const auto rows = std::get<std::vector<UserReport>>(command(GetUsers{"bob"}));
  EXPECT_EQ(rows.at(0).name, "bob");
  EXPECT_TRUE(rows.at(0).usable);
  EXPECT_TRUE(std::holds_alternative<Done>(command(RemoveUser{"bob"})));
  EXPECT_EQ(std::get<Refused>(command(RemoveUser{"bob"})).status, 404);
  EXPECT_EQ(std::get<Refused>(command(GetUsers{"bob"})).status, 404);
}

}  // namespace ringhold::branch_device
