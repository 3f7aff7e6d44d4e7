#include "shell/net/dhcp_socket.hpp"

#include "shell/net/test_bench.hpp"

namespace ringhold::net {

namespace {

const Address loopback = *Address::parse("127.0.0.1");

/// A DHCP server's socket at any port of loopback: broadcasts reach it, too.
struct Server : Peer {
  Server() : Peer{SocketKind::datagram, *Endpoint::parse("0.0.0.0:0", Port{0})} {}
};

class DhcpSocketTest : public WorkerBench {
 protected:
  /// A worker with a DHCP client on loopback, at a port that nobody uses; the port.
  Port begin_asking() {
    Listening listening;
    listening.dhcp = {"lo", loopback, Peer{SocketKind::datagram}.endpoint().port};
    begin(listening);
    return listening.dhcp->port;
  }
  Destination to(const Endpoint& remote) const { return {Protocol::dhcp, Transport::udp, {}, {loopback, Port{}}, remote}; }
};

/// Another DHCP client of the machine, as those that bind to the address that they got.
struct OtherClient {
  FileDescriptor socket = open_socket(loopback, SocketKind::datagram);
  explicit OtherClient(Port port) {
    prefer_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    EXPECT_EQ(setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
    const SocketAddress address{{loopback, port}};
    EXPECT_EQ(::bind(socket.get(), address.get(), address.length), 0);
  }
  bool hears() const {
    pollfd one{socket.get(), POLLIN, 0};
    return poll(&one, 1, std::chrono::milliseconds{deadline}.count()) == 1;
  }
};

bool may_open_raw_sockets() { return static_cast<bool>(FileDescriptor{::socket(AF_INET, SOCK_RAW, IPPROTO_UDP)}); }

/// An IPv4 packet from 10.77.0.1:67 to port 68, with header options if `words` is above five.
std::string ip_packet(std::string_view payload, unsigned words = 5) {
  std::string packet(words * 4, '\0');
  packet[0] = static_cast<char>(0x40U | words);
  packet.replace(12, 4, "\x0a\x4d\x00\x01", 4);
  packet.append("\0\x43\0\x44\0", 5).append(1, static_cast<char>(8 + payload.size())).append("\0\0", 2);
  return packet.append(payload);
}

std::string refusal(const DhcpInterface& interface) {
  boost::asio::io_context loop;
  try {
    const DhcpSocket socket{loop, interface};
  } catch (const StartError& error) { return error.what(); }
  return "opened";
}

}  // namespace

TEST_F(DhcpSocketTest, sends_to_everybody_RFC2131_4_1) {
  const Port port = begin_asking();
  Server server;
  send(to({*Address::parse("255.255.255.255"), server.endpoint().port}), "question");
  Endpoint from;
  EXPECT_EQ(server.receive(&from), "question");
  EXPECT_EQ(from.port, port);
}

TEST_F(DhcpSocketTest, sends_from_the_address_that_the_mind_names) {
  const Port port = begin_asking();
  Peer server{SocketKind::datagram};
  const Endpoint own{*Address::parse("127.0.0.7"), port};
  send({Protocol::dhcp, Transport::udp, {}, own, server.endpoint()}, "question");
  Endpoint from;
  EXPECT_EQ(server.receive(&from), "question");
  EXPECT_EQ(from, own);
}

TEST_F(DhcpSocketTest, gives_answers_to_the_mind_DIS_02) {
  mind.answer = [](const Packet& packet, Outbox& outbox) {
    outbox.send({packet.protocol, packet.transport, packet.flow, packet.local, packet.remote},
                packet.protocol == Protocol::dhcp ? "dhcp" : "?");
  };
  const Port port = begin_asking();
  Server server;
  for (int i = 0; i < 40; ++i) server.send_to({loopback, port}, std::to_string(i));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(server.receive(), "dhcp");
  const Endpoint own{loopback, port};
  EXPECT_EQ(mind.diary.wait_for("packet"), "packet udp " + own.text() + " 0");
}

TEST_F(DhcpSocketTest, hears_answers_beside_a_client_that_is_bound_to_the_address) {
  if (!may_open_raw_sockets()) GTEST_SKIP() << "no permission for raw sockets";
  const Port port = begin_asking();
  const OtherClient other{port};
  Server server;
  server.send_to({loopback, port}, "answer");
  const Endpoint own{loopback, port};
  EXPECT_EQ(mind.diary.wait_for("packet"), "packet udp " + own.text() + " answer");
  EXPECT_TRUE(other.hears()) << "nothing is taken from it";
}

TEST(HeardDatagram, is_read_behind_headers_of_any_length) {
  for (const unsigned words : {5, 15}) {
    const std::string packet = ip_packet("answer", words);
    const auto heard = read_datagram(packet, Port{68});
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->remote.text(), "10.77.0.1:67");
    EXPECT_EQ(heard->bytes, "answer");
    EXPECT_FALSE(read_datagram(packet, Port{67}));
    EXPECT_EQ(read_datagram(packet + "padding", Port{68})->bytes, "answer");
  }
}

TEST(HeardDatagram, is_none_when_it_is_cut_off_X1) {
  const std::string packet = ip_packet("answer", 6);
  for (std::size_t size = 0; size < packet.size(); ++size) EXPECT_FALSE(read_datagram(packet.substr(0, size), Port{68})) << size;
  std::string bad = packet;
  bad[0] = 0x44;
  EXPECT_FALSE(read_datagram(bad, Port{68})) << "a header of four words";
  bad[0] = 0x66;
  EXPECT_FALSE(read_datagram(bad, Port{68})) << "IPv6";
  bad = packet;
  bad[24 + 5] = 7;
  EXPECT_FALSE(read_datagram(bad, Port{68})) << "shorter than its own header";
}

TEST_F(DhcpSocketTest, a_question_without_a_socket_is_dropped) {
  begin();
  send(to({loopback, Port{9}}), "question");
  Peer phone{SocketKind::datagram};
  phone.send_to(sip_udp(), "alive");
  EXPECT_EQ(mind.diary.wait_for("packet"), "packet udp " + sip_udp().text() + " alive");
}

TEST(DhcpSocketErrors, say_who_holds_the_port_and_what_to_do) {
  const Peer other{SocketKind::datagram, *Endpoint::parse("0.0.0.0:0", Port{0})};
  const std::string port = std::to_string(to_number(other.endpoint().port));
  const std::string said = refusal({"lo", loopback, other.endpoint().port});
  EXPECT_EQ(said, "cannot ask by DHCP on lo (udp port " + port +
                      "): another DHCP client of this machine holds the port and does not share it: ss -lnup 'sport = :" + port +
                      "' names it; end it, or write the domain and the DNS servers into the file");
}

TEST(DhcpSocketErrors, refuse_a_name_that_is_no_interface) {
  for (const char* name : {"ringhold-none", "an-interface-of-a-long-name", ""}) {
    const std::string said = refusal({name, loopback, Port{6868}});
    EXPECT_TRUE(said.ends_with("this machine has no interface of that name: 'ip link' lists those it has")) << said;
  }
}

TEST(DhcpSocketErrors, say_which_permission_is_missing) {
  const std::string said = refusal({"lo", loopback});
  if (said == "opened") GTEST_SKIP() << "we may open every port";
  EXPECT_EQ(said, "cannot ask by DHCP on lo (udp port 68): no permission for a port below 1024: run as root, or give CAP_NET_BIND_SERVICE");
}

}  // namespace ringhold::net
