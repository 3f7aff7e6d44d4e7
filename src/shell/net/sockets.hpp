#pragma once

#include <sys/socket.h>

#include <stdexcept>
#include <string_view>

#include "base/address.hpp"

namespace ringhold::net {

/// A listener could not be opened; what() is one line that says which, why and what to do.
class StartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Owns one file descriptor; negative: none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) : number_{number} {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_{other.release()} {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  explicit operator bool() const { return number_ >= 0; }
  int get() const { return number_; }
  int release();

 private:
  int number_;
};

/// An endpoint as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint);
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Endpoint to_endpoint(const sockaddr_storage& storage);
Endpoint local_endpoint(int socket);

enum class SocketKind : unsigned char { datagram, stream };
/// Whether the kernel spreads what comes to a place over the sockets of several workers.
enum class Sharing : unsigned char {
  one_worker,
  first_of_several,  ///< makes sure that no other program is there: to share a port would be to lose half of the calls
  next_of_several,
};
/// Non-blocking, closed on exec; IPv6 sockets are for IPv6 only. Negative when the kernel refuses (errno says why).
FileDescriptor open_socket(const Address& family_of, SocketKind kind);
/// A socket bound to `endpoint`, and listening if it is a stream. `key` names the setting. Throws StartError.
FileDescriptor open_listener(const Endpoint& endpoint, SocketKind kind, std::string_view key, Sharing sharing = Sharing::one_worker);

/// Holds a place from which several connections to different peers may leave, and where nobody listens; chooses a port where it is 0.
/// Throws StartError.
FileDescriptor open_source(Endpoint& endpoint, std::string_view key);

/// An option that may be refused without harm.
void prefer_option(int socket, int level, int name, int value);
/// Whether an error of a send or an ICMP message says that the peer cannot be reached.
bool means_unreachable(int error);

/// Whether what goes to `remote` may leave from `source`: same family, named, and not from loopback to another host.
bool can_reach(const Address& source, const Address& remote);

/// Raises the soft limit of open files to the hard one.
void raise_file_limit();

}  // namespace ringhold::net
