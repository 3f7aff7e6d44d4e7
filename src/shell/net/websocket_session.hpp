#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringhold::net {

/// Which web pages may speak SIP with us: a browser tells the page's origin, and would lend a stranger's page the place of
/// its user inside the branch. Without Origin it is no browser.
struct WebOrigins {
  std::string domain;                ///< pages of this domain, and below it
  std::vector<std::string> allowed;  ///< and these: "https://phone.example.com"; "*": all
  bool allow(std::string_view origin) const;
  friend bool operator==(const WebOrigins&, const WebOrigins&) = default;
};

/// The server's side of one WebSocket connection for SIP (RFC 6455, RFC 7118), without a socket: bytes of the wire in, messages
/// out, and the other way round. Boost.Beast does the work over memory; nothing is under way when a call returns.
class WebSocketSession {
 public:
  /// `engine` runs Beast's handlers, inside of the calls only; one serves all sessions of a thread.
  WebSocketSession(boost::asio::io_context& engine, const WebOrigins& origins);
  ~WebSocketSession();

  bool is_established() const;
  /// False: it ended, or cannot be understood; output() may hold a last word.
  bool receive(std::string_view wire);
  /// The next whole message of the other side.
  std::optional<std::string> take();
  /// Bytes of a message that has begun, or of an unfinished handshake.
  std::size_t partial() const;
  /// One SIP message as one WebSocket message: text, or binary where it is not UTF-8.
  void send(std::string_view message);
  void ping();
  /// Says good-bye.
  void close();
  /// What must be sent over the wire; the caller takes it and clears.
  std::string& output();
  /// Why it was refused or failed; empty when it ended as it should.
  const std::string& failure() const;

 private:
  class Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace ringhold::net
