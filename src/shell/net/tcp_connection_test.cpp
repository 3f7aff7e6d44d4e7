#include "shell/net/tcp_connection.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "base/limits.hpp"
#include "shell/net/bounds.hpp"
#include "shell/net/certificate_test_bench.hpp"

namespace ringhold::net {

namespace {

class FakeInbox final : public Inbox {
 public:
  std::vector<std::string> messages;
  Instant clock{};
  Counters counted;

  void received(const Packet& packet) override { messages.emplace_back(packet.bytes); }
  void changed(const FlowChange&) override {}
  void ready(const Source&) override {}
  void note(const Fact&) override {}
  Instant now() const override { return clock; }
  Counters& counters() override { return counted; }
};

using Verdict = TcpConnection::Verdict;

/// An accepted connection whose other end the test holds.
class AcceptedConnection : public testing::Test {
 protected:
  AcceptedConnection() {
    std::array<int, 2> both{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
    ours = FileDescriptor{both[0]};
    theirs = FileDescriptor{both[1]};
  }
  TcpConnection make(Transport transport, TcpConnection::Wrapping wrapping = {}) {
    return {loop,        std::move(ours),    {Protocol::sip, transport, FlowId{1}, {}, {}}, TcpConnection::Origin::accepted,
            inbox.clock, std::move(wrapping)};
  }
  TcpConnection::Outcome come(TcpConnection& connection, const std::string& bytes) {
    EXPECT_EQ(send(theirs.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return connection.read(buffer, inbox);
  }
  std::string answer() {
    std::array<char, 65'536> bytes;
    const ssize_t count = recv(theirs.get(), bytes.data(), bytes.size(), 0);
    return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }

  boost::asio::io_context loop{1};
  boost::asio::io_context engine{1};
  WebOrigins origins{"example.test", {}};
  FakeInbox inbox;
  FileDescriptor ours;
  FileDescriptor theirs;
  std::array<char, 65'536> buffer;
};

}  // namespace

TEST_F(AcceptedConnection, that_says_nothing_at_first_is_closed_X1) {
  auto connection = make(Transport::tcp);
  EXPECT_EQ(connection.judge(inbox.clock + bounds::first_message - 1ms), Verdict::fine);
  EXPECT_EQ(connection.judge(inbox.clock + bounds::first_message), Verdict::silent);
  EXPECT_EQ(come(connection, "\r\n\r\n"), TcpConnection::Outcome::quiet);
  EXPECT_EQ(answer(), "\r\n");
  EXPECT_EQ(connection.judge(inbox.clock + bounds::first_message), Verdict::fine) << "a ping is a word";
  EXPECT_EQ(connection.judge(inbox.clock + limits::connection_idle), Verdict::idle);
}

TEST_F(AcceptedConnection, that_never_ends_its_message_is_closed_X1) {
  auto connection = make(Transport::tcp);
  come(connection, "OPTIONS ");
  inbox.clock += 29s;
  come(connection, "sip:a SIP/2.0\r\n");
  EXPECT_EQ(connection.judge(inbox.clock + 1s), Verdict::never_ending) << "however often a piece of it comes";
}

TEST_F(AcceptedConnection, has_ten_seconds_for_TLS_and_WebSocket) {
  const TestCertificate certificate;
  const auto context = *TlsContext::load(certificate.files());
  auto connection = make(Transport::wss, {std::make_unique<TlsSession>(context, TlsSession::Role::server, Address{}),
                                          std::make_unique<WebSocketSession>(engine, origins)});
  EXPECT_EQ(connection.state(), TcpConnection::State::securing);
  EXPECT_EQ(connection.judge(inbox.clock + bounds::handshake_timeout - 1ms), Verdict::fine);
  EXPECT_EQ(connection.judge(inbox.clock + bounds::handshake_timeout), Verdict::handshake_timeout);
  EXPECT_EQ(come(connection, "noise"), TcpConnection::Outcome::gone);
  EXPECT_NE(connection.failure(), "");
}

TEST_F(AcceptedConnection, asks_a_silent_browser_whether_it_is_there) {
  auto connection = make(Transport::ws, {{}, std::make_unique<WebSocketSession>(engine, origins)});
  come(connection,
       "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n");
  EXPECT_EQ(connection.state(), TcpConnection::State::open);
  EXPECT_TRUE(answer().starts_with("HTTP/1.1 101"));
  const std::string masked{"\x81\x81\0\0\0\0?", 7};
  come(connection, masked);
  EXPECT_EQ(inbox.messages, std::vector<std::string>{"?"});
  inbox.clock += bounds::websocket_ping;
  connection.keep_alive(inbox);
  connection.keep_alive(inbox);
  EXPECT_EQ(answer(), std::string("\x89\0", 2)) << "once a minute";
  inbox.clock += limits::connection_idle - bounds::websocket_ping - 1ms;
  come(connection, std::string{"\x8a\x80\0\0\0\0", 6});
  EXPECT_EQ(connection.judge(inbox.clock + 1min), Verdict::fine) << "its pong counts";
}

TEST_F(AcceptedConnection, of_a_slow_reader_is_given_up_when_its_queue_is_full_X1) {
  auto connection = make(Transport::tcp);
  const std::string message(60'000, 'x');
  bool taken = true;
  for (unsigned i = 0; taken && i < 100; ++i) taken = connection.write(message, inbox);
  EXPECT_FALSE(taken);
  EXPECT_EQ(inbox.counted.write_queues_full, 1U);
  EXPECT_LE(connection.queued(), bounds::write_queue_bytes);
}

}  // namespace ringhold::net
