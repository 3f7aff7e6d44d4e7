#include "shell/http/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <thread>

namespace ringhold::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace web = boost::beast::http;
using Tcp = asio::ip::tcp;

constexpr auto time_limit = std::chrono::seconds{10};

Tcp::endpoint to_asio(const Endpoint& endpoint) { return {asio::ip::make_address(endpoint.address.text()), to_number(endpoint.port)}; }

std::string decoded(std::string_view text) {
  std::string plain;
  const auto digit = [](char c) {
    return is_digit(c) ? c - '0' : (to_lower(c) >= 'a' && to_lower(c) <= 'f') ? to_lower(c) - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      plain.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
      i += 2;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

/// Equal in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[b.empty() ? 0 : i % b.size()]);
  return difference == 0;
}

}  // namespace

struct Server::Inside {
  Inside(const Endpoint& listen, std::string secret, Handler given) : token{std::move(secret)}, handler{std::move(given)} {
    const auto endpoint = to_asio(listen);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address{true});
    acceptor.bind(endpoint);
    acceptor.listen();
  }

  asio::awaitable<void> accept() {
    for (;;) {
      boost::system::error_code error;
      auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error || connections >= max_connections) continue;
      asio::co_spawn(context, serve(beast::tcp_stream{std::move(socket)}), asio::detached);
    }
  }

  asio::awaitable<void> serve(beast::tcp_stream stream) {
    ++connections;
    beast::flat_buffer buffer{max_body};
    for (;;) {
      web::request_parser<web::string_body> parser;
      parser.body_limit(max_body);
      parser.header_limit(16 * 1024);
      stream.expires_after(time_limit);
      boost::system::error_code error;
      co_await web::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      auto response = answer(parser.get());
      const bool keep = response.keep_alive();
      stream.expires_after(time_limit);
      co_await web::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
      if (error || !keep) break;
    }
    boost::system::error_code ignored;
    stream.socket().shutdown(Tcp::socket::shutdown_both, ignored);
    --connections;
  }

  web::response<web::string_body> answer(const web::request<web::string_body>& request) const {
    const std::string_view target{request.target().data(), request.target().size()};
    const auto question = target.find('?');
    Request asked{std::string{request.method_string()}, decoded(target.substr(0, question)),
                  question == std::string_view::npos ? std::string{} : std::string{target.substr(question + 1)}, request.body()};
    const auto given = request[web::field::authorization];
    const bool allowed =
        token.empty() || asked.path == "/healthz" || same_secret(std::string_view{given.data(), given.size()}, "Bearer " + token);
    const Response made =
        allowed
            ? handler(asked)
            : Response{401, "application/problem+json",
                       R"({"title":"Unauthorized","status":401,"detail":"send Authorization: Bearer and the token of http.token_file"})"};
    web::response<web::string_body> response{static_cast<web::status>(made.status), request.version()};
    response.set(web::field::server, "ringhold");
    response.set(web::field::content_type, made.content_type);
    response.set(web::field::cache_control, "no-store");
    response.keep_alive(request.keep_alive());
    if (request.method() != web::verb::head) response.body() = made.body;
    response.prepare_payload();
    return response;
  }

  std::string token;
  Handler handler;
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

Fetched fetch(const Endpoint& server, std::string_view method, std::string_view target, const std::string& body, const std::string& token) {
  asio::io_context context;
  beast::tcp_stream stream{context};
  Fetched fetched;
  const auto run = [&]() -> asio::awaitable<void> {
    stream.expires_after(time_limit);
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
    } catch (const std::exception& exception) { fetched.error = exception.what(); }
  });
  context.run();
  return fetched;
}

}  // namespace ringhold::http
