#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "shell/net/connections.hpp"
#include "shell/net/datagrams.hpp"
#include "shell/net/dhcp_socket.hpp"
#include "shell/net/hand_over.hpp"
#include "shell/net/inbox.hpp"
#include "shell/net/udp_listener.hpp"
#include "shell/net/upstream.hpp"
#include "shell/net/worker.hpp"

namespace ringhold::net {

/// The inside of a worker. A turn: what became ready is served, DNS first, the mind's timers run, its outbox is sent.
class Worker::Loop final : public Inbox {
 public:
  Loop(const Listening& listening, Mind& mind, Sink& sink, Random& random, const RunningClock& clock, const Post& post);
  void renew(TlsContext context);

  const Listening& listening() const { return listening_; }
  void start();
  void stop();
  void run(Step step);

  void received(const Packet& packet) override { mind_.receive(packet, now_, outbox_); }
  void changed(const FlowChange& change) override;
  void ready(const Source& source) override;
  void note(const Fact& fact) override { outbox_.note(fact); }
  Instant now() const override { return now_; }
  Counters& counters() override { return counters_; }

 private:
  void listen_on_udp(Protocol protocol, Endpoint& endpoint, std::string_view key);
  Sharing sharing() const;
  void live();
  void ask_for_turn();
  void turn();
  void serve_ready(Protocol protocol);
  bool serve(const Source& source);
  void finish_step();
  void empty_outbox();
  void send_all();
  void send_datagram(const Outbox::Send& send);
  void flush_datagrams();
  UdpListener* listener_for(const Destination& destination);
  UdpListener* find_listener(FlowId flow);
  bool is_mine(FlowId flow) const;
  void collect_for_others();
  void serve_others();
  void arm();
  void sweep_later();

  Mind& mind_;
  Sink& sink_;
  RunningClock clock_;
  Post post_;
  Listening listening_;
  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
  boost::asio::steady_timer sweep_timer_{context_};
  std::optional<Instant> armed_for_;
  Instant now_;
  Counters counters_;
  Outbox outbox_;
  std::vector<FlowChange> changes_;
  ReceiveBatch receive_batch_;
  SendBatch send_batch_;
  UdpListener* sending_ = nullptr;
  Connections connections_;
  UpstreamSlots upstream_;
  std::vector<std::unique_ptr<UdpListener>> listeners_;
  std::optional<DhcpSocket> dhcp_;
  std::array<std::vector<Source>, 3> ready_;  ///< by protocol
  std::vector<Source> serving_;
  bool turn_asked_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ringhold::net
