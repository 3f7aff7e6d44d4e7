#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "channels.hpp"

namespace bench {

enum class Security { none, tls };

/// One connection to the server, non-blocking once it stands. What goes wrong with it ends the program: there is no figure then.
class Connection {
 public:
  /// `context` null: without TLS.
  Connection(const sockaddr_in& server, SSL_CTX* context);

  int fd() const { return fd_; }
  const std::string& place() const { return place_; }
  void append(std::string_view message) { out_.append(message); }
  bool has_output() const { return !out_.empty(); }
  /// Sends what the socket takes.
  void flush();
  /// Reads once, and visits each message that is whole.
  template <typename Visit>
  void receive(Visit&& visit);

 private:
  struct EndSession {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  std::size_t read(char* buffer, std::size_t size);
  /// The size of the message at the front of `bytes`; zero while it is not whole.
  static std::size_t whole(std::string_view bytes);

  int fd_;
  std::string place_;
  std::unique_ptr<SSL, EndSession> session_;
  std::string in_, out_;
};

/// So many connections: each user has its phone on one, and its caller on the next.
class Streams final : public Channels {
 public:
  Streams(const sockaddr_in& server, Security security, std::size_t connections);

  std::string_view transport() const override { return security_ == Security::tls ? "TLS" : "TCP"; }
  std::size_t of_caller(std::size_t user) const override { return (user + 1) % connections_.size(); }
  std::size_t of_registrant(std::size_t user) const override { return user % connections_.size(); }
  std::size_t of_phones(std::size_t registrant) const override { return registrant; }
  std::size_t size() const override { return connections_.size(); }
  std::string place(std::size_t channel) const override { return connections_[channel].place(); }

  char* next(std::size_t) override { return text_.data(); }
  void queue(std::size_t channel, std::size_t size) override;
  void flush() override;
  void wait(int milliseconds) override;
  void receive(const Visit& visit) override;

 private:
  struct EndContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  Security security_;
  std::unique_ptr<SSL_CTX, EndContext> context_;  ///< ends after the connections
  std::vector<Connection> connections_;
  std::vector<pollfd> ready_;
  std::vector<std::size_t> pending_;  ///< channels with output
  std::array<char, room> text_{};
};

template <typename Visit>
void Connection::receive(Visit&& visit) {
  static std::array<char, 64 * 1024> buffer;
  std::string_view bytes{buffer.data(), read(buffer.data(), buffer.size())};
  if (!in_.empty()) bytes = in_.append(bytes);
  std::size_t taken = 0;
  while (const std::size_t size = whole(bytes.substr(taken))) {
    visit(bytes.substr(taken, size));
    taken += size;
  }
  in_ = std::string{bytes.substr(taken)};
}

}  // namespace bench
