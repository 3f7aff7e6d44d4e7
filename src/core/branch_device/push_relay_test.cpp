#include "branch_device/pushing_bench.hpp"

namespace ringhold::branch_device {

/// MESSAGEs between users, which are relayed.
class Relaying : public Pushing {
 protected:
  void message() {
    clear();
    ++messages_;
    receive(sender, request("MESSAGE", "sip:8002@example.test", "8001", "sip:8002@example.test", sender, "m" + std::to_string(messages_),
                            messages_));
  }
  void follow_redirects() {
    settings_.push.recursion = Recursion::follow;
    configure(settings_);
  }
  std::string said() const { return last(sender).substr(0, 11); }
  int messages_ = 0;
};

TEST_F(Relaying, a_3xx_goes_to_the_sender_RFC3261_16_7) {
  register_at(t0);
  message();
  answers(t0, 302, "Contact: <" + contact(t1) + ">\r\n");
  EXPECT_EQ(count(t1), 0U);
  EXPECT_EQ(said(), "SIP/2.0 302");
}

TEST_F(Relaying, the_proxy_follows_it_itself_if_so_wanted_P2) {
  follow_redirects();
  register_at(t0);
  message();
  answers(t0, 300, "Contact: <" + contact(t1) + ">, <" + contact(t2) + ">\r\n");
  EXPECT_EQ(count(t1), 1U);
  EXPECT_EQ(count(t2), 1U);
  EXPECT_EQ(uri(last(t1)), contact(t1));
  EXPECT_EQ(last(sender), "");
  answers(t1, 480);
  answers(t2, 200);
  EXPECT_EQ(said(), "SIP/2.0 200");
  message();
  answers(t0, 302, "Contact: <" + contact(t1) + ">\r\n");
  answers(t1, 415);
  EXPECT_EQ(said(), "SIP/2.0 415");
}

TEST_F(Relaying, loops_strangers_and_endless_chains_go_to_the_sender_P6) {
  follow_redirects();
  register_at(t0);
  message();
  answers(t0, 302, "Contact: <" + contact(t1) + ">\r\n");
  answers(t1, 302, "Contact: <" + contact(t0) + ">\r\n");
  EXPECT_EQ(said(), "SIP/2.0 302");
  message();
  answers(t0, 302, "Contact: <sip:x@203.0.113.5>\r\n");
  EXPECT_EQ(count("203.0.113.5:5060"), 0U);
  EXPECT_EQ(said(), "SIP/2.0 302");
  message();
  const auto place = [](int number) { return "10.77.0." + std::to_string(60 + number) + ":5060"; };
  answers(t0, 302, "Contact: <sip:x@" + place(1) + ">\r\n");
  for (int i = 1; i < 6; ++i) answers(place(i), 302, "Contact: <sip:x@" + place(i + 1) + ">\r\n");
  EXPECT_EQ(count(place(5)), 1U);
  EXPECT_EQ(count(place(6)), 0U);
  EXPECT_EQ(said(), "SIP/2.0 302");
}

}  // namespace ringhold::branch_device
