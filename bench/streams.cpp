#include "streams.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench {

namespace {

[[noreturn]] void failed(const char* what) {
  std::fprintf(stderr, "load: %s\n", what);
  std::exit(1);
}

constexpr std::string_view length_header = "\r\nContent-Length:";

}  // namespace

Connection::Connection(const sockaddr_in& server, SSL_CTX* context) : fd_{socket(AF_INET, SOCK_STREAM, 0)} {
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) failed("cannot connect");
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
  place_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  if (context != nullptr) {
    session_.reset(SSL_new(context));
    SSL_set_fd(session_.get(), fd_);
    if (SSL_connect(session_.get()) != 1) failed("no TLS handshake");
  }
  fcntl(fd_, F_SETFL, O_NONBLOCK);
}

void Connection::flush() {
  std::size_t sent = 0;
  if (session_) {
    ERR_clear_error();
    const int result = SSL_write_ex(session_.get(), out_.data(), out_.size(), &sent);
    if (result == 0) {
      sent = 0;
      const int why = SSL_get_error(session_.get(), result);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) failed("a connection broke while it was written to");
    }
  } else {
    const ssize_t count = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) failed("a connection broke while it was written to");
    sent = count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  out_.erase(0, sent);
}

std::size_t Connection::read(char* buffer, std::size_t size) {
  if (session_) {
    // Until nothing is left: what the session has read ahead does not make the socket readable.
    std::size_t total = 0;
    for (std::size_t got = 0; total < size; total += got) {
      ERR_clear_error();
      const int result = SSL_read_ex(session_.get(), buffer + total, size - total, &got);
      if (result == 1) continue;
      const int why = SSL_get_error(session_.get(), result);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) failed("a connection broke while it was read");
      break;
    }
    return total;
  }
  const ssize_t count = recv(fd_, buffer, size, 0);
  if (count == 0) failed("the server closed a connection");
  if (count < 0 && errno != EAGAIN && errno != EINTR) failed("a connection broke while it was read");
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::size_t Connection::whole(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const auto at = bytes.find(length_header);
  if (at >= end) failed("a message without Content-Length");
  const auto body = std::strtoull(bytes.data() + at + length_header.size(), nullptr, 10);
  const std::size_t size = end + 4 + body;
  return bytes.size() < size ? 0 : size;
}

Streams::Streams(const sockaddr_in& server, Security security, std::size_t connections) : security_{security} {
  if (security == Security::tls) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    // One version and one cipher, so that all servers do the same work; the certificate was made for this run.
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context_.get(), "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
  }
  connections_.reserve(connections);
  for (std::size_t i = 0; i < connections; ++i) {
    connections_.emplace_back(server, context_.get());
    ready_.push_back({connections_.back().fd(), POLLIN, 0});
  }
}

void Streams::queue(std::size_t channel, std::size_t size) {
  if (!connections_[channel].has_output()) pending_.push_back(channel);
  connections_[channel].append({text_.data(), size});
}

void Streams::flush() {
  std::erase_if(pending_, [&](std::size_t channel) {
    connections_[channel].flush();
    return !connections_[channel].has_output();
  });
}

void Streams::wait(int milliseconds) {
  for (pollfd& one : ready_) one.events = POLLIN;
  for (const std::size_t channel : pending_) ready_[channel].events = POLLIN | POLLOUT;
  poll(ready_.data(), ready_.size(), milliseconds);
}

void Streams::receive(const Visit& visit) {
  for (std::size_t channel = 0; channel < connections_.size(); ++channel)
    if ((ready_[channel].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
      connections_[channel].receive([&](std::string_view message) { visit(channel, message); });
  flush();
}

}  // namespace bench
