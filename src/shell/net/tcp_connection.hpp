#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/flow.hpp"
#include "shell/net/dns_framer.hpp"
#include "shell/net/inbox.hpp"
#include "shell/net/sockets.hpp"
#include "sip/framing.hpp"

namespace ringhold::net {

/// One TCP connection of SIP or DNS, accepted or opened: framing, a bounded write queue, and its times.
class TcpConnection {
 public:
  enum class State : unsigned char { connecting, open, closing };
  struct Identity {
    Protocol protocol;
    FlowId flow;
    Endpoint local;
    Endpoint remote;
    std::uint64_t serial = 0;
  };
  TcpConnection(boost::asio::io_context& loop, FileDescriptor socket, const Identity& identity, State state, Instant now);

  const Identity& identity() const { return identity_; }
  State state() const { return state_; }
  std::size_t queued() const { return queue_.size() - written_; }

  void wait_readable(Inbox& inbox);
  void wait_writable(Inbox& inbox);

  enum class Outcome : unsigned char { quiet, more, gone };
  /// Reads and hands every whole message to the inbox. `more`: serve it again; `gone`: it ended or cannot be understood.
  Outcome read(std::span<char> buffer, Inbox& inbox);
  /// The socket became writable: the connection stands, or the queue moves. False: gone (errno of connect in `error`).
  bool become_writable(Inbox& inbox, int& error);
  /// One message, framed. False: the queue is full or the connection gone, close it.
  bool write(std::string_view message, Inbox& inbox);
  /// No more is read; it may be closed when the queue is empty.
  void start_closing(Instant now);
  /// What is wrong with its age, if anything.
  enum class Verdict : unsigned char { fine, idle, never_ending, connect_timeout, closing_timeout };
  Verdict judge(Instant now) const;

 private:
  Source source(Source::Kind kind) const { return {kind, identity_.protocol, identity_.flow.number, identity_.serial}; }
  bool take_messages(Inbox& inbox);
  bool take_sip(sip::StreamFramer& framer, Inbox& inbox);
  bool take_dns(DnsFramer& framer, Inbox& inbox);
  void hand_over(std::string_view bytes, Inbox& inbox);
  bool write_bytes(std::string_view bytes, Inbox& inbox);
  bool drain(Inbox& inbox);
  std::size_t buffered() const;
  Counters::Traffic& traffic(Inbox& inbox) const;

  Identity identity_;
  State state_;
  boost::asio::posix::stream_descriptor descriptor_;
  std::variant<sip::StreamFramer, DnsFramer> framer_;
  std::string queue_;
  std::size_t written_ = 0;
  bool waits_writable_ = false;
  Instant state_since_;
  Instant active_at_;
  Instant partial_since_;  ///< meaningful while bytes of an unfinished message are buffered
};

}  // namespace ringhold::net
