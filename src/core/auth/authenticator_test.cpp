#include "auth/authenticator.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace ringhold::auth {
namespace {

Settings settings() { return {"example.test", 5min, {Algorithm::sha_512_256, Algorithm::sha_256, Algorithm::md5}}; }

/// A phone that answers challenges, and the authenticator that makes them.
class Authentication : public ::testing::Test {
 protected:
  Authentication() { add("alice", "secret"); }

  void add(std::string_view user, std::string_view password) {
    authenticator_.put(make_user(authenticator_.hasher(), user, "example.test", password), outbox_);
  }
  /// The REGISTER of `user` with `more` header lines; views into it hold until the next one.
  Verdict ask(const std::string& user, const std::string& more, const std::string& branch = "z9hG4bK1", Role role = Role::registrar,
              const std::string& uri = "sip:example.test") {
    text_ = "REGISTER " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11;branch=" + branch + "\r\nFrom: <sip:" + user +
            "@example.test>;tag=1\r\nTo: <sip:" + user + "@example.test>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n" + more +
            "Content-Length: 0\r\n\r\n";
    const auto request = sip::Message::parse(text_);
    EXPECT_TRUE(request);
    return authenticator_.check(*request, packet_, role, user, now_, outbox_);
  }
  /// The challenge for an algorithm out of a verdict; fails when it is not offered.
  static Challenge challenge_of(const Verdict& verdict, Algorithm algorithm) {
    std::string_view rest = verdict.headers;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(line.size() + 2);
      if (const auto challenge = Challenge::parse(line.substr(line.find(' ') + 1)); challenge && challenge->algorithm() == algorithm)
        return *challenge;
    }
    ADD_FAILURE() << "not offered: " << name(algorithm) << "\n" << verdict.headers;
    return {};
  }
  std::string nonce(const std::string& user = "alice") { return std::string{challenge_of(ask(user, ""), Algorithm::md5).nonce}; }
  std::string credentials(const std::string& user, const std::string& password, const std::string& nonce, int nc = 1,
                          Algorithm algorithm = Algorithm::md5, Qop qop = Qop::auth, const std::string& uri = "sip:example.test",
                          const std::string& header = "Authorization") {
    Hasher hasher;
    char count[9];
    std::snprintf(count, sizeof count, "%08x", static_cast<unsigned>(nc));
    const Exchange exchange{"REGISTER", uri, nonce, count, "cn", qop, {}};
    const auto response = make_response(hasher, algorithm, make_ha1(hasher, algorithm, user, "example.test", password), exchange);
    std::string line;
    Challenge challenge;
    challenge.realm = "example.test";
    challenge.nonce = nonce;
    challenge.algorithm_name = name(algorithm);
    append_credentials(line, header, user, challenge, algorithm, exchange, HexDigest{algorithm, response});
    return line;
  }
  std::size_t notes(std::string_view name) const {
    std::size_t count = 0;
    for (const auto& note : outbox_.notes()) count += note.name == name ? 1U : 0U;
    return count;
  }
  static std::string algorithms_in(const Verdict& verdict) {
    std::string list;
    std::string_view rest = verdict.headers;
    for (auto at = rest.find("algorithm="); at != std::string_view::npos; at = rest.find("algorithm=")) {
      rest.remove_prefix(at + 10);
      list += std::string{rest.substr(0, rest.find(','))} + " ";
    }
    return list;
  }

  SeededRandom random_{7};
  Outbox outbox_;
  Instant now_ = from_unix_ms(1'795'213'741'000);
  Authenticator authenticator_{settings(), random_};
  Packet packet_{Protocol::sip,
                 Transport::udp,
                 FlowId{1},
                 *Endpoint::parse("10.77.0.2:5060", Port{}),
                 *Endpoint::parse("10.77.0.11:5060", Port{}),
                 {}};
  std::string text_;
};

}  // namespace

TEST_F(Authentication, challenges_once_for_each_algorithm_the_strongest_first_RFC8760) {
  const Verdict verdict = ask("alice", "");
  EXPECT_EQ(verdict.status, 401);
  EXPECT_EQ(algorithms_in(verdict), "SHA-512-256 SHA-256 MD5 ");
  EXPECT_EQ(verdict.headers.find("stale"), std::string_view::npos);
  EXPECT_TRUE(verdict.headers.starts_with("WWW-Authenticate: Digest realm=\"example.test\", nonce=\""));
  EXPECT_EQ(ask("alice", "", "b", Role::proxy).status, 407);
  EXPECT_TRUE(ask("alice", "", "b", Role::proxy).headers.starts_with("Proxy-Authenticate: "));
}

TEST_F(Authentication, believes_the_right_password_by_every_algorithm_R3) {
  for (const Algorithm algorithm : all_algorithms) {
    const Verdict verdict = ask("alice", credentials("alice", "secret", nonce(), 1, algorithm));
    EXPECT_TRUE(verdict.passed()) << name(algorithm);
    EXPECT_EQ(verdict.user, "alice");
  }
  EXPECT_TRUE(ask("alice", credentials("alice", "secret", nonce(), 1, Algorithm::sha_256, Qop::auth_int)).passed());
  EXPECT_EQ(authenticator_.counters().passed, 4U);
}

TEST_F(Authentication, challenges_anew_after_a_wrong_password_and_notes_it_X2) {
  const Verdict verdict = ask("alice", credentials("alice", "wrong", nonce()));
  EXPECT_EQ(verdict.status, 401);
  EXPECT_EQ(verdict.headers.find("stale"), std::string_view::npos) << "only who knows the password hears that";
  EXPECT_EQ(authenticator_.counters().failed, 1U);
  EXPECT_EQ(notes("auth_failed"), 1U);
}

TEST_F(Authentication, answers_an_unknown_user_as_a_wrong_password_R3) {
  const Verdict known = ask("alice", "");
  const std::string shape = algorithms_in(known);
  const std::size_t size = known.headers.size();
  const Verdict unknown = ask("nobody", "");
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(algorithms_in(unknown), shape);
  EXPECT_EQ(unknown.headers.size(), size);
  const Verdict wrong = ask("alice", credentials("alice", "wrong", nonce()));
  const std::size_t wrong_size = wrong.headers.size();
  const int wrong_status = wrong.status;
  const Verdict nobody = ask("nobody", credentials("nobody", "wrong", nonce("nobody")));
  EXPECT_EQ(nobody.status, wrong_status);
  EXPECT_EQ(nobody.headers.size(), wrong_size);
}

TEST_F(Authentication, offers_what_the_user_can_answer_and_unknown_ones_what_some_user_can_R3) {
  User imported{"carol", "example.test", {}};
  imported.ha1[0] = make_ha1(authenticator_.hasher(), Algorithm::md5, "carol", "example.test", "x");
  authenticator_.put(imported, outbox_);
  EXPECT_EQ(algorithms_in(ask("carol", "")), "MD5 ");
  EXPECT_EQ(algorithms_in(ask("alice", "")), "SHA-512-256 SHA-256 MD5 ");
  std::map<std::string, int> shapes;
  for (int i = 0; i < 100; ++i) ++shapes[algorithms_in(ask("u" + std::to_string(i), ""))];
  EXPECT_EQ(shapes.size(), 2U);
  EXPECT_GT(shapes["MD5 "], 20);
  EXPECT_EQ(algorithms_in(ask("u1", "")), algorithms_in(ask("u1", ""))) << "the same each time";
}

TEST_F(Authentication, calls_an_old_or_foreign_nonce_stale_when_the_password_is_right_RFC7616_3_3) {
  const std::string old = nonce();
  now_ += 5min + 1s;
  EXPECT_NE(ask("alice", credentials("alice", "secret", old)).headers.find("stale=true"), std::string_view::npos);
  EXPECT_NE(ask("alice", credentials("alice", "secret", "of-the-central-site")).headers.find("stale=true"), std::string_view::npos);
  EXPECT_EQ(ask("alice", credentials("alice", "wrong", old)).headers.find("stale"), std::string_view::npos);
  const std::string future = nonce();
  now_ -= 1h;
  EXPECT_NE(ask("alice", credentials("alice", "secret", future)).headers.find("stale=true"), std::string_view::npos);
  EXPECT_EQ(authenticator_.counters().stale, 3U);
}

TEST_F(Authentication, takes_a_nonce_count_once_RFC7616_5_5) {
  const std::string one = nonce();
  const std::string line = credentials("alice", "secret", one, 1);
  EXPECT_TRUE(ask("alice", line, "z9hG4bKa").passed());
  EXPECT_TRUE(ask("alice", line, "z9hG4bKa").passed()) << "a retransmission";
  EXPECT_NE(ask("alice", line, "z9hG4bKb").headers.find("stale=true"), std::string_view::npos) << "a replay";
  EXPECT_TRUE(ask("alice", credentials("alice", "secret", one, 2), "z9hG4bKc").passed());
  EXPECT_EQ(ask("alice", line, "z9hG4bKa").status, 401);
  EXPECT_EQ(authenticator_.counters().replayed, 2U);
}

TEST_F(Authentication, lets_nobody_come_in_anothers_name_R3) {
  add("bob", "hidden");
  EXPECT_EQ(ask("bob", credentials("alice", "secret", nonce())).status, 403);
}

TEST_F(Authentication, says_what_is_wrong_with_credentials) {
  const auto reason = [&](const std::string& line) {
    const Verdict verdict = ask("alice", line);
    EXPECT_EQ(verdict.status, 400) << line;
    return std::string{verdict.reason};
  };
  const std::string one = nonce();
  EXPECT_EQ(reason("Authorization: Digest username=\"a\r\n"), "a quoted string has no end");
  EXPECT_EQ(reason(credentials("alice", "secret", one, 1, Algorithm::md5, Qop::none)), "Digest qop is neither auth nor auth-int");
  EXPECT_EQ(reason(credentials("alice", "secret", one, 0)), "Digest qop needs cnonce, and nc of 8 digits");
  std::string session = credentials("alice", "secret", one);
  session.replace(session.find("algorithm=MD5"), 13, "algorithm=MD5-sess");
  EXPECT_EQ(reason(session), "Digest algorithm was not offered");
}

TEST_F(Authentication, takes_a_digest_over_another_uri_than_the_Request_URI_RFC3261_22_4) {
  EXPECT_TRUE(ask("alice", credentials("alice", "secret", nonce(), 1, Algorithm::md5, Qop::auth, "sip:10.77.0.2:5060")).passed());
}

TEST_F(Authentication, looks_for_the_credentials_of_its_own_realm_among_others_RFC3261_22_3) {
  const std::string others = "Authorization: Digest username=\"x\", realm=\"other\", nonce=\"n\", uri=\"u\", response=\"0\"\r\n";
  EXPECT_EQ(ask("alice", others).status, 401);
  EXPECT_TRUE(ask("alice", others + credentials("alice", "secret", nonce())).passed());
  EXPECT_EQ(ask("alice", credentials("alice", "secret", nonce()), "b", Role::proxy).status, 407) << "the wrong header";
}

TEST_F(Authentication, slows_down_who_guesses_X2) {
  int challenged = 0;
  for (int i = 0; i < 100; ++i) challenged += ask("alice", credentials("alice", "guess" + std::to_string(i), nonce())).status == 401;
  EXPECT_LE(challenged, 11);
  EXPECT_EQ(ask("alice", credentials("alice", "secret", nonce())).status, 503) << "also the right guess, else guessing is not slowed";
  EXPECT_EQ(notes("auth_failed"), static_cast<std::size_t>(challenged)) << "and the log is not flooded";
  EXPECT_GT(authenticator_.counters().limited, 80U);
  packet_.remote.address = *Address::parse("10.77.0.12");
  EXPECT_TRUE(ask("alice", credentials("alice", "secret", nonce())).passed()) << "another phone of the same user is not harmed";
  packet_.remote.address = *Address::parse("10.77.0.11");
  now_ += 2min;
  EXPECT_TRUE(ask("alice", credentials("alice", "secret", nonce())).passed()) << "and it passes";
}

TEST_F(Authentication, slows_down_who_tries_one_password_with_many_users_X2) {
  int challenged = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string user = "u" + std::to_string(i);
    User imported = make_user(authenticator_.hasher(), user, "example.test", "x");
    challenged += ask(user, credentials(user, "guess", nonce())).status == 401;
  }
  EXPECT_LE(challenged, 61);
}

TEST_F(Authentication, keeps_the_key_of_its_nonces_across_a_restart_R3) {
  outbox_.clear();
  authenticator_.start(outbox_);
  ASSERT_EQ(outbox_.changes().size(), 1U);
  const std::string one = nonce();
  SeededRandom other{99};
  Authenticator next{settings(), other};
  next.restore({Table::setting, outbox_.changes()[0].columns.unpacked()});
  next.put(make_user(next.hasher(), "alice", "example.test", "secret"), outbox_);
  std::swap(authenticator_, next);
  EXPECT_TRUE(ask("alice", credentials("alice", "secret", one)).passed());
  outbox_.clear();
  authenticator_.start(outbox_);
  EXPECT_TRUE(outbox_.changes().empty()) << "written once";
}

TEST_F(Authentication, cannot_challenge_without_users_of_its_realm_X31) {
  EXPECT_TRUE(authenticator_.can_challenge());
  authenticator_.remove("alice", outbox_);
  EXPECT_FALSE(authenticator_.can_challenge());
  authenticator_.put(make_user(authenticator_.hasher(), "alice", "old.test", "secret"), outbox_);
  EXPECT_FALSE(authenticator_.can_challenge()) << "his HA1 is that of another realm";
  Settings moved = settings();
  moved.realm = "old.test";
  authenticator_.reconfigure(moved);
  EXPECT_TRUE(authenticator_.can_challenge());
}

TEST(Users, go_to_rows_and_come_back_X5) {
  Hasher hasher;
  const User user = make_user(hasher, "alice", "example.test", "secret");
  const Change change = put(user);
  EXPECT_EQ(change.key, "alice");
  const auto back = from_row({Table::user, change.columns.unpacked()});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->ha1, user.ha1);
  for (const Column& column : change.columns.unpacked()) EXPECT_EQ(std::get<Text>(column).find("secret"), std::string::npos);
  EXPECT_FALSE(from_row({Table::user, {Text{"a"}, Text{"r"}, Text{}, Text{}, Text{"zz"}}}));
  EXPECT_FALSE(from_row({Table::user, {Text{"a:b"}, Text{"r"}, Text{"900150983cd24fb0d6963f7d28e17f72"}, Text{}, Text{}}}));
}

TEST(Sources, know_a_phone_by_its_address_and_name_until_its_binding_ends_X4) {
  Sources sources{KeyedHash{{1, 2}}, 2};
  const Instant now = from_unix_ms(1'795'213'741'000);
  Packet phone{Protocol::sip, Transport::udp, FlowId{1}, {}, *Endpoint::parse("10.77.0.11:5060", Port{}), {}};
  sources.remember(phone, "alice", now + 60s, now);
  EXPECT_TRUE(sources.knows(phone, "alice", now + 59s));
  EXPECT_FALSE(sources.knows(phone, "bob", now));
  EXPECT_FALSE(sources.knows(phone, "alice", now + 60s));
  phone.transport = Transport::tcp;
  EXPECT_FALSE(sources.knows(phone, "alice", now));
  sources.remember(phone, "alice", now + 60s, now);
  phone.flow = FlowId{2};
  EXPECT_FALSE(sources.knows(phone, "alice", now)) << "another connection from the same port";
  sources.remember(phone, "carol", now + 60s, now);
  EXPECT_FALSE(sources.knows(phone, "carol", now)) << "full: he is challenged each time";
  sources.remember(phone, "carol", now + 120s, now + 61s);
  EXPECT_TRUE(sources.knows(phone, "carol", now + 61s)) << "room was made by those that ended";
}

TEST(KnownDevices, are_those_heard_within_a_month_R3) {
  KnownDevices devices{2};
  const Instant now = from_unix_ms(1'795'213'741'000);
  devices.note(*Address::parse("10.77.0.11"), now);
  EXPECT_TRUE(devices.knows(*Address::parse("10.77.0.11"), now + 24h));
  EXPECT_FALSE(devices.knows(*Address::parse("10.77.0.11"), now + 31 * 24h));
  devices.note(*Address::parse("10.77.0.12"), now);
  devices.note(*Address::parse("10.77.0.13"), now);
  EXPECT_FALSE(devices.knows(*Address::parse("10.77.0.13"), now)) << "the bound";
}

}  // namespace ringhold::auth
