#include "shell/net/websocket_session.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace ringhold::net {

namespace {

const std::string handshake =
    "GET /sip HTTP/1.1\r\nHost: ringhold.example.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, sip\r\n";

/// A frame as clients send it, with a mask of zeros.
std::string frame(unsigned kind, const std::string& data) {
  std::string bytes{static_cast<char>(kind)};
  if (data.size() < 126) {
    bytes.push_back(static_cast<char>(0x80U | data.size()));
  } else {
    bytes.push_back(static_cast<char>(0x80U | 126U));
    bytes.push_back(static_cast<char>(data.size() >> 8U));
    bytes.push_back(static_cast<char>(data.size() & 0xffU));
  }
  return bytes.append(4, '\0').append(data);
}

constexpr unsigned text = 0x81, binary = 0x82, close = 0x88, ping = 0x89;

struct Session : testing::Test {
  void open() {
    EXPECT_TRUE(session.receive(handshake + "\r\n"));
    EXPECT_TRUE(session.is_established());
    session.output().clear();
  }
  boost::asio::io_context engine{1};
  WebOrigins origins{"example.test", {"https://phone.example.net"}};
  WebSocketSession session{engine, origins};
};

}  // namespace

TEST(WebOrigins, are_the_domain_and_what_was_allowed) {
  const WebOrigins origins{"example.test", {"https://phone.example.net"}};
  EXPECT_TRUE(origins.allow("https://example.test"));
  EXPECT_TRUE(origins.allow("https://phone.Example.test:8443"));
  EXPECT_TRUE(origins.allow("https://PHONE.example.net"));
  EXPECT_FALSE(origins.allow("https://notexample.test"));
  EXPECT_FALSE(origins.allow("https://example.test.evil.example"));
  EXPECT_FALSE(origins.allow("null"));
  EXPECT_FALSE(origins.allow(""));
  EXPECT_TRUE((WebOrigins{"example.test", {"*"}}.allow("null")));
}

TEST_F(Session, answers_the_handshake_of_RFC6455_with_the_subprotocol_RFC7118) {
  for (const char c : handshake + "\r\n") EXPECT_TRUE(session.receive({&c, 1}));
  EXPECT_TRUE(session.is_established());
  EXPECT_TRUE(session.output().starts_with("HTTP/1.1 101 "));
  EXPECT_NE(session.output().find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  EXPECT_NE(session.output().find("Sec-WebSocket-Protocol: sip\r\n"), std::string::npos);
}

TEST_F(Session, takes_frames_that_came_with_the_handshake) {
  EXPECT_TRUE(session.receive(handshake + "\r\n" + frame(text, "early")));
  EXPECT_EQ(session.take(), "early");
}

TEST_F(Session, gives_one_message_for_each_and_sends_text_or_binary) {
  open();
  const std::string both = frame(text, "one") + frame(binary, std::string{"\xff", 1} + std::string(300, 'x'));
  for (const char c : both) EXPECT_TRUE(session.receive({&c, 1}));
  EXPECT_EQ(session.take(), "one");
  EXPECT_EQ(session.take()->size(), 301U);
  EXPECT_FALSE(session.take());
  session.send("hello");
  EXPECT_EQ(session.output(), std::string("\x81\x05hello"));
  session.output().clear();
  session.send("h\xc3\xa9");
  session.send("\xff");
  EXPECT_EQ(session.output(), std::string("\x81\x03h\xc3\xa9\x82\x01\xff")) << "text is UTF-8 (RFC 6455 §5.6)";
}

TEST_F(Session, puts_fragments_together_with_a_ping_between_them) {
  open();
  EXPECT_TRUE(session.receive(frame(0x01, "REGISTER ")));
  EXPECT_EQ(session.partial(), 9U);
  EXPECT_TRUE(session.receive(frame(ping, "?")));
  EXPECT_EQ(session.output(), std::string("\x8a\x01?"));
  EXPECT_TRUE(session.receive(frame(0x80, "sip:x")));
  EXPECT_EQ(session.take(), "REGISTER sip:x");
  EXPECT_EQ(session.partial(), 0U);
}

TEST_F(Session, ends_as_the_other_side_wants) {
  open();
  EXPECT_FALSE(session.receive(frame(close, std::string{"\x03\xe8", 2})));
  EXPECT_EQ(session.output(), std::string("\x88\x02\x03\xe8"));
  EXPECT_EQ(session.failure(), "");
}

TEST_F(Session, says_good_bye) {
  open();
  session.close();
  EXPECT_EQ(session.output(), std::string("\x88\x02\x03\xe9"));
}

TEST_F(Session, ends_with_what_breaks_the_rules_X1) {
  open();
  EXPECT_FALSE(session.receive(std::string{"\x81\x01x", 3})) << "a client masks (RFC 6455 §5.1)";
  EXPECT_NE(session.failure(), "");
}

TEST_F(Session, takes_no_message_that_is_too_long_X1) {
  open();
  std::string bytes;
  for (unsigned i = 0; i < 3; ++i) bytes += frame(i == 0 ? 0x01 : 0x00, std::string(30'000, 'x'));
  EXPECT_FALSE(session.receive(bytes));
  EXPECT_LT(session.partial(), limits::sip_message_bytes + 1);
}

TEST(WebSocketSession, refuses_whom_it_does_not_serve) {
  const auto answer = [](const std::string& request) {
    boost::asio::io_context engine{1};
    const WebOrigins origins{"example.test", {}};
    WebSocketSession session{engine, origins};
    EXPECT_FALSE(session.receive(request)) << request;
    EXPECT_FALSE(session.is_established());
    EXPECT_NE(session.failure(), "");
    return session.output().substr(0, 12);
  };
  const auto without = [](const std::string& line) {
    std::string changed = handshake;
    const auto at = changed.find(line);
    return changed.erase(at, changed.find('\n', at) + 1 - at) + "\r\n";
  };
  EXPECT_EQ(answer(without("Sec-WebSocket-Protocol")), "HTTP/1.1 400");
  EXPECT_EQ(answer(without("Upgrade")), "HTTP/1.1 426");
  EXPECT_EQ(answer(handshake + "Origin: https://evil.example\r\n\r\n"), "HTTP/1.1 403");
  EXPECT_EQ(answer(handshake + "X: " + std::string(9'000, 'x') + "\r\n\r\n"), "HTTP/1.1 431");
  EXPECT_EQ(answer("OPTIONS sip:a SIP/2.0\r\n\r\n"), "HTTP/1.1 400");
}

}  // namespace ringhold::net
