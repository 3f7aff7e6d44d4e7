#include "shell/net/tcp_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "shell/net/bounds.hpp"

namespace ringhold::net {

using Wait = boost::asio::posix::stream_descriptor;

TcpConnection::TcpConnection(boost::asio::io_context& loop, FileDescriptor socket, const Identity& identity, Origin origin, Instant now,
                             Wrapping wrapping)
    : identity_{identity},
      origin_{origin},
      state_{origin == Origin::opened                                   ? State::connecting
             : wrapping.tls != nullptr || wrapping.websocket != nullptr ? State::securing
                                                                        : State::open},
      wrapping_{std::move(wrapping)},
      descriptor_{loop, socket.release()},
      state_since_{now},
      active_at_{now},
      heard_at_{now},
      pinged_at_{now},
      partial_since_{now} {
  if (identity.protocol == Protocol::dns) framer_.emplace<DnsFramer>();
}

void TcpConnection::wait_readable(Inbox& inbox) {
  descriptor_.async_wait(Wait::wait_read, [&inbox, from = source(Source::Kind::connection)](const boost::system::error_code& error) {
    if (!error) inbox.ready(from);
  });
}

void TcpConnection::wait_writable(Inbox& inbox) {
  if (std::exchange(waits_writable_, true)) return;
  descriptor_.async_wait(Wait::wait_write,
                         [&inbox, from = source(Source::Kind::writable_connection)](const boost::system::error_code& error) {
                           if (!error) inbox.ready(from);
                         });
}

Counters::Traffic& TcpConnection::traffic(Inbox& inbox) const {
  return identity_.protocol == Protocol::sip ? inbox.counters().sip : inbox.counters().dns;
}

std::size_t TcpConnection::buffered() const {
  if (wrapping_.websocket) return wrapping_.websocket->partial();
  return std::visit([](const auto& framer) { return framer.buffered(); }, framer_);
}

std::string_view TcpConnection::failure() const {
  if (wrapping_.tls && !wrapping_.tls->failure().empty()) return wrapping_.tls->failure();
  return wrapping_.websocket ? std::string_view{wrapping_.websocket->failure()} : std::string_view{};
}

TcpConnection::Outcome TcpConnection::read(std::span<char> buffer, Inbox& inbox) {
  if (state_ != State::open && state_ != State::securing) return Outcome::quiet;
  const ssize_t count = recv(descriptor_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? Outcome::quiet : Outcome::gone;
  if (count == 0) return Outcome::gone;
  const auto size = static_cast<std::size_t>(count);
  traffic(inbox).bytes_in += size;
  active_at_ = heard_at_ = inbox.now();
  const std::string_view wire{buffer.data(), size};
  if (!wrapping_.tls) return !take(wire, inbox) ? Outcome::gone : size == buffer.size() ? Outcome::more : Outcome::quiet;
  std::string plain;
  const bool goes_on = wrapping_.tls->receive(wire, plain);
  if (!write_output(wrapping_.tls->output(), inbox)) return Outcome::gone;
  if (wrapping_.tls->is_established() && !wrapping_.websocket) become_open(inbox);
  // What was said before the end counts.
  if (!plain.empty() && !take(plain, inbox)) return Outcome::gone;
  return !goes_on ? Outcome::gone : size == buffer.size() ? Outcome::more : Outcome::quiet;
}

void TcpConnection::become_open(Inbox& inbox) {
  if (state_ != State::securing) return;
  state_ = State::open;
  state_since_ = inbox.now();
}

bool TcpConnection::take(std::string_view bytes, Inbox& inbox) {
  const bool fresh = buffered() == 0;
  if (fresh) partial_since_ = inbox.now();
  if (wrapping_.websocket) return take_websocket(bytes, inbox);
  std::visit([&](auto& framer) { framer.feed(bytes); }, framer_);
  return take_messages(inbox);
}

bool TcpConnection::take_websocket(std::string_view bytes, Inbox& inbox) {
  WebSocketSession& websocket = *wrapping_.websocket;
  const bool goes_on = websocket.receive(bytes);
  if (!encrypt({}, inbox)) return false;
  if (websocket.is_established()) become_open(inbox);
  while (const auto message = websocket.take()) {
    spoke_ = true;
    partial_since_ = inbox.now();
    // Some pages ping as over TCP (RFC 5626 §4.4.1), though WebSocket has its own pings.
    if (trimmed(*message).empty()) {
      if (!say("\r\n", inbox)) return false;
      continue;
    }
    hand_over(*message, inbox);
  }
  if (!goes_on && !websocket.failure().empty()) ++inbox.counters().streams_broken;
  return goes_on;
}

bool TcpConnection::take_messages(Inbox& inbox) {
  const std::size_t before = buffered();
  bool understood = false;
  if (auto* sip = std::get_if<sip::StreamFramer>(&framer_))
    understood = take_sip(*sip, inbox);
  else
    understood = take_dns(std::get<DnsFramer>(framer_), inbox);
  if (buffered() != before) partial_since_ = inbox.now();
  if (!understood) ++inbox.counters().streams_broken;
  return understood;
}

bool TcpConnection::take_sip(sip::StreamFramer& framer, Inbox& inbox) {
  for (;;) {
    const auto piece = framer.take();
    switch (piece.kind) {
      case sip::StreamFramer::Kind::nothing: return true;
      case sip::StreamFramer::Kind::message: hand_over(piece.bytes, inbox); break;
      case sip::StreamFramer::Kind::keep_alive:
        spoke_ = true;
        if (!say("\r\n", inbox)) return false;
        break;
      case sip::StreamFramer::Kind::error: return false;
    }
  }
}

bool TcpConnection::take_dns(DnsFramer& framer, Inbox& inbox) {
  while (const auto message = framer.take()) hand_over(*message, inbox);
  return !framer.broken();
}

void TcpConnection::hand_over(std::string_view bytes, Inbox& inbox) {
  ++traffic(inbox).packets_in;
  spoke_ = true;
  inbox.received({identity_.protocol, identity_.transport, identity_.flow, identity_.local, identity_.remote, bytes});
}

bool TcpConnection::become_writable(Inbox& inbox, int& error) {
  waits_writable_ = false;
  error = 0;
  if (state_ == State::connecting) {
    socklen_t length = sizeof error;
    if (getsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return false;
    state_ = wrapping_.tls ? State::securing : State::open;
    state_since_ = active_at_ = heard_at_ = inbox.now();
    identity_.local = local_endpoint(descriptor_.native_handle());
    wait_readable(inbox);
    if (wrapping_.tls) {
      wrapping_.tls->begin();
      if (!write_output(wrapping_.tls->output(), inbox)) return false;
    }
  }
  return drain(inbox);
}

bool TcpConnection::write(std::string_view message, Inbox& inbox) {
  if (state_ == State::closing) return true;
  ++traffic(inbox).packets_out;
  active_at_ = inbox.now();
  if (identity_.protocol == Protocol::sip) return say(message, inbox);
  if (message.size() > 0xffff) return false;
  std::string framed;
  framed.reserve(message.size() + 2);
  framed.push_back(static_cast<char>(message.size() >> 8U));
  framed.push_back(static_cast<char>(message.size() & 0xffU));
  framed.append(message);
  return write_bytes(framed, inbox);
}

bool TcpConnection::say(std::string_view bytes, Inbox& inbox) {
  if (!wrapping_.websocket) return encrypt(bytes, inbox);
  wrapping_.websocket->send(bytes);
  return encrypt({}, inbox);
}

bool TcpConnection::encrypt(std::string_view plain, Inbox& inbox) {
  if (wrapping_.websocket) plain = wrapping_.websocket->output();
  bool sent = true;
  if (wrapping_.tls) {
    if (queued() + plain.size() > bounds::write_queue_bytes) {
      ++inbox.counters().write_queues_full;
      return false;
    }
    sent = wrapping_.tls->send(plain) && write_output(wrapping_.tls->output(), inbox);
  } else if (!plain.empty()) {
    sent = write_bytes(plain, inbox);
  }
  if (wrapping_.websocket) wrapping_.websocket->output().clear();
  return sent;
}

bool TcpConnection::write_output(std::string& output, Inbox& inbox) {
  const bool written = output.empty() || write_bytes(output, inbox);
  output.clear();
  return written;
}

bool TcpConnection::write_bytes(std::string_view bytes, Inbox& inbox) {
  if (queue_.size() - written_ + bytes.size() > bounds::write_queue_bytes) {
    ++inbox.counters().write_queues_full;
    return false;
  }
  traffic(inbox).bytes_out += bytes.size();
  if (holds_ && state_ != State::connecting && !waits_writable_) {
    queue_.append(bytes);
    return queue_.size() - written_ < bounds::held_bytes || drain(inbox);
  }
  if (queue_.empty() && state_ != State::connecting) {
    const ssize_t sent = send(descriptor_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (bytes.empty()) return true;
  }
  queue_.append(bytes);
  wait_writable(inbox);
  return true;
}

bool TcpConnection::release(Inbox& inbox) {
  holds_ = false;
  return state_ == State::connecting || waits_writable_ || drain(inbox);
}

bool TcpConnection::drain(Inbox& inbox) {
  while (written_ < queue_.size()) {
    const ssize_t sent = send(descriptor_.native_handle(), queue_.data() + written_, queue_.size() - written_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) return false;
    if (sent <= 0) {
      wait_writable(inbox);
      break;
    }
    written_ += static_cast<std::size_t>(sent);
  }
  if (written_ == queue_.size()) {
    queue_.clear();
    written_ = 0;
  } else if (written_ > bounds::write_queue_bytes / 2) {
    queue_.erase(0, written_);
    written_ = 0;
  }
  return true;
}

void TcpConnection::start_closing(Inbox& inbox) {
  if (state_ == State::closing) return;
  if (state_ == State::open) {
    if (wrapping_.websocket) wrapping_.websocket->close();
    (void)encrypt({}, inbox);
    if (wrapping_.tls) {
      wrapping_.tls->close();
      (void)write_output(wrapping_.tls->output(), inbox);
    }
  }
  state_ = State::closing;
  state_since_ = inbox.now();
}

void TcpConnection::keep_alive(Inbox& inbox) {
  if (state_ != State::open || !wrapping_.websocket || inbox.now() - std::max(heard_at_, pinged_at_) < bounds::websocket_ping) return;
  pinged_at_ = inbox.now();
  // Heard of again by its pong; without one the connection grows idle, or TCP finds out.
  wrapping_.websocket->ping();
  (void)encrypt({}, inbox);
}

TcpConnection::Verdict TcpConnection::judge(Instant now) const {
  switch (state_) {
    case State::connecting: return now - state_since_ >= bounds::connect_timeout ? Verdict::connect_timeout : Verdict::fine;
    case State::closing: return now - state_since_ >= bounds::closing ? Verdict::closing_timeout : Verdict::fine;
    case State::securing: return now - state_since_ >= bounds::handshake_timeout ? Verdict::handshake_timeout : Verdict::fine;
    case State::open: break;
  }
  if (buffered() != 0 && now - partial_since_ >= bounds::partial_message) return Verdict::never_ending;
  if (identity_.protocol == Protocol::sip && origin_ == Origin::accepted && !spoke_ && now - state_since_ >= bounds::first_message)
    return Verdict::silent;
  const Duration idle = identity_.protocol == Protocol::sip ? limits::connection_idle : bounds::dns_idle;
  return now - active_at_ >= idle ? Verdict::idle : Verdict::fine;
}

}  // namespace ringhold::net
