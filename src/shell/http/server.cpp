#include "shell/http/server.hpp"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <map>
#include <optional>
#include <thread>

#include "shell/http/text.hpp"
#include "shell/net/sockets.hpp"

namespace ringhold::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace web = boost::beast::http;
using Tcp = asio::ip::tcp;

constexpr auto time_limit = usual_patience;
constexpr std::size_t max_header = 16 * 1024;

Tcp::endpoint to_asio(const Endpoint& endpoint) { return {asio::ip::make_address(endpoint.address.text()), to_number(endpoint.port)}; }

/// Equal in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[b.empty() ? 0 : i % b.size()]);
  return difference == 0;
}

/// A connection whose answer comes later.
struct Waiting {
  explicit Waiting(asio::io_context& context) : timer{context} {}
  asio::steady_timer timer;  ///< at the end of patience; cancelled before that when there is no more to wait for
  bool over = false;
  bool gone = false;  ///< the client
};

/// Whether the peer has closed: its socket is readable, and nothing is there.
bool is_closed(Tcp::socket& socket) {
  char byte = 0;
  const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/// A page of another site can make a browser ask us under its own name (DNS rebinding); on loopback only addresses are believed.
bool is_address_or_localhost(std::string_view host) {
  return Endpoint::parse(host, Port{80}).has_value() || host == "localhost" || host.starts_with("localhost:");
}

}  // namespace

Response problem(int status, std::string_view title, std::string_view detail) {
  return {status,
          "application/problem+json",
          boost::json::serialize(boost::json::object{{"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}}),
          {}};
}

struct Server::Inside {
  Inside(const Endpoint& listen, std::string secret, Handler given) : token{std::move(secret)}, handler{std::move(given)} {
    acceptor.assign(to_asio(listen).protocol(), net::open_listener(listen, net::SocketKind::stream, "http.listen").release());
  }

  asio::awaitable<void> accept() {
    asio::steady_timer pause{context};
    for (;;) {
      boost::system::error_code error;
      auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // Out of descriptors: the listener stays readable, so trying at once would turn in circles.
        pause.expires_after(std::chrono::milliseconds{200});
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      } else if (connections < max_connections) {
        asio::co_spawn(context, serve(beast::tcp_stream{std::move(socket)}), asio::detached);
      }
    }
  }

  asio::awaitable<void> serve(beast::tcp_stream stream) {
    ++connections;
    beast::flat_buffer buffer{max_body + max_header};
    for (bool keep = true; keep;) {
      web::request_parser<web::string_body> parser;
      parser.body_limit(max_body);
      parser.header_limit(max_header);
      stream.expires_after(time_limit);
      boost::system::error_code error;
      co_await web::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      const auto refusal = error ? refusal_of(error) : std::nullopt;
      if (error && !refusal) break;
      ++interest;  // before the handler asks, so that what it asks for cannot be settled unnoticed
      Reply reply = refusal ? Reply{*refusal} : answer(parser.get());
      if (const auto* later = std::get_if<Later>(&reply)) {
        if (!co_await settle(stream, *later)) error = asio::error::connection_reset;
        if (!error) reply = made(later->make);
      }
      --interest;
      if (error && !refusal) break;
      auto response = written(std::get<Response>(reply), parser.get());
      if (refusal) response.keep_alive(false);
      keep = response.keep_alive();
      stream.expires_after(time_limit);
      co_await web::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
    }
    boost::system::error_code ignored;
    stream.socket().shutdown(Tcp::socket::shutdown_both, ignored);
    --connections;
  }

  /// Waits as long as there is something to wait for. False: the client has gone.
  asio::awaitable<bool> settle(beast::tcp_stream& stream, const Later& later) {
    if (waiting.size() >= max_waiting) co_return true;
    const auto one = std::make_shared<Waiting>(context);
    const auto place = waiting.emplace(later.id, one.get());
    one->timer.expires_after(later.patience);
    stream.socket().async_wait(Tcp::socket::wait_read, [one, &socket = stream.socket()](const boost::system::error_code& error) {
      // A client that sends its next request already is not looked after any more: patience bounds how long it can be away unnoticed.
      if (error || one->over || !is_closed(socket)) return;
      one->gone = true;
      one->timer.cancel();
    });
    boost::system::error_code ignored;
    co_await one->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    one->over = true;
    waiting.erase(place);
    stream.socket().cancel(ignored);
    co_return !one->gone;
  }

  void wake(const std::string& id) {
    const auto [first, last] = waiting.equal_range(id);
    for (auto one = first; one != last; ++one) one->second->timer.cancel();
  }

  /// Nothing when the peer is gone, or silent for too long.
  static std::optional<Response> refusal_of(const boost::system::error_code& error) {
    if (error == web::error::body_limit || error == web::error::buffer_overflow)
      return problem(413, "Content Too Large", "a request body has at most 256 KB");
    if (error == web::error::header_limit) return problem(431, "Request Header Fields Too Large", "the header has at most 16 KB");
    if (error == web::error::end_of_stream || error == web::error::partial_message) return std::nullopt;
    if (error.category() == web::make_error_code(web::error::bad_method).category())
      return problem(400, "Bad Request", "not HTTP/1.1: " + error.message());
    return std::nullopt;
  }

  static Reply made(const std::function<Reply()>& make) {
    try {
      return make();
    } catch (const std::exception& failure) { return problem(500, "Internal Server Error", failure.what()); }
  }

  Reply answer(const web::request<web::string_body>& request) const {
    const std::string_view target{request.target().data(), request.target().size()};
    const auto question = target.find('?');
    const Request asked{std::string{request.method_string()}, decoded(target.substr(0, question)),
                        question == std::string_view::npos ? std::string{} : std::string{target.substr(question + 1)}, request.body(),
                        std::string{request["Idempotency-Key"]}};
    if (auto refusal = refuse(asked, request)) return *std::move(refusal);
    return made([&] { return handler(asked); });
  }

  std::optional<Response> refuse(const Request& asked, const web::request<web::string_body>& request) const {
    const auto given = request[web::field::authorization];
    const auto host = request[web::field::host];
    if (!token.empty()) {
      if (asked.path == "/healthz" || same_secret({given.data(), given.size()}, "Bearer " + token)) return std::nullopt;
      return problem(401, "Unauthorized", "send Authorization: Bearer and the token of http.token_file");
    }
    if (is_address_or_localhost({host.data(), host.size()})) return std::nullopt;
    return problem(421, "Misdirected Request", "ask by address, or as localhost");
  }

  static web::response<web::string_body> written(const Response& made, const web::request<web::string_body>& request) {
    web::response<web::string_body> response{static_cast<web::status>(made.status), request.version() == 10 ? 10U : 11U};
    response.set(web::field::server, "ringhold");
    response.set(web::field::content_type, made.content_type);
    response.set(web::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    if (!made.allow.empty()) response.set(web::field::allow, made.allow);
    if (made.status == 401) response.set(web::field::www_authenticate, "Bearer");
    response.keep_alive(request.keep_alive());
    response.body() = made.body;
    response.prepare_payload();
    // The length that GET would have, and no body (RFC 9110 §9.3.2).
    if (request.method() == web::verb::head) response.body().clear();
    return response;
  }

  std::string token;
  Handler handler;
  /// By what they wait for. Before the context, which ends what waits.
  std::multimap<std::string, Waiting*, std::less<>> waiting;
  std::atomic<unsigned> interest = 0;  ///< requests that may have to wait for something
  asio::io_context context{1};
  Tcp::acceptor acceptor{context};
  std::size_t connections = 0;
  std::thread thread;
};

Server::Server(const Endpoint& listen, std::string token, Handler handler)
    : inside_{std::make_unique<Inside>(listen, std::move(token), std::move(handler))} {}
Server::~Server() { stop(); }

void Server::start() {
  asio::co_spawn(inside_->context, inside_->accept(), asio::detached);
  inside_->thread = std::thread{[this] { inside_->context.run(); }};
}

void Server::stop() {
  inside_->context.stop();
  if (inside_->thread.joinable()) inside_->thread.join();
}

Endpoint Server::endpoint() const {
  const auto local = inside_->acceptor.local_endpoint();
  return {Address::parse(local.address().to_string()).value_or(Address{}), Port{local.port()}};
}

void Server::settled(std::string_view id) {
  if (inside_->interest.load() == 0) return;
  // Posted: by then the request whose handler has asked for it waits.
  asio::post(inside_->context, [inside = inside_.get(), id = std::string{id}] { inside->wake(id); });
}

Fetched fetch(const Endpoint& server, std::string_view method, std::string_view target, const std::string& body, const std::string& token,
              std::chrono::seconds patience) {
  asio::io_context context;
  beast::tcp_stream stream{context};
  Fetched fetched;
  const auto run = [&]() -> asio::awaitable<void> {
    stream.expires_after(patience);
    co_await stream.async_connect(to_asio(server), asio::use_awaitable);
    web::request<web::string_body> request{web::string_to_verb(boost::core::string_view{method.data(), method.size()}),
                                           boost::core::string_view{target.data(), target.size()}, 11};
    request.set(web::field::host, server.text());
    if (!token.empty()) request.set(web::field::authorization, "Bearer " + token);
    request.body() = body;
    request.prepare_payload();
    request.keep_alive(false);
    co_await web::async_write(stream, request, asio::use_awaitable);
    beast::flat_buffer buffer;
    web::response_parser<web::string_body> parser;
    parser.body_limit(64 * 1024 * 1024);
    co_await web::async_read(stream, buffer, parser, asio::use_awaitable);
    fetched.status = static_cast<int>(parser.get().result_int());
    fetched.body = parser.get().body();
  };
  asio::co_spawn(context, run(), [&](const std::exception_ptr& failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const boost::system::system_error& refused) {
      fetched.error = refused.what();
      fetched.nobody_listens = refused.code() == boost::asio::error::connection_refused;
    } catch (const std::exception& exception) { fetched.error = exception.what(); }
  });
  context.run();
  return fetched;
}

}  // namespace ringhold::http
