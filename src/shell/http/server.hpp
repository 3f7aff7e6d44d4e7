#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/address.hpp"

namespace ringhold::http {

struct Request {
  std::string method;
  std::string path;   ///< decoded, without the query
  std::string query;  ///< after '?', as it came
  std::string body;
  std::string idempotency_key{};  ///< the header, as it came
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  ///< the methods that are, with 405 (RFC 9110 §15.5.6)
};

/// A problem document (RFC 9457).
Response problem(int status, std::string_view title, std::string_view detail);
inline Response bad_request(std::string_view detail) { return problem(400, "Bad Request", detail); }

/// An answer that is made when Server::settled() names the id, or when patience is over. Nobody makes it for a client that has gone.
struct Later {
  std::string id;
  std::chrono::milliseconds patience{};
  std::function<Response()> make;  ///< called in the server's thread
};
using Reply = std::variant<Response, Later>;

/// An HTTP/1.1 server in one thread. Larger requests than 256 KB, slower ones than 10 s and more than 64 connections are refused.
class Server {
 public:
  /// Called in the server's thread, one request at a time.
  using Handler = std::function<Reply(const Request&)>;
  /// Opens the listener; throws net::StartError. With a token, a request needs "Authorization: Bearer TOKEN".
  Server(const Endpoint& listen, std::string token, Handler handler);
  ~Server();
  void start();
  void stop();
  Endpoint endpoint() const;
  /// Who waits for that gets his answer. From any thread, and cheap when nobody waits; what is settled while a handler runs counts.
  void settled(std::string_view id);

  static constexpr std::size_t max_connections = 64;
  /// So many of them may wait for something; the next ones are answered at once.
  static constexpr std::size_t max_waiting = 48;
  static constexpr std::size_t max_body = 256 * 1024;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

/// The body of an answer, or why there is none; for the commands, which talk to the running program.
struct Fetched {
  int status = 0;
  std::string body;
  std::string error;
  bool nobody_listens = false;  ///< the connection was refused: no program is there
};
inline constexpr std::chrono::seconds usual_patience{10};
Fetched fetch(const Endpoint& server, std::string_view method, std::string_view target, const std::string& body, const std::string& token,
              std::chrono::seconds patience = usual_patience);

}  // namespace ringhold::http
