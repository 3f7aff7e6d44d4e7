#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace bench {

inline constexpr std::size_t room = 4096;

/// The ways to the server, by number: two sockets over UDP, or connections that are kept open. What comes in on one is answered on it.
class Channels {
 public:
  using Visit = std::function<void(std::size_t channel, std::string_view message)>;

  Channels() = default;
  Channels(const Channels&) = delete;
  Channels& operator=(const Channels&) = delete;
  virtual ~Channels() = default;

  /// As Via names it.
  virtual std::string_view transport() const = 0;
  /// Where the caller of that user is, and where the user is registered from.
  virtual std::size_t of_caller(std::size_t user) const = 0;
  virtual std::size_t of_registrant(std::size_t user) const = 0;
  /// Where the phones are that are registered from there.
  virtual std::size_t of_phones(std::size_t registrant) const = 0;
  virtual std::size_t size() const = 0;
  /// Our address and port.
  virtual std::string place(std::size_t channel) const = 0;

  /// Room for the next message, to be filled and queued before the next one is asked for.
  virtual char* next(std::size_t channel) = 0;
  virtual void queue(std::size_t channel, std::size_t size) = 0;
  virtual void flush() = 0;
  virtual void wait(int milliseconds) = 0;
  /// Visits what has come in, after a wait.
  virtual void receive(const Visit& visit) = 0;

  /// The URI of somebody at that channel.
  std::string uri(std::string_view user, std::size_t channel) const {
    const std::string_view parameter = transport() == "UDP" ? "" : transport() == "TCP" ? ";transport=tcp" : ";transport=tls";
    return std::string{"sip:"}.append(user).append("@").append(place(channel)).append(parameter);
  }
};

}  // namespace bench
