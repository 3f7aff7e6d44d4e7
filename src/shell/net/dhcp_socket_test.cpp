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
  const std::string unknown = refusal({"ringhold-none", loopback, Port{6868}});
  EXPECT_TRUE(unknown.ends_with("this machine has no interface of that name: 'ip link' lists those it has")) << unknown;
  const std::string long_name = refusal({"an-interface-of-a-long-name", loopback, Port{6868}});
  EXPECT_TRUE(long_name.ends_with("the name is too long for an interface")) << long_name;
}

TEST(DhcpSocketErrors, say_which_permission_is_missing) {
  const std::string said = refusal({"lo", loopback});
  if (said == "opened") GTEST_SKIP() << "we may open every port";
  EXPECT_EQ(said, "cannot ask by DHCP on lo (udp port 68): no permission for a port below 1024: run as root, or give CAP_NET_BIND_SERVICE");
}

}  // namespace ringhold::net
