#include "shell/net/hand_over.hpp"

#include "shell/net/test_bench.hpp"

namespace ringhold::net {

namespace {

void put(HandOver& hand_over, std::string_view text) {
  Batch& batch = hand_over.next(0, 1);
  batch.items.emplace_back(Batch::Handed{{}, batch.keep(text)});
}

std::vector<std::string> taken(HandOver& hand_over) {
  std::vector<std::string> texts;
  hand_over.take(1, [&](const Batch& batch) {
    for (const Batch::Item& item : batch.items) texts.emplace_back(batch.view(std::get<Batch::Handed>(item).bytes));
  });
  return texts;
}

}  // namespace

TEST(HandOver, gives_batches_in_order_and_wakes_once) {
  HandOver hand_over{2};
  int woken = 0;
  hand_over.on_wake(1, [&] { ++woken; });
  for (const char* text : {"one", "two"}) put(hand_over, text);
  EXPECT_FALSE(hand_over.flush(0));
  put(hand_over, "three");
  EXPECT_FALSE(hand_over.flush(0));
  EXPECT_EQ(woken, 1) << "it has not looked yet";
  EXPECT_EQ(taken(hand_over), (std::vector<std::string>{"one", "two", "three"}));
  put(hand_over, "four");
  hand_over.flush(0);
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(taken(hand_over), std::vector<std::string>{"four"});
}

TEST(HandOver, keeps_what_finds_the_ring_full_and_bounds_it_X1) {
  HandOver hand_over{2};
  hand_over.on_wake(1, [] {});
  const std::string much(10'000, 'x');
  std::size_t sent = 0;
  bool stayed = false;
  while (hand_over.has_room(0, 1)) {
    put(hand_over, much);
    stayed = hand_over.flush(0);
    ++sent;
    ASSERT_LT(sent, 1'000U);
  }
  EXPECT_TRUE(stayed);
  EXPECT_GT(sent, HandOver::ring_batches);
  std::size_t got = taken(hand_over).size();
  EXPECT_EQ(got, HandOver::ring_batches);
  EXPECT_FALSE(hand_over.flush(0)) << "now there is room for the rest";
  got += taken(hand_over).size();
  EXPECT_EQ(got, sent);
}

/// Two workers that share their places, as `sip.workers = 2` has them.
class TwoWorkers : public testing::Test {
 protected:
  TwoWorkers() {
    Listening listening;
    listening.sip = {*Target::parse("udp:127.0.0.1:0"), *Target::parse("tcp:127.0.0.1:0")};
    for (WorkerNumber number = 0; number < 2; ++number) {
      minds[number].answer = [this, number](const Packet& packet, Outbox& outbox) { serve(number, packet, outbox); };
      // Port 0 would be another one for each.
      const Listening& places = number == 0 ? listening : workers[0]->listening();
      workers[number].emplace(places, minds[number], sink, random[number], clock, Post{{number, 2, 1}, &hand_over});
    }
    for (WorkerNumber number = 0; number < 2; ++number) {
      workers[number]->start();
      minds[number].diary.wait_for("start");
    }
  }
  ~TwoWorkers() override {
    for (auto& worker : workers) worker->stop();
  }
  /// "to N…" is for worker N, who answers with its number.
  static void serve(WorkerNumber number, const Packet& packet, Outbox& outbox) {
    const auto at = packet.bytes.find("to ");
    const auto wanted = static_cast<WorkerNumber>(packet.bytes[at + 3] - '0');
    if (wanted != number) return outbox.hand_over(wanted, packet);
    outbox.send({packet.protocol, packet.transport, packet.flow, packet.local, packet.remote}, "from " + std::to_string(number));
  }
  static std::string framed(const std::string& body) { return "OPTIONS sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\n" + body; }

  HandOver hand_over{2};
  CountingSink sink;
  std::array<SystemRandom, 2> random;
  RunningClock clock;
  std::array<FakeMind, 2> minds;
  std::array<std::optional<Worker>, 2> workers;
};

TEST_F(TwoWorkers, serve_what_either_receives_over_UDP_from_the_same_place) {
  const Endpoint place = workers[0]->listening().sip[0].endpoint;
  ASSERT_EQ(workers[1]->listening().sip[0].endpoint, place);
  // The kernel picks a worker by the phone's address; of twenty phones each worker gets some.
  for (int i = 0; i < 20; ++i) {
    Peer phone{SocketKind::datagram};
    for (const std::string wanted : {"0", "1"}) {
      Endpoint from;
      phone.send_to(place, "to " + wanted);
      ASSERT_EQ(phone.receive(&from), "from " + wanted);
      ASSERT_EQ(from, place);
    }
  }
}

TEST_F(TwoWorkers, answer_over_a_connection_of_the_other_and_hear_of_its_end) {
  for (int i = 0; i < 10; ++i) {
    Peer phone{SocketKind::stream};
    phone.connect(workers[0]->listening().sip[1].endpoint);
    for (const std::string wanted : {"0", "1"}) {
      phone.send(framed("to " + wanted + " "));
      ASSERT_EQ(phone.receive(), "from " + wanted);
    }
    const std::string ended = "closed tcp " + phone.endpoint().text();
    phone.close();
    for (FakeMind& mind : minds) EXPECT_NE(mind.diary.wait_for(ended), "");
  }
}

TEST_F(TwoWorkers, carry_words) {
  workers[0]->run([](Instant, Outbox& outbox, const Counters&) { outbox.tell(1, std::make_shared<TestWord>("hello")); });
  EXPECT_EQ(minds[1].diary.wait_for("word"), "word hello");
}

TEST_F(TwoWorkers, do_not_share_with_another_program) {
  FakeMind mind;
  SystemRandom own;
  HandOver other{2};
  EXPECT_THROW(Worker(workers[0]->listening(), mind, sink, own, clock, Post{{0, 2, 1}, &other}), StartError);
}

}  // namespace ringhold::net
