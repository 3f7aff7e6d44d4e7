#include "sim/central_registrar.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ringhold::sim {
namespace {

/// One who sends to it, and keeps what comes back.
class Sender final : public Host {
 public:
  explicit Sender(World& world) : world_{world} { world.attach(own.address, *this); }
  void receive(const Datagram& datagram) override { answers.push_back(parse_sip(datagram.bytes)->status); }
  void unreachable(const Endpoint&, const Endpoint&) override { ++refusals; }
  void connection_changed(Streams::Id, const Endpoint&, const Endpoint&, ConnectionState) override {}

  /// The last answer to it, within a second.
  int sends(std::string_view branch, unsigned cseq, std::string_view expires) {
    SipMessage message;
    message.method = "REGISTER";
    message.uri = "sip:example.test";
    message.add("Via", "SIP/2.0/UDP 10.77.0.41:5066;branch=" + std::string{branch} + ";rport");
    message.add("From", "<sip:a@example.test>;tag=1");
    message.add("To", "<sip:a@example.test>");
    message.add("Call-ID", "c");
    message.add("CSeq", std::to_string(cseq) + " REGISTER");
    message.add("Contact", "<sip:a@10.77.0.41:5066>");
    message.add("Expires", std::string{expires});
    answers.clear();
    world_.send({own, {bench::central_sip(1), bench::sip_port}, message.text()});
    world_.clock.run_until(world_.clock.now() + 1s);
    return answers.empty() ? 0 : answers.back();
  }

  const Endpoint own{bench::agent(1), Port{5066}};
  std::vector<int> answers;
  int refusals = 0;

 private:
  World& world_;
};

class Registrars : public ::testing::Test {
 protected:
  using Life = CentralRegistrar::Life;
  using Mood = CentralRegistrar::Mood;
  World world_{1, from_unix_ms(1'800'000'000'000)};
  CentralRegistrar registrar_{world_, std::make_shared<CentralBooks>(), 1, {.shortest = 45, .longest = 100}};
  Sender sender_{world_};
};

TEST_F(Registrars, keep_to_the_order_of_numbers_RFC_3261) {
  EXPECT_EQ(sender_.sends("z9hG4bK1", 5, "60"), 200);
  EXPECT_EQ(sender_.sends("z9hG4bK1", 5, "60"), 200) << "a retransmission";
  EXPECT_EQ(sender_.sends("z9hG4bK2", 5, "60"), 500);
  EXPECT_EQ(sender_.sends("z9hG4bK3", 6, "60"), 200);
  EXPECT_EQ(registrar_.users().size(), 1U);
  EXPECT_EQ(sender_.sends("z9hG4bK4", 7, "0"), 200);
  EXPECT_TRUE(registrar_.users().empty());
}

TEST_F(Registrars, forget_who_does_not_come_back) {
  EXPECT_EQ(sender_.sends("z9hG4bK1", 1, "30"), 423);
  EXPECT_EQ(sender_.sends("z9hG4bK2", 2, "3600"), 200);
  world_.clock.run_until(world_.clock.now() + 98s);
  EXPECT_EQ(registrar_.users().size(), 1U);
  world_.clock.run_until(world_.clock.now() + 2s);
  EXPECT_TRUE(registrar_.users().empty());
}

TEST_F(Registrars, die_and_have_moods) {
  registrar_.set(Life::unplugged, Mood::well);
  EXPECT_EQ(sender_.sends("z9hG4bK1", 1, "60"), 0);
  EXPECT_EQ(sender_.refusals, 0);
  registrar_.set(Life::deserted, Mood::well);
  EXPECT_EQ(sender_.sends("z9hG4bK2", 2, "60"), 0);
  EXPECT_EQ(sender_.refusals, 1);
  EXPECT_FALSE(registrar_.takes_registrations());
  for (const auto& [mood, status] : {std::pair{Mood::failing, 500}, {Mood::busy, 503}, {Mood::forbidding, 403}, {Mood::confused, 400}}) {
    registrar_.set(Life::up, mood);
    EXPECT_EQ(sender_.sends("z9hG4bKm" + std::to_string(status), 3, "60"), status);
  }
  registrar_.set(Life::up, Mood::deaf);
  EXPECT_EQ(sender_.sends("z9hG4bK9", 4, "60"), 200);
  EXPECT_TRUE(registrar_.takes_registrations());
}

}  // namespace
}  // namespace ringhold::sim
