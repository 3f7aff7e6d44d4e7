#include "shell/net/worker.hpp"

#include <algorithm>

#include "shell/net/test_bench.hpp"

namespace ringhold::net {

namespace {

void reply(const Packet& packet, Outbox& outbox, std::string_view bytes) {
  outbox.send({packet.protocol, packet.transport, packet.flow, packet.local, packet.remote}, bytes);
}

std::string sip_message(const std::string& body) {
  return "OPTIONS sip:a SIP/2.0\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string dns_message(char mark) { return std::string(12, mark); }
std::string framed(const std::string& message) { return std::string{'\0', static_cast<char>(message.size())} + message; }

}  // namespace

TEST_F(WorkerBench, answers_more_datagrams_than_one_batch_holds) {
  mind.answer = [](const Packet& packet, Outbox& outbox) { reply(packet, outbox, "re:" + std::string{packet.bytes}); };
  begin();
  Peer phone{SocketKind::datagram};
  for (int i = 0; i < 100; ++i) phone.send_to(sip_udp(), std::to_string(i));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(phone.receive(), "re:" + std::to_string(i));
}

TEST_F(WorkerBench, answers_from_the_address_that_was_asked_when_it_listens_on_a_wildcard) {
  mind.answer = [](const Packet& packet, Outbox& outbox) { reply(packet, outbox, "here"); };
  Listening listening;
  listening.sip = {*Target::parse("udp:0.0.0.0:0")};
  begin(listening);
  Peer phone{SocketKind::datagram};
  const Endpoint asked{*Address::parse("127.0.0.7"), sip_udp().port};
  phone.send_to(asked, "where");
  Endpoint from;
  EXPECT_EQ(phone.receive(&from), "here");
  EXPECT_EQ(from, asked);
  EXPECT_EQ(mind.diary.wait_for("packet"), "packet udp " + asked.text() + " where");
}

TEST_F(WorkerBench, serves_IPv6) {
  mind.answer = [](const Packet& packet, Outbox& outbox) { reply(packet, outbox, "six"); };
  Listening listening;
  listening.sip = {*Target::parse("udp:[::1]:0")};
  try {
    begin(listening);
  } catch (const StartError&) { GTEST_SKIP() << "this machine has no IPv6 loopback"; }
  Peer phone{SocketKind::datagram, *Endpoint::parse("[::1]:0", Port{0})};
  phone.send_to(sip_udp(), "x");
  EXPECT_EQ(phone.receive(), "six");
}

TEST_F(WorkerBench, tells_the_mind_who_cannot_be_reached_by_UDP_C5) {
  begin();
  Endpoint nobody;
  {
    Peer gone{SocketKind::datagram};
    nobody = gone.endpoint();
  }
  send({Protocol::sip, Transport::udp, {}, sip_udp(), nobody}, "are you there");
  EXPECT_TRUE(mind.diary.wait_for("refused udp").starts_with("refused udp " + nobody.text()));
  // The error of one peer spoils nothing for the next.
  Peer phone{SocketKind::datagram};
  send({Protocol::sip, Transport::udp, {}, sip_udp(), phone.endpoint()}, "hello");
  EXPECT_EQ(phone.receive(), "hello");
}

TEST_F(WorkerBench, cuts_a_stream_into_messages_and_answers_on_the_connection) {
  mind.answer = [](const Packet& packet, Outbox& outbox) { reply(packet, outbox, packet.bytes.substr(packet.bytes.size() - 1)); };
  begin();
  Peer phone{SocketKind::stream};
  phone.connect(sip_tcp());
  EXPECT_TRUE(mind.diary.wait_for("opened tcp").starts_with("opened tcp " + phone.endpoint().text()));
  const std::string both = sip_message("A") + sip_message("B");
  phone.send(both.substr(0, 30));
  phone.send(both.substr(30));
  std::string answers;
  while (answers.size() < 2) answers += phone.receive();
  EXPECT_EQ(answers, "AB");
  phone.close();
  mind.diary.wait_for("closed tcp");
}

TEST_F(WorkerBench, answers_a_ping_with_a_pong_RFC5626) {
  begin();
  Peer phone{SocketKind::stream};
  phone.connect(sip_tcp());
  phone.send("\r\n\r\n");
  EXPECT_EQ(phone.receive(), "\r\n");
}

TEST_F(WorkerBench, closes_a_stream_that_cannot_be_framed_X1) {
  begin();
  Peer scanner{SocketKind::stream};
  scanner.connect(sip_tcp());
  scanner.send("OPTIONS sip:a SIP/2.0\r\nContent-Length: never\r\n\r\n");
  EXPECT_EQ(scanner.receive(), "");
  mind.diary.wait_for("closed tcp");
}

TEST_F(WorkerBench, opens_a_connection_and_uses_it_again) {
  begin();
  Peer server{SocketKind::stream};
  server.listen();
  const Destination there{Protocol::sip, Transport::tcp, {}, sip_udp(), server.endpoint()};
  send(there, "one");
  Peer accepted{SocketKind::stream};
  accepted.accept_from(server);
  EXPECT_EQ(accepted.receive(), "one");
  mind.diary.wait_for("opened tcp");
  send(there, "two");
  EXPECT_EQ(accepted.receive(), "two") << "over the same connection";
}

TEST_F(WorkerBench, tells_the_mind_that_a_connection_was_refused) {
  begin();
  Endpoint nobody;
  {
    Peer gone{SocketKind::stream};
    nobody = gone.endpoint();
  }
  send({Protocol::sip, Transport::tcp, {}, {}, nobody}, "x");
  EXPECT_TRUE(mind.diary.wait_for("refused tcp").starts_with("refused tcp " + nobody.text()));
  send({Protocol::sip, Transport::tcp, FlowId{4711}, {}, nobody}, "x");
  EXPECT_EQ(mind.diary.wait_for("refused tcp"), "refused tcp " + nobody.text() + " slot=4711") << "a flow that is gone";
}

TEST_F(WorkerBench, takes_pipelined_DNS_queries_over_TCP_D10) {
  mind.answer = [](const Packet& packet, Outbox& outbox) { reply(packet, outbox, packet.bytes); };
  begin();
  Peer client{SocketKind::stream};
  client.connect(dns());
  const std::string both = framed(dns_message('a')) + framed(dns_message('b'));
  client.send(both);
  std::string answers;
  while (answers.size() < both.size()) answers += client.receive();
  EXPECT_EQ(answers, both);
}

TEST_F(WorkerBench, asks_upstream_from_a_fresh_port_each_time_D1) {
  begin();
  Peer upstream{SocketKind::datagram};
  std::vector<Endpoint> sources(3);
  const Destination slot{Protocol::dns, Transport::udp, upstream_flow(7), {}, upstream.endpoint()};
  for (Endpoint& source : sources) {
    send(slot, dns_message('q'));
    upstream.receive(&source);
    EXPECT_NE(source.port, dns().port);
  }
  EXPECT_NE(sources[0].port, sources[1].port);
  upstream.send_to(sources[0], dns_message('1'));
  upstream.send_to(sources[2], dns_message('3'));
  EXPECT_TRUE(mind.diary.wait_for("packet").ends_with(dns_message('3'))) << "the first socket is gone, and with it its answer";
}

TEST_F(WorkerBench, keeps_the_new_socket_when_a_slot_is_closed_and_used_in_one_batch_D1) {
  begin();
  Peer upstream{SocketKind::datagram};
  const Destination slot{Protocol::dns, Transport::udp, upstream_flow(3), {}, upstream.endpoint()};
  send(slot, dns_message('q'));
  upstream.receive();
  worker->run([&](Instant, Outbox& outbox, const Counters&) {
    outbox.close(upstream_flow(3));
    outbox.send(slot, dns_message('r'));
  });
  Endpoint source;
  EXPECT_EQ(upstream.receive(&source), dns_message('r'));
  upstream.send_to(source, dns_message('a'));
  EXPECT_TRUE(mind.diary.wait_for("packet").ends_with(dns_message('a')));
}

TEST_F(WorkerBench, tells_the_mind_that_the_upstream_refuses_D6) {
  begin();
  Endpoint nobody;
  {
    Peer gone{SocketKind::datagram};
    nobody = gone.endpoint();
  }
  send({Protocol::dns, Transport::udp, upstream_flow(5), {}, nobody}, dns_message('q'));
  EXPECT_EQ(mind.diary.wait_for("refused udp"), "refused udp " + nobody.text() + " slot=5");
  send({Protocol::dns, Transport::tcp, upstream_flow(6), {}, nobody}, dns_message('q'));
  EXPECT_EQ(mind.diary.wait_for("refused tcp"), "refused tcp " + nobody.text() + " slot=6");
}

TEST_F(WorkerBench, asks_upstream_over_TCP_D1) {
  begin();
  Peer upstream{SocketKind::stream};
  upstream.listen();
  send({Protocol::dns, Transport::tcp, upstream_flow(9), {}, upstream.endpoint()}, dns_message('q'));
  Peer accepted{SocketKind::stream};
  accepted.accept_from(upstream);
  EXPECT_EQ(accepted.receive(), framed(dns_message('q')));
  accepted.send(framed(dns_message('a')));
  EXPECT_TRUE(mind.diary.wait_for("packet tcp").ends_with(dns_message('a')));
}

TEST_F(WorkerBench, wakes_the_mind_when_it_asked_to_be) {
  begin();
  worker->run([&](Instant now, Outbox&, const Counters&) { mind.due = now + 20ms; });
  mind.diary.wait_for("expired");
}

TEST_F(WorkerBench, says_in_one_line_what_to_do_about_a_taken_port) {
  Peer other{SocketKind::datagram};
  Listening listening;
  listening.sip = {Target{Transport::udp, other.endpoint()}};
  try {
    begin(listening);
    FAIL() << "the port is taken";
  } catch (const StartError& error) {
    const std::string line = error.what();
    EXPECT_NE(line.find("cannot listen on udp:" + other.endpoint().text() + " (sip.listen)"), std::string::npos) << line;
    EXPECT_NE(line.find("ss -lnup"), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

TEST_F(WorkerBench, names_the_setting_that_a_taken_port_is_from) {
  for (const SocketKind kind : {SocketKind::datagram, SocketKind::stream}) {
    Peer other{kind};
    const Transport transport = kind == SocketKind::datagram ? Transport::udp : Transport::tcp;
    Listening listening;
    listening.sip = {Target{transport, *Endpoint::parse("127.0.0.1:0", Port{0})}, Target{transport, other.endpoint()}};
    listening.sip_keys = {"agent.uplink", "agent.listen"};
    try {
      begin(listening);
      FAIL() << "the port is taken";
    } catch (const StartError& error) {
      EXPECT_NE(std::string{error.what()}.find(other.endpoint().text() + " (agent.listen)"), std::string::npos) << error.what();
    }
  }
}

TEST(RunningClock, is_anchored_to_the_Unix_epoch_and_steady) {
  const RunningClock clock;
  const Instant first = clock.now();
  EXPECT_LT(std::chrono::abs(std::chrono::system_clock::now().time_since_epoch() - first.time_since_epoch()), 1s);
  EXPECT_GE(clock.now(), first);
}

TEST(SystemRandom, does_not_repeat_itself) {
  SystemRandom random;
  std::vector<std::uint64_t> drawn(2'000);
  for (auto& number : drawn) number = random.next();
  std::ranges::sort(drawn);
  EXPECT_EQ(std::ranges::adjacent_find(drawn), drawn.end());
}

}  // namespace ringhold::net
