#include "shell/net/websocket_session.hpp"

#include <fmt/format.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <ranges>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "shell/http/text.hpp"
#include "shell/net/bounds.hpp"
#include "shell/net/memory_stream.hpp"

namespace ringhold::net {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using Error = boost::system::error_code;

constexpr std::string_view subprotocol = "sip";

/// The host of "https://phone.example.com:8443".
std::string_view host_of(std::string_view origin) {
  const auto slashes = origin.find("://");
  if (slashes == std::string_view::npos) return {};
  origin.remove_prefix(slashes + 3);
  const auto end = !origin.empty() && origin.front() == '[' ? origin.find(']') : 0;
  return origin.substr(0, end == std::string_view::npos ? end : origin.find(':', end));
}

bool is_ascii(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; });
}

}  // namespace

bool WebOrigins::allow(std::string_view origin) const {
  for (const std::string& one : allowed)
    if (one == "*" || equal_ignoring_case(one, origin)) return true;
  const std::string host = lower_case(host_of(origin));
  return !domain.empty() && (host == domain || host.ends_with("." + domain));
}

class WebSocketSession::Stream {
 public:
  Stream(boost::asio::io_context& engine, const WebOrigins& origins) : engine_{engine}, origins_{origins}, socket_{engine} {
    request_.header_limit(bounds::websocket_handshake_bytes);
    request_.body_limit(0);
    http::async_read(wire(), buffer_, request_, [this](const Error& error, std::size_t) { requested(error); });
    run();
  }

  MemoryStream& wire() { return socket_.next_layer(); }
  bool receive(std::string_view bytes) {
    wire().feed(bytes);
    run();
    return !ended;
  }
  void send(std::string_view message) {
    socket_.text(is_ascii(message) || ringhold::http::valid_utf8(message) == message);
    socket_.async_write(boost::asio::buffer(message), [](const Error&, std::size_t) {});
    run();
  }
  void ping() {
    socket_.async_ping({}, [](const Error&) {});
    run();
  }
  void close() {
    if (!established || ended) return;
    socket_.async_close(websocket::close_code::going_away, [](const Error&) {});
    run();
  }
  std::size_t partial() const { return buffer_.size(); }

  bool established = false;
  bool ended = false;
  std::string failure;
  std::deque<std::string> messages;

 private:
  /// Until every handler waits for bytes that have not come.
  void run() {
    engine_.restart();
    engine_.poll();
  }

  void end(std::string why) {
    ended = true;
    if (failure.empty()) failure = std::move(why);
  }

  void refuse(std::string_view status, std::string_view headers, std::string why) {
    wire().output += fmt::format("HTTP/1.1 {}\r\n{}Content-Length: 0\r\nConnection: close\r\n\r\n", status, headers);
    end(std::move(why));
  }

  void requested(const Error& error) {
    if (error == http::error::header_limit) return refuse("431 Request Header Fields Too Large", "", "handshake too long");
    if (error) return refuse("400 Bad Request", "", "no HTTP request: " + error.message());
    const auto& request = request_.get();
    if (!websocket::is_upgrade(request)) return refuse("426 Upgrade Required", "Upgrade: websocket\r\n", "no WebSocket handshake");
    if (const auto origin = request.find(http::field::origin); origin != request.end() && !origins_.allow(origin->value()))
      return refuse("403 Forbidden", "", fmt::format("web page of {} is not in sip.web_origins", std::string_view{origin->value()}));
    bool offered = false;
    for (const auto& token : http::token_list{request[http::field::sec_websocket_protocol]})
      offered = offered || equal_ignoring_case(token, subprotocol);
    // RFC 7118 §4.1: without the subprotocol it is somebody else's page.
    if (!offered) return refuse("400 Bad Request", "Sec-WebSocket-Protocol: sip\r\n", "subprotocol is not sip");
    socket_.set_option(websocket::stream_base::decorator(
        [](websocket::response_type& response) { response.set(http::field::sec_websocket_protocol, subprotocol); }));
    socket_.read_message_max(limits::sip_message_bytes);
    socket_.auto_fragment(false);
    socket_.async_accept(request, [this](const Error& accepted_error) { accepted(accepted_error); });
  }

  void accepted(const Error& error) {
    if (error) return end("no WebSocket handshake: " + error.message());
    established = true;
    // What came with the handshake belongs to the frames.
    std::string early{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
    buffer_.clear();
    read();
    if (!early.empty()) wire().feed(early);
  }

  void read() {
    socket_.async_read(buffer_, [this](const Error& error, std::size_t) { came(error); });
  }

  void came(const Error& error) {
    if (error == websocket::error::closed) return end({});
    if (error) return end(error.message());
    messages.emplace_back(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    buffer_.clear();
    read();
  }

  boost::asio::io_context& engine_;
  const WebOrigins& origins_;
  beast::flat_buffer buffer_{limits::sip_message_bytes + bounds::websocket_handshake_bytes};
  http::request_parser<http::empty_body> request_;
  websocket::stream<MemoryStream, false> socket_;
};

WebSocketSession::WebSocketSession(boost::asio::io_context& engine, const WebOrigins& origins)
    : stream_{std::make_unique<Stream>(engine, origins)} {}
WebSocketSession::~WebSocketSession() = default;

bool WebSocketSession::is_established() const { return stream_->established; }
bool WebSocketSession::receive(std::string_view wire) { return stream_->receive(wire); }
std::size_t WebSocketSession::partial() const { return stream_->partial(); }
void WebSocketSession::send(std::string_view message) { stream_->send(message); }
void WebSocketSession::ping() { stream_->ping(); }
void WebSocketSession::close() { stream_->close(); }
std::string& WebSocketSession::output() { return stream_->wire().output; }
const std::string& WebSocketSession::failure() const { return stream_->failure; }

std::optional<std::string> WebSocketSession::take() {
  if (stream_->messages.empty()) return std::nullopt;
  std::string message = std::move(stream_->messages.front());
  stream_->messages.pop_front();
  return message;
}

}  // namespace ringhold::net
