#include "shell/net/certificate_test_bench.hpp"
#include "shell/net/test_bench.hpp"
#include "shell/net/tls_session.hpp"

namespace ringhold::net {

namespace {

const std::string options = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";

/// A peer that speaks TLS over its socket.
class SecurePeer {
 public:
  SecurePeer(const TlsContext& context, TlsSession::Role role) : session_{context, role, *Address::parse("127.0.0.1")} {}
  Peer socket{SocketKind::stream};
  TlsSession& session() { return session_; }

  void connect(const Endpoint& to) {
    socket.connect(to);
    session_.begin();
    flush();
  }
  void say(const std::string& plain) {
    EXPECT_TRUE(session_.send(plain));
    flush();
  }
  /// Until something was said, or the session ended.
  std::string hear() {
    std::string plain;
    while (plain.empty() && !ended_) {
      const std::string wire = socket.receive();
      ended_ = wire.empty() || !session_.receive(wire, plain);  // the good-bye may come with the last words
      flush();
    }
    return plain;
  }

 private:
  void flush() {
    if (!session_.output().empty()) socket.send(std::exchange(session_.output(), {}));
  }
  TlsSession session_;
  bool ended_ = false;
};

class SecureWorker : public WorkerBench {
 protected:
  void begin_secure() {
    Listening listening;
    listening.sip = {*Target::parse("tls:127.0.0.1:0"), *Target::parse("wss:127.0.0.1:0")};
    listening.tls = certificate.files();
    mind.answer = [](const Packet& packet, Outbox& outbox) {
      outbox.send({packet.protocol, packet.transport, packet.flow, packet.local, packet.remote}, "heard");
    };
    begin(listening);
  }
  Endpoint tls() const { return worker->listening().sip[0].endpoint; }

  TestCertificate certificate;
  TlsContext context{*TlsContext::load(certificate.files())};
};

}  // namespace

TEST_F(SecureWorker, takes_a_message_over_TLS_and_answers_on_the_connection) {
  begin_secure();
  SecurePeer phone{context, TlsSession::Role::client};
  phone.connect(tls());
  phone.say(options);
  EXPECT_EQ(phone.hear(), "heard");
  EXPECT_TRUE(mind.diary.wait_for("packet").starts_with("packet tls " + tls().text() + " OPTIONS"));
  phone.socket.close();
  mind.diary.wait_for("closed tls");
}

TEST_F(SecureWorker, keeps_a_connection_when_its_certificate_is_replaced) {
  begin_secure();
  SecurePeer phone{context, TlsSession::Role::client};
  phone.connect(tls());
  phone.say(options);
  EXPECT_EQ(phone.hear(), "heard");
  const TestCertificate renewed;
  worker->renew(*TlsContext::load(renewed.files()));
  SecurePeer distrustful{context, TlsSession::Role::client};
  distrustful.connect(tls());
  EXPECT_EQ(distrustful.hear(), "");
  EXPECT_TRUE(distrustful.session().failure().starts_with("certificate: ")) << "the new one is shown, and not known to it";
  phone.say(options);
  EXPECT_EQ(phone.hear(), "heard");
}

TEST_F(SecureWorker, opens_TLS_to_a_server_of_the_domain_and_uses_it_again_RFC5923) {
  begin_secure();
  SecurePeer listener{context, TlsSession::Role::server};
  listener.socket.listen();
  const Destination there{Protocol::sip, Transport::tls, {}, tls(), listener.socket.endpoint()};
  send(there, "one");
  SecurePeer server{context, TlsSession::Role::server};
  server.socket.accept_from(listener.socket);
  EXPECT_EQ(server.hear(), "one");
  mind.diary.wait_for("opened tls");
  send(there, "two");
  EXPECT_EQ(server.hear(), "two") << "over the same connection";
}

TEST_F(SecureWorker, refuses_a_server_of_another_domain_RFC5922) {
  begin_secure();
  const TestCertificate foreign{{.alternatives = "DNS:other.example"}};
  const auto foreign_context = *TlsContext::load(foreign.files());
  SecurePeer listener{foreign_context, TlsSession::Role::server};
  listener.socket.listen();
  send({Protocol::sip, Transport::tls, {}, tls(), listener.socket.endpoint()}, "a secret");
  SecurePeer server{foreign_context, TlsSession::Role::server};
  server.socket.accept_from(listener.socket);
  EXPECT_EQ(server.hear(), "");
  EXPECT_TRUE(mind.diary.wait_for("refused tls").starts_with("refused tls " + listener.socket.endpoint().text()));
}

TEST_F(SecureWorker, sends_no_request_down_a_connection_of_somebody_unverified_RFC5923) {
  begin_secure();
  SecurePeer stranger{context, TlsSession::Role::client};
  stranger.connect(tls());
  stranger.say(options);
  EXPECT_EQ(stranger.hear(), "heard");
  // The stranger's own address, without a flow: nobody listens there, and his connection is not taken for it.
  send({Protocol::sip, Transport::tls, {}, tls(), stranger.socket.endpoint()}, "a secret");
  EXPECT_TRUE(mind.diary.wait_for("refused tls").starts_with("refused tls " + stranger.socket.endpoint().text()));
}

TEST_F(SecureWorker, calls_no_browser) {
  begin_secure();
  send({Protocol::sip, Transport::wss, {}, tls(), *Endpoint::parse("127.0.0.1:9", Port{})}, "x");
  mind.diary.wait_for("refused wss 127.0.0.1:9");
}

TEST_F(SecureWorker, never_tells_the_mind_of_a_handshake_that_failed) {
  begin_secure();
  Peer noise{SocketKind::stream};
  noise.connect(tls());
  noise.send("OPTIONS sip:a SIP/2.0\r\n\r\n");
  while (!noise.receive().empty()) {}
  SecurePeer phone{context, TlsSession::Role::client};
  phone.connect(tls());
  phone.say(options);
  EXPECT_EQ(phone.hear(), "heard");
  EXPECT_EQ(mind.diary.wait_for(""), "packet tls " + tls().text() + " " + options) << "the first word about anybody";
  EXPECT_EQ(mind.diary.wait_for(""), "opened tls " + phone.socket.endpoint().text() + " slot=2");
}

TEST_F(SecureWorker, says_good_bye_at_its_end_and_writes_what_waits) {
  begin_secure();
  SecurePeer phone{context, TlsSession::Role::client};
  phone.connect(tls());
  phone.say(options);
  EXPECT_EQ(phone.hear(), "heard");
  mind.diary.wait_for("packet");
  const std::string much(200'000, 'x');
  // The mind belongs to the worker's thread.
  worker->run([&](Instant, Outbox&, const Counters&) {
    mind.answer = [&](const Packet& packet, Outbox& outbox) {
      outbox.send({packet.protocol, packet.transport, packet.flow, packet.local, packet.remote}, much);
    };
  });
  phone.say(options);
  mind.diary.wait_for("packet");
  std::thread end{[&] { worker->stop(); }};
  std::string all;
  for (std::string more = phone.hear(); !more.empty(); more = phone.hear()) all += more;
  end.join();
  EXPECT_EQ(all.size(), much.size());
  EXPECT_EQ(phone.session().failure(), "") << "ended by close_notify";
}

}  // namespace ringhold::net
