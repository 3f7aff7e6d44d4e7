// Answers that come later, over real connections.
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <future>
#include <mutex>

#include "shell/http/server.hpp"

namespace ringhold::http {

namespace {

using namespace std::chrono_literals;

const Endpoint loopback = *Endpoint::parse("127.0.0.1:0", Port{0});

/// A server that has /wait/ID wait for ID, and counts what was asked and what was made.
struct WaitingServer {
  explicit WaitingServer(std::chrono::milliseconds given = 30s) : patience{given} { server.start(); }
  ~WaitingServer() { server.stop(); }
  Reply handle(const Request& request) {
    const bool waits = request.path.starts_with("/wait/");
    if (waits && settles_at_once) server.settled(request.path.substr(6));
    {
      const std::lock_guard lock{mutex};
      ++asked;
      changed.notify_all();
    }
    if (!waits) return Response{200, "text/plain", "now", {}};
    return Later{request.path.substr(6), patience, [this] {
                   ++made;
                   return Response{200, "text/plain", "then", {}};
                 }};
  }
  void wait_until_asked(unsigned times) {
    std::unique_lock lock{mutex};
    ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return asked >= times; }));
  }
  std::string get(const std::string& path) { return fetch(server.endpoint(), "GET", path, {}, {}).body; }
  std::future<std::string> get_later(const std::string& path) {
    return std::async(std::launch::async, [this, path] { return get(path); });
  }

  std::chrono::milliseconds patience;
  bool settles_at_once = false;
  std::atomic<unsigned> made = 0;
  std::mutex mutex;
  std::condition_variable changed;
  unsigned asked = 0;
  Server server{loopback, {}, [this](const Request& request) { return handle(request); }};
};

/// A client that sends, and may go away.
struct Client {
  explicit Client(const Server& server) {
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(server.endpoint().port)});
  }
  void ask(const std::string& path) {
    boost::asio::write(socket, boost::asio::buffer("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  }
  std::string read_until(std::string_view end) {
    std::string text;
    char byte = 0;
    while (text.find(end) == std::string::npos && boost::asio::read(socket, boost::asio::buffer(&byte, 1)) == 1) text.push_back(byte);
    return text;
  }
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket{context};
};

}  // namespace

TEST(Later, comes_when_it_is_settled_and_others_are_served_meanwhile) {
  WaitingServer waiting;
  auto answer = waiting.get_later("/wait/a");
  waiting.wait_until_asked(1);
  EXPECT_EQ(waiting.get("/"), "now");
  waiting.server.settled("b");
  EXPECT_EQ(waiting.made, 0U);
  waiting.server.settled("a");
  EXPECT_EQ(answer.get(), "then");
}

TEST(Later, is_not_lost_when_it_is_settled_before_anybody_waits) {
  WaitingServer waiting;
  waiting.settles_at_once = true;
  EXPECT_EQ(waiting.get("/wait/a"), "then");
}

TEST(Later, comes_for_all_who_wait_for_the_same) {
  WaitingServer waiting;
  auto first = waiting.get_later("/wait/a"), second = waiting.get_later("/wait/a");
  waiting.wait_until_asked(2);
  waiting.server.settled("a");
  EXPECT_EQ(first.get() + second.get(), "thenthen");
}

TEST(Later, comes_when_patience_is_over) {
  WaitingServer waiting{50ms};
  EXPECT_EQ(waiting.get("/wait/a"), "then");
}

TEST(Later, keeps_the_connection_and_the_next_request_on_it) {
  WaitingServer waiting;
  Client client{waiting.server};
  client.ask("/wait/a");
  waiting.wait_until_asked(1);
  client.ask("/next");
  waiting.get("/");  // by then the server has seen that the socket is readable
  waiting.server.settled("a");
  EXPECT_NE(client.read_until("then").find("200 OK"), std::string::npos);
  EXPECT_NE(client.read_until("now").find("200 OK"), std::string::npos);
}

TEST(Later, is_given_up_when_the_client_has_gone) {
  WaitingServer waiting;
  for (unsigned round = 0; round < 3; ++round) {
    // As many as there is room for: each round would find none if those before were not let go.
    std::vector<std::unique_ptr<Client>> clients;
    for (std::size_t i = 0; i + 1 < Server::max_waiting; ++i) {
      clients.push_back(std::make_unique<Client>(waiting.server));
      clients.back()->ask("/wait/a");
    }
    waiting.wait_until_asked(static_cast<unsigned>((round + 1) * (Server::max_waiting - 1)));
  }
  EXPECT_EQ(waiting.get("/"), "now");
  EXPECT_EQ(waiting.made, 0U);
}

TEST(Later, is_made_at_once_when_too_many_wait) {
  WaitingServer waiting;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < Server::max_waiting; ++i) {
    clients.push_back(std::make_unique<Client>(waiting.server));
    clients.back()->ask("/wait/a");
  }
  waiting.wait_until_asked(Server::max_waiting);
  EXPECT_EQ(waiting.get("/wait/b"), "then");
}

TEST(Later, may_be_outstanding_when_the_server_ends) {
  auto waiting = std::make_unique<WaitingServer>();
  Client client{waiting->server};
  client.ask("/wait/a");
  waiting->wait_until_asked(1);
  waiting.reset();
  EXPECT_THROW(client.read_until("then"), boost::system::system_error);
}

}  // namespace ringhold::http
