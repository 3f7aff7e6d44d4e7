#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/flow.hpp"
#include "shell/net/dns_framer.hpp"
#include "shell/net/inbox.hpp"
#include "shell/net/sockets.hpp"
#include "shell/net/tls_session.hpp"
#include "shell/net/websocket_session.hpp"
#include "sip/framing.hpp"

namespace ringhold::net {

/// One TCP connection of SIP or DNS, accepted or opened: TLS and WebSocket where its transport has them, framing, a bounded
/// write queue, and its times.
class TcpConnection {
 public:
  enum class State : unsigned char { connecting, securing, open, closing };  ///< securing: TLS or WebSocket handshake
  enum class Origin : unsigned char { accepted, opened };
  struct Identity {
    Protocol protocol;
    Transport transport;
    FlowId flow;
    Endpoint local;
    Endpoint remote;
    std::uint64_t serial = 0;
  };
  /// What is between the socket and the messages; neither for plain TCP.
  struct Wrapping {
    std::unique_ptr<TlsSession> tls;
    std::unique_ptr<WebSocketSession> websocket;
  };
  TcpConnection(boost::asio::io_context& loop, FileDescriptor socket, const Identity& identity, Origin origin, Instant now,
                Wrapping wrapping = {});

  const Identity& identity() const { return identity_; }
  State state() const { return state_; }
  Origin origin() const { return origin_; }
  int descriptor() { return descriptor_.native_handle(); }
  std::size_t queued() const { return queue_.size() - written_ + (wrapping_.tls ? wrapping_.tls->pending() : 0); }
  /// Why TLS or WebSocket failed; empty when it did not.
  std::string_view failure() const;

  void wait_readable(Inbox& inbox);
  void wait_writable(Inbox& inbox);

  enum class Outcome : unsigned char { quiet, more, gone };
  /// Reads and hands every whole message to the inbox. `more`: serve it again; `gone`: it ended or cannot be understood.
  Outcome read(std::span<char> buffer, Inbox& inbox);
  /// The socket became writable: the connection stands, or the queue moves. False: gone (errno of connect in `error`).
  bool become_writable(Inbox& inbox, int& error);
  /// One message, framed. False: the queue is full or the connection gone, close it.
  bool write(std::string_view message, Inbox& inbox);
  /// From now on what is written is collected until release(), so that the messages of a batch cost one call.
  void hold() { holds_ = true; }
  /// Sends what was collected. False: it is gone.
  bool release(Inbox& inbox);
  bool holds() const { return holds_; }
  /// The peer does not take what is written, or cannot yet.
  bool is_slow() const { return waits_writable_ || (wrapping_.tls && wrapping_.tls->pending() != 0); }
  /// Says good-bye; no more is read, and it may be closed when the queue is empty.
  void start_closing(Inbox& inbox);
  /// Writes what the socket takes, at the end of the program. False: it is gone.
  bool flush(Inbox& inbox) { return drain(inbox); }
  /// A browser that has been silent for long is asked whether it is there.
  void keep_alive(Inbox& inbox);
  /// What is wrong with its age, if anything.
  enum class Verdict : unsigned char { fine, idle, silent, never_ending, connect_timeout, handshake_timeout, closing_timeout };
  Verdict judge(Instant now) const;

 private:
  Source source(Source::Kind kind) const { return {kind, identity_.protocol, identity_.flow.number, identity_.serial}; }
  bool take(std::string_view bytes, Inbox& inbox);
  bool take_websocket(std::string_view bytes, Inbox& inbox);
  void become_open(Inbox& inbox);
  bool take_messages(Inbox& inbox);
  bool take_sip(sip::StreamFramer& framer, Inbox& inbox);
  bool take_dns(DnsFramer& framer, Inbox& inbox);
  void hand_over(std::string_view bytes, Inbox& inbox);
  bool say(std::string_view bytes, Inbox& inbox);
  bool encrypt(std::string_view plain, Inbox& inbox);
  bool write_output(std::string& output, Inbox& inbox);
  bool write_bytes(std::string_view bytes, Inbox& inbox);
  bool drain(Inbox& inbox);
  std::size_t buffered() const;
  Counters::Traffic& traffic(Inbox& inbox) const;

  Identity identity_;
  Origin origin_;
  State state_;
  Wrapping wrapping_;
  boost::asio::posix::stream_descriptor descriptor_;
  std::variant<sip::StreamFramer, DnsFramer> framer_;
  std::string queue_;
  std::size_t written_ = 0;
  bool waits_writable_ = false;
  bool holds_ = false;
  Instant state_since_;
  Instant active_at_;
  Instant heard_at_;
  Instant pinged_at_;
  bool spoke_ = false;     ///< a whole message or a ping came
  Instant partial_since_;  ///< meaningful while bytes of an unfinished message are buffered
};

}  // namespace ringhold::net
