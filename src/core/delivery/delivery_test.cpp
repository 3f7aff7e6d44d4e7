#include "delivery/delivery.hpp"

#include <gtest/gtest.h>

namespace ringhold::delivery {

namespace {

using Event = AttemptEvent;

class Deliveries : public ::testing::Test {
 protected:
  static Target terminal(int number, unsigned hop = 0) {
    return {"sip:8002@10.77.0." + std::to_string(number) + ":5060", {}, hop == 0 ? Via::registered : Via::redirect, hop};
  }
  static std::vector<Target> terminals(std::initializer_list<int> numbers, unsigned hop = 0) {
    std::vector<Target> list;
    for (const int number : numbers) list.push_back(terminal(number, hop));
    return list;
  }
  /// Those whose turn it is, by the last part of their addresses.
  std::vector<int> next() {
    std::vector<int> started;
    while (const auto step = delivery_.next(now_)) {
      const std::string& uri = delivery_.steps()[*step].target.uri;
      started.push_back(std::stoi(uri.substr(uri.rfind('.') + 1)));
    }
    return started;
  }
  Set<AttemptAction> happens(std::size_t step, Event event, int status = 0) {
    return delivery_.happened(step, event, status == 0 ? Why::timeout : Why::answered, status, now_);
  }
  void all_at_once() { delivery_ = Delivery{Strategy::all_at_once, 10s}; }

  Instant now_ = from_unix_ms(1'790'000'000'000);
  Delivery delivery_{Strategy::one_by_one, 10s};
};

using Numbers = std::vector<int>;

}  // namespace

TEST_F(Deliveries, without_terminals_nobody_is_reached_PSH18) {
  EXPECT_EQ(next(), Numbers{});
  EXPECT_EQ(delivery_.outcome(), Outcome::unreached);
  EXPECT_EQ(delivery_.reason(), Reason::nobody);
  EXPECT_TRUE(delivery_.is_over());
}

TEST_F(Deliveries, goes_from_one_to_the_next_PSH08) {
  delivery_.add_terminals(terminals({1, 2, 3}));
  EXPECT_EQ(next(), Numbers{1});
  EXPECT_EQ(next(), Numbers{});
  EXPECT_TRUE(happens(0, Event::refusal, 415).contains(AttemptAction::go_on));
  EXPECT_EQ(next(), Numbers{2});
  happens(1, Event::lost);
  EXPECT_EQ(next(), Numbers{3});
  EXPECT_EQ(delivery_.outcome(), Outcome::pending);
  happens(2, Event::success, 200);
  EXPECT_EQ(delivery_.outcome(), Outcome::delivered);
  EXPECT_TRUE(delivery_.is_over());
}

TEST_F(Deliveries, the_attempt_time_lets_the_next_begin_and_the_late_answer_counts_PSH16) {
  delivery_.add_terminals(terminals({1, 2, 3}));
  next();
  EXPECT_EQ(delivery_.next_expiry(), now_ + 10s);
  now_ += 9'999ms;
  EXPECT_TRUE(delivery_.overdue(now_).empty());
  now_ += 1ms;
  ASSERT_EQ(delivery_.overdue(now_).size(), 1U);
  happens(0, Event::time_over);
  EXPECT_EQ(next(), Numbers{2});
  EXPECT_TRUE(happens(0, Event::success, 200).contains(AttemptAction::conclude));
  EXPECT_EQ(delivery_.outcome(), Outcome::pending);
  happens(1, Event::refusal, 480);
  EXPECT_EQ(next(), Numbers{});
  EXPECT_EQ(delivery_.outcome(), Outcome::delivered);
}

TEST_F(Deliveries, what_is_late_and_bad_changes_nothing_more) {
  delivery_.add_terminals(terminals({1, 2}));
  next();
  happens(0, Event::time_over);
  next();
  EXPECT_TRUE(happens(0, Event::refusal, 415).empty());
  EXPECT_TRUE(happens(0, Event::lost).empty()) << "it has ended";
  EXPECT_EQ(delivery_.steps()[0].status, 415);
  happens(1, Event::decline, 603);
  EXPECT_EQ(delivery_.outcome(), Outcome::refused);
  EXPECT_EQ(delivery_.reason(), Reason::declined);
  EXPECT_EQ(delivery_.best_status(), 603);
}

TEST_F(Deliveries, an_overdue_one_is_waited_for_but_not_its_outcome) {
  delivery_.add_terminals(terminals({1}));
  next();
  happens(0, Event::time_over);
  EXPECT_EQ(delivery_.outcome(), Outcome::unreached);
  EXPECT_FALSE(delivery_.is_over());
  happens(0, Event::lost);
  EXPECT_TRUE(delivery_.is_over());
}

TEST_F(Deliveries, a_late_6xx_stops_who_has_not_been_asked_PSH12) {
  delivery_.add_terminals(terminals({1, 2, 3}));
  next();
  happens(0, Event::time_over);
  next();
  happens(0, Event::decline, 600);
  happens(1, Event::refusal, 480);
  EXPECT_EQ(next(), Numbers{});
  EXPECT_EQ(delivery_.outcome(), Outcome::refused);
}

TEST_F(Deliveries, what_a_redirect_names_comes_first_and_nobody_twice_PSH03_PSH13) {
  delivery_.add_terminals(terminals({1, 2, 3}));
  next();
  ASSERT_TRUE(delivery_.leads_on(0, terminals({3, 9, 3}, 1)));
  happens(0, Event::redirect, 302);
  EXPECT_TRUE(delivery_.follow(0, terminals({3, 9, 3}, 1)));
  EXPECT_EQ(next(), Numbers{3});
  happens(1, Event::refusal, 480);
  EXPECT_EQ(next(), Numbers{9});
  EXPECT_FALSE(delivery_.leads_on(2, terminals({1, 3}, 2)));
  happens(2, Event::refusal, 302);
  EXPECT_EQ(next(), Numbers{2}) << "3 has been asked already";
  happens(3, Event::refusal, 415);
  EXPECT_EQ(next(), Numbers{});
}

TEST_F(Deliveries, all_at_once_serves_a_redirects_addresses_together_PSH06_PSH10) {
  all_at_once();
  delivery_.add_terminals(terminals({1, 2, 3, 4}));
  EXPECT_EQ(next(), Numbers{1});
  happens(0, Event::redirect, 300);
  delivery_.follow(0, terminals({7, 8}, 1));
  EXPECT_EQ(next(), (Numbers{7, 8}));
  happens(1, Event::refusal, 480);
  EXPECT_EQ(next(), Numbers{}) << "the other of them is waited for";
  happens(2, Event::refusal, 480);
  EXPECT_EQ(next(), (Numbers{2, 3, 4}));
  happens(3, Event::success, 200);
  EXPECT_EQ(delivery_.outcome(), Outcome::pending) << "each says for itself";
  happens(4, Event::success, 200);
  happens(5, Event::time_over);
  EXPECT_EQ(delivery_.outcome(), Outcome::delivered);
}

TEST_F(Deliveries, a_wish_of_several_addresses_comes_first_as_one_PSH10) {
  all_at_once();
  delivery_.add_terminals(terminals({7, 8, 1, 2}), 2);
  EXPECT_EQ(next(), (Numbers{7, 8}));
  happens(0, Event::refusal, 480);
  happens(1, Event::lost);
  EXPECT_EQ(next(), (Numbers{1, 2}));
}

TEST_F(Deliveries, ends_after_five_hops_and_after_so_many_steps_P6) {
  delivery_.add_terminals(terminals({1}));
  for (unsigned hop = 0; hop < most_hops; ++hop) {
    ASSERT_EQ(next().size(), 1U);
    ASSERT_TRUE(delivery_.leads_on(hop, terminals({static_cast<int>(hop) + 2}, hop + 1)));
    happens(hop, Event::redirect, 302);
    delivery_.follow(hop, terminals({static_cast<int>(hop) + 2}, hop + 1));
  }
  next();
  EXPECT_FALSE(delivery_.leads_on(most_hops, terminals({99}, most_hops + 1)));
  happens(most_hops, Event::refusal, 302);
  EXPECT_EQ(delivery_.reason(), Reason::hops);
  all_at_once();
  std::vector<Target> many;
  for (int i = 1; i < 100; ++i) many.push_back(terminal(i));
  delivery_.add_terminals(many);
  EXPECT_EQ(next(), Numbers{1});
  happens(0, Event::refusal, 415);
  EXPECT_EQ(next().size(), most_steps - 1);
  for (std::size_t i = 1; i < most_steps; ++i) happens(i, Event::refusal, 415);
  EXPECT_EQ(next(), Numbers{});
  EXPECT_EQ(delivery_.outcome(), Outcome::refused);
  EXPECT_EQ(delivery_.reason(), Reason::steps);
}

TEST_F(Deliveries, who_comes_meanwhile_joins_and_the_central_site_holds_nobody_up_PSH18) {
  delivery_.add_terminals({{"sip:8002@example.9", {}, Via::central, 0}});
  EXPECT_EQ(next(), Numbers{9});
  EXPECT_TRUE(delivery_.join(terminals({1})));
  EXPECT_EQ(next(), Numbers{1});
  EXPECT_FALSE(delivery_.join(terminals({1})));
  EXPECT_TRUE(delivery_.join(terminals({2})));
  EXPECT_EQ(next(), Numbers{}) << "one after another";
  happens(1, Event::success, 200);
  EXPECT_EQ(next(), Numbers{});
  EXPECT_EQ(delivery_.outcome(), Outcome::pending);
  happens(0, Event::time_over);
  EXPECT_EQ(delivery_.outcome(), Outcome::delivered);
  EXPECT_FALSE(delivery_.join(terminals({3})));
}

TEST_F(Deliveries, tells_who_may_take_it_another_time_PSH11) {
  const auto outcome_of = [&](int status, Why why) {
    delivery_ = Delivery{Strategy::one_by_one, 10s};
    delivery_.add_terminals(terminals({1}));
    next();
    delivery_.happened(0, status == 0 ? Event::lost : Event::refusal, why, status, now_);
    return delivery_.outcome();
  };
  for (const int status : {408, 430, 480, 486, 500, 502, 503, 504})
    EXPECT_EQ(outcome_of(status, Why::answered), Outcome::unreached) << status;
  for (const int status : {305, 380, 400, 401, 403, 404, 405, 406, 410, 413, 415, 488, 501, 505, 513})
    EXPECT_EQ(outcome_of(status, Why::answered), Outcome::refused) << status;
  EXPECT_EQ(outcome_of(0, Why::timeout), Outcome::unreached);
  EXPECT_EQ(outcome_of(0, Why::unreachable), Outcome::unreached);
  EXPECT_EQ(outcome_of(0, Why::unsolicited), Outcome::refused);
  EXPECT_EQ(delivery_.reason(), Reason::unsolicited);
  EXPECT_EQ(outcome_of(413, Why::too_large), Outcome::refused);
  EXPECT_EQ(delivery_.best_status(), 413);
}

TEST(Names, of_what_is_told_are_read_back) {
  for (int i = 0; i <= static_cast<int>(Reason::removed); ++i)
    EXPECT_EQ(parse_reason(name(static_cast<Reason>(i))), static_cast<Reason>(i));
  for (int i = 0; i <= static_cast<int>(Why::unsolicited); ++i) EXPECT_EQ(parse_why(name(static_cast<Why>(i))), static_cast<Why>(i));
  for (int i = 0; i <= static_cast<int>(Via::subscribed); ++i) EXPECT_EQ(parse_via(name(static_cast<Via>(i))), static_cast<Via>(i));
  EXPECT_EQ(name(Reason::removed), "removed");
  EXPECT_FALSE(parse_reason("x"));
}

}  // namespace ringhold::delivery
