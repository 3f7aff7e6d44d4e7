#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace ringhold::net {

/// What Beast takes for a socket: it reads what was fed, what it writes is output. A read waits until more is fed.
class MemoryStream {
 public:
  using executor_type = boost::asio::io_context::executor_type;
  using Error = boost::system::error_code;

  explicit MemoryStream(boost::asio::io_context& engine) : engine_{engine} {}
  executor_type get_executor() { return engine_.get_executor(); }

  void feed(std::string_view bytes) {
    input_.append(bytes);
    if (auto reader = std::exchange(reader_, nullptr)) reader();
  }
  std::string output;

  template <typename Buffers, typename Handler>
  auto async_read_some(const Buffers& buffers, Handler&& token) {
    return boost::asio::async_initiate<Handler, void(Error, std::size_t)>(
        [this, buffers](auto&& handler) {
          auto read = [this, buffers, handler = std::forward<decltype(handler)>(handler)]() mutable {
            const std::size_t count = boost::asio::buffer_copy(buffers, boost::asio::buffer(input_));
            input_.erase(0, count);
            boost::asio::post(get_executor(), boost::beast::bind_front_handler(std::move(handler), Error{}, count));
          };
          if (input_.empty() && boost::asio::buffer_size(buffers) != 0)
            reader_ = std::move(read);
          else
            read();
        },
        token);
  }

  template <typename Buffers, typename Handler>
  auto async_write_some(const Buffers& buffers, Handler&& token) {
    return boost::asio::async_initiate<Handler, void(Error, std::size_t)>(
        [this, buffers](auto&& handler) {
          const std::size_t before = output.size();
          for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers); ++at) {
            const boost::asio::const_buffer piece{*at};
            output.append(static_cast<const char*>(piece.data()), piece.size());
          }
          boost::asio::post(get_executor(),
                            boost::beast::bind_front_handler(std::forward<decltype(handler)>(handler), Error{}, output.size() - before));
        },
        token);
  }

 private:
  boost::asio::io_context& engine_;
  std::string input_;
  std::move_only_function<void()> reader_;
};

// What Beast asks of a socket at the end of a WebSocket connection: here its owner closes.
inline void teardown(boost::beast::role_type, MemoryStream&, MemoryStream::Error& error) { error = {}; }
template <typename Handler>
void async_teardown(boost::beast::role_type, MemoryStream& stream, Handler&& handler) {
  boost::asio::post(stream.get_executor(), boost::beast::bind_front_handler(std::forward<Handler>(handler), MemoryStream::Error{}));
}
inline void beast_close_socket(MemoryStream&) {}

}  // namespace ringhold::net
