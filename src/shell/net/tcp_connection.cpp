#include "shell/net/tcp_connection.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "base/limits.hpp"
#include "shell/net/bounds.hpp"

namespace ringhold::net {

using Wait = boost::asio::posix::stream_descriptor;

TcpConnection::TcpConnection(boost::asio::io_context& loop, FileDescriptor socket, const Identity& identity, State state, Instant now)
    : identity_{identity}, state_{state}, descriptor_{loop, socket.release()}, state_since_{now}, active_at_{now}, partial_since_{now} {
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
  return std::visit([](const auto& framer) { return framer.buffered(); }, framer_);
}

TcpConnection::Outcome TcpConnection::read(std::span<char> buffer, Inbox& inbox) {
  if (state_ != State::open) return Outcome::quiet;
  const ssize_t count = recv(descriptor_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? Outcome::quiet : Outcome::gone;
  if (count == 0) return Outcome::gone;
  const auto size = static_cast<std::size_t>(count);
  traffic(inbox).bytes_in += size;
  active_at_ = inbox.now();
  const bool fresh = buffered() == 0;
  std::visit([&](auto& framer) { framer.feed({buffer.data(), size}); }, framer_);
  if (fresh) partial_since_ = inbox.now();
  if (!take_messages(inbox)) return Outcome::gone;
  return size == buffer.size() ? Outcome::more : Outcome::quiet;
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
        if (!write_bytes("\r\n", inbox)) return false;
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
  inbox.received({identity_.protocol, Transport::tcp, identity_.flow, identity_.local, identity_.remote, bytes});
}

bool TcpConnection::become_writable(Inbox& inbox, int& error) {
  waits_writable_ = false;
  error = 0;
  if (state_ == State::connecting) {
    socklen_t length = sizeof error;
    if (getsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return false;
    state_ = State::open;
    state_since_ = active_at_ = inbox.now();
    identity_.local = local_endpoint(descriptor_.native_handle());
    wait_readable(inbox);
  }
  return drain(inbox);
}

bool TcpConnection::write(std::string_view message, Inbox& inbox) {
  if (state_ == State::closing) return true;
  ++traffic(inbox).packets_out;
  if (identity_.protocol == Protocol::sip) return write_bytes(message, inbox);
  if (message.size() > 0xffff) return false;
  std::string framed;
  framed.reserve(message.size() + 2);
  framed.push_back(static_cast<char>(message.size() >> 8U));
  framed.push_back(static_cast<char>(message.size() & 0xffU));
  framed.append(message);
  return write_bytes(framed, inbox);
}

bool TcpConnection::write_bytes(std::string_view bytes, Inbox& inbox) {
  if (queued() + bytes.size() > bounds::write_queue_bytes) {
    ++inbox.counters().write_queues_full;
    return false;
  }
  traffic(inbox).bytes_out += bytes.size();
  active_at_ = inbox.now();
  if (queued() == 0 && state_ == State::open) {
    const ssize_t sent = send(descriptor_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (bytes.empty()) return true;
  }
  queue_.append(bytes);
  wait_writable(inbox);
  return true;
}

bool TcpConnection::drain(Inbox& inbox) {
  while (queued() != 0) {
    const ssize_t sent = send(descriptor_.native_handle(), queue_.data() + written_, queued(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) return false;
    if (sent <= 0) {
      wait_writable(inbox);
      break;
    }
    written_ += static_cast<std::size_t>(sent);
  }
  if (queued() == 0) {
    queue_.clear();
    written_ = 0;
  } else if (written_ > bounds::write_queue_bytes / 2) {
    queue_.erase(0, written_);
    written_ = 0;
  }
  return true;
}

void TcpConnection::start_closing(Instant now) {
  if (state_ == State::closing) return;
  state_ = State::closing;
  state_since_ = now;
}

TcpConnection::Verdict TcpConnection::judge(Instant now) const {
  switch (state_) {
    case State::connecting: return now - state_since_ >= bounds::connect_timeout ? Verdict::connect_timeout : Verdict::fine;
    case State::closing: return now - state_since_ >= bounds::closing ? Verdict::closing_timeout : Verdict::fine;
    case State::open: break;
  }
  if (buffered() != 0 && now - partial_since_ >= bounds::partial_message) return Verdict::never_ending;
  const Duration idle = identity_.protocol == Protocol::sip ? limits::connection_idle : bounds::dns_idle;
  return now - active_at_ >= idle ? Verdict::idle : Verdict::fine;
}

}  // namespace ringhold::net
