#include "branch_device/team.hpp"

#include <deque>
#include <memory>

#include "branch_device/branch_bench.hpp"

namespace ringhold::branch_device {

namespace {

constexpr WorkerNumber size = 3;

/// Three minds, and queues between them that are emptied after each step.
class TeamOfThree : public Branch {
 protected:
  struct Mind {
    Mind(const Settings& given, Random& random, const Team& team) : device{given, random, team} {}
    BranchDevice device;
  };
  struct Waiting {
    WorkerNumber to;
    Packet packet;
    std::string bytes;
    std::shared_ptr<const Word> word;
  };

  explicit TeamOfThree(const Settings& given = settings()) {
    for (WorkerNumber number = 0; number < size; ++number) {
      const Team team{number, size, 4711};
      minds_.push_back(std::make_unique<Mind>(given, minds_random_, team));
    }
    for (const auto& mind : minds_) mind->device.start(now_, step_), finish();
    sent_.clear();
  }

  BranchDevice& device(WorkerNumber number) { return minds_[number]->device; }
  /// What arrives at one worker, and all that comes of it at the others.
  void send_to(WorkerNumber number, std::string_view from, const std::string& message, Transport transport = Transport::udp,
               FlowId flow = FlowId{1}) {
    sent_.clear();
    device(number).receive({Protocol::sip, transport, flow, at("10.77.0.2"), at(from), message}, now_, step_);
    finish();
  }
  void finish() {
    std::deque<Waiting> waiting;
    const auto collect = [&] {
      for (const auto& send : step_.sends()) sent_.push_back({send.destination, std::string{step_.message(send)}});
      for (const auto& one : step_.hand_overs()) waiting.push_back({one.to, one.packet, std::string{step_.bytes_of(one)}, nullptr});
      for (const auto& one : step_.told()) waiting.push_back({one.to, {}, {}, one.word});
      for (const Change& change : step_.changes()) changes_.push_back(change);
      step_.clear();
    };
    for (collect(); !waiting.empty(); collect()) {
      const Waiting next = std::move(waiting.front());
      waiting.pop_front();
      Packet packet = next.packet;
      packet.bytes = next.bytes;
      if (next.word)
        device(next.to).told(*next.word, now_, step_);
      else
        device(next.to).receive(packet, now_, step_);
    }
  }
  void let_pass(Duration duration) {
    const Instant until = now_ + duration;
    for (;;) {
      Instant next = until;
      for (const auto& mind : minds_)
        if (const auto due = mind->device.next_expiry()) next = std::min(next, std::max(now_, *due));
      now_ = next;
      for (const auto& mind : minds_) mind->device.expire(now_, step_), finish();
      if (now_ == until) return;
    }
  }
  std::string came_to(std::string_view to) const {
    std::string found;
    for (const auto& [destination, bytes] : sent_)
      if (destination.protocol == Protocol::sip && destination.remote == at(to)) found = bytes;
    return found;
  }
  std::size_t came(std::string_view start) const {
    return static_cast<std::size_t>(std::ranges::count_if(sent_, [&](const Sent& sent) { return sent.bytes.starts_with(start); }));
  }
  void register_at(WorkerNumber number, const std::string& user, const std::string& address, int cseq = 1) {
    send_to(number, address,
            request("REGISTER", "sip:example.test", user, "sip:" + user + "@example.test", address, "r" + user + std::to_string(cseq), cseq,
                    "Contact: <sip:" + user + "@" + address + ">;expires=120\r\n"));
  }
  static WorkerNumber owner(const std::string& user) { return owner_of("sip:" + user + "@example.test", {0, size}); }
  static WorkerNumber other_than(WorkerNumber number) { return static_cast<WorkerNumber>((number + 1) % size); }
  /// A user of each worker.
  static std::string user_of(WorkerNumber number, int which = 0) {
    for (int i = 0;; ++i)
      if (const std::string user = "u" + std::to_string(i); owner(user) == number && which-- == 0) return user;
  }
  Answer ask(const Command& command) {
    std::optional<Answer> all;
    const auto only = worker_for(command, settings(), {0, size});
    for (WorkerNumber number = 0; number < size; ++number) {
      if (only && *only != number) continue;
      Answer one = minds_[number]->device.command(command, now_, step_);
      finish();
      all = all ? merged(std::move(*all), std::move(one)) : std::move(one);
    }
    return *all;
  }
  StatusReport told_status() { return std::get<StatusReport>(ask(GetStatus{})); }
  void answer_probes() {
    for (const Sent& sent : std::vector<Sent>{sent_})
      if (sent.destination.remote == at("10.78.0.11:5060") && sent.bytes.starts_with("OPTIONS")) {
        device(0).receive(
            {Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.2"), at("10.78.0.11:5060"), answer(sent.bytes, 200, "p", "")}, now_,
            step_);
        finish();
      }
  }

  struct Sent {
    Destination destination;
    std::string bytes;
  };
  SeededRandom minds_random_{9};
  std::vector<std::unique_ptr<Mind>> minds_;
  Outbox step_;
  std::vector<Sent> sent_;
  std::vector<Change> changes_;
};

const std::string caller = "10.77.0.31:5060";

}  // namespace

TEST_F(TeamOfThree, keeps_the_bindings_of_an_aor_at_one_worker) {
  for (WorkerNumber number = 0; number < size; ++number) register_at(number, "bob", "10.77.0.12:507" + std::to_string(number), number + 1);
  EXPECT_EQ(std::get<std::vector<RegistrationReport>>(ask(GetRegistrations{})).size(), 3U);
  EXPECT_EQ(std::get<std::vector<RegistrationReport>>(device(owner("bob")).command(GetRegistrations{}, now_, step_)).size(), 3U);
  EXPECT_EQ(told_status().registrations, 3U);
}

TEST_F(TeamOfThree, finds_the_callee_whoever_takes_the_INVITE) {
  const std::string bob = user_of(2);
  register_at(0, bob, "10.77.0.12:5060");
  for (WorkerNumber number = 0; number < size; ++number) {
    send_to(number, caller, request("INVITE", "sip:" + bob + "@example.test", "alice", "sip:" + bob + "@example.test", caller, "i1"));
    // The same transaction each time: what comes again is absorbed, answered with what was said last.
    EXPECT_EQ(came("INVITE"), number == 0 ? 1U : 0U);
    EXPECT_TRUE(came_to(caller).starts_with("SIP/2.0 100")) << came_to(caller);
  }
  send_to(1, caller, request("CANCEL", "sip:" + bob + "@example.test", "alice", "sip:" + bob + "@example.test", caller, "i1"));
  EXPECT_TRUE(came_to(caller).starts_with("SIP/2.0 200")) << came_to(caller);
}

TEST_F(TeamOfThree, leads_each_response_to_the_worker_that_sent_the_request) {
  const std::string bob = user_of(1);
  register_at(1, bob, "10.77.0.12:5060");
  for (WorkerNumber number = 0; number < size; ++number) {
    send_to(
        number, caller,
        request("MESSAGE", "sip:" + bob + "@example.test", "alice", "sip:" + bob + "@example.test", caller, "m" + std::to_string(number)));
    send_to(number, "10.77.0.12:5060", answer(came_to("10.77.0.12:5060"), 202, "b", ""));
    EXPECT_TRUE(came_to(caller).starts_with("SIP/2.0 202")) << int{number};
  }
}

TEST_F(TeamOfThree, leads_a_dialog_to_its_worker_by_the_Record_Route) {
  const std::string bob = user_of(2);
  register_at(0, bob, "10.77.0.12:5060");
  send_to(0, caller, request("INVITE", "sip:" + bob + "@example.test", "alice", "sip:" + bob + "@example.test", caller, "i1"));
  const std::string invite = came_to("10.77.0.12:5060");
  const auto line = invite.find("Record-Route: ");
  ASSERT_NE(line, std::string::npos);
  const std::string route = invite.substr(line + 14, invite.find("\r\n", line) - line - 14);
  EXPECT_EQ(route, "<sip:w2~@10.77.0.2:5060;lr>");
  send_to(1, "10.77.0.12:5060", answer(invite, 200, "b", "sip:" + bob + "@10.77.0.12:5060"));
  EXPECT_EQ(told_status().calls, 1U);
  std::string bye =
      request("BYE", "sip:alice@" + caller, bob, "sip:alice@example.test", "10.77.0.12:5060", "b1", 1, "Route: " + route + "\r\n");
  bye.replace(bye.find("Call-ID: "), bye.find("\r\nCSeq") - bye.find("Call-ID: "), "Call-ID: c-alice-INV");
  bye.replace(bye.find(";tag=f" + bob), 6 + bob.size(), ";tag=b");
  bye.replace(bye.find("To: <sip:alice@example.test>"), 28, "To: <sip:alice@example.test>;tag=falice");
  send_to(0, "10.77.0.12:5060", bye);
  EXPECT_TRUE(came_to(caller).starts_with("BYE sip:alice@" + caller)) << came_to("10.77.0.12:5060");
  EXPECT_EQ(came_to(caller).find("Route: "), std::string::npos) << "our own Route is taken away";
  EXPECT_EQ(told_status().calls, 0U);
}

TEST_F(TeamOfThree, reaches_a_caller_by_the_connection_that_another_worker_has_C1) {
  const std::string bob = user_of(2);
  register_at(0, bob, "10.77.0.12:5060");
  send_to(0, caller,
          request("INVITE", "sip:" + bob + "@example.test", "alice", "sip:" + bob + "@example.test", caller, "i1", 1,
                  "Contact: <sip:alice@" + caller + ";transport=tcp>\r\n"),
          Transport::tcp, FlowId{77});
  const std::string invite = came_to("10.77.0.12:5060");
  std::string routes;
  for (auto at = invite.find("Record-Route: "); at != std::string::npos; at = invite.find("Record-Route: ", at + 1))
    routes += invite.substr(at + 7, invite.find("\r\n", at) - at - 5);
  send_to(1, "10.77.0.12:5060", answer(invite, 200, "b", "sip:" + bob + "@10.77.0.12:5060"));
  std::string bye =
      request("BYE", "sip:alice@" + caller + ";transport=tcp", bob, "sip:alice@example.test", "10.77.0.12:5060", "b1", 1, routes);
  bye.replace(bye.find("To: <sip:alice@example.test>"), 28, "To: <sip:alice@example.test>;tag=falice");
  send_to(1, "10.77.0.12:5060", bye);
  EXPECT_TRUE(came_to(caller).starts_with("BYE sip:alice@" + caller)) << routes << came_to("10.77.0.12:5060");
  EXPECT_EQ(sent_.back().destination.flow, FlowId{77});
}

TEST_F(TeamOfThree, asks_all_for_a_contact_that_is_known_by_its_address_only) {
  const std::string bob = user_of(1);
  send_to(0, "10.77.0.12:40000",
          request("REGISTER", "sip:example.test", bob, "sip:" + bob + "@example.test", "10.77.0.12:40000", "r1", 1,
                  "Contact: <sip:x@10.77.0.12:40000;transport=tcp>;expires=120\r\n"),
          Transport::tcp, FlowId{77});
  for (WorkerNumber number = 0; number < size; ++number) {
    send_to(number, caller,
            request("OPTIONS", "sip:x@10.77.0.12:40000;transport=tcp", "alice", "sip:x@10.77.0.12", caller, "o" + std::to_string(number)));
    ASSERT_TRUE(came_to("10.77.0.12:40000").starts_with("OPTIONS")) << int{number};
    EXPECT_EQ(sent_.back().destination.flow, FlowId{77}) << "by the connection that it registered over";
  }
}

TEST_F(TeamOfThree, follows_the_leader_through_loss_and_return_S4_S5) {
  const std::string alice = user_of(1), bob = user_of(2), carol = user_of(1, 1);
  let_pass(25s);
  EXPECT_EQ(told_status().mode, "survivable");
  register_at(0, alice, caller);
  register_at(0, bob, "10.77.0.12:5060");
  register_at(0, carol, "10.77.0.13:5060");
  send_to(2, caller, request("INVITE", "sip:" + bob + "@example.test", alice, "sip:" + bob + "@example.test", caller, "i1"));
  send_to(0, "10.77.0.12:5060", answer(came_to("10.77.0.12:5060"), 200, "b", "sip:" + bob + "@10.77.0.12:5060"));
  for (int second = 0; second < 120; ++second) {
    sent_.clear();
    let_pass(1s);
    answer_probes();
    if (second % 40 != 39) continue;
    register_at(0, bob, "10.77.0.12:5060", second);
    register_at(0, alice, caller, second);
    EXPECT_TRUE(came_to(caller).starts_with("SIP/2.0 200")) << "in a call that another worker serves";
    if (second == 39) register_at(0, carol, "10.77.0.13:5060", second);
  }
  EXPECT_EQ(told_status().mode, "recovering");
  register_at(0, carol, "10.77.0.13:5060", 200);
  EXPECT_TRUE(came_to("10.77.0.13:5060").starts_with("SIP/2.0 503")) << came_to("10.77.0.13:5060");
}

TEST_F(TeamOfThree, a_restart_ends_calls_that_another_worker_serves_RST08) {
  const std::string alice = user_of(1), bob = user_of(2);
  register_at(0, alice, caller);
  register_at(0, bob, "10.77.0.12:5060");
  send_to(2, caller,
          request("INVITE", "sip:" + bob + "@example.test", alice, "sip:" + bob + "@example.test", caller, "i1", 7,
                  "Contact: <sip:" + alice + "@" + caller + ">\r\n"));
  const std::string invite = came_to("10.77.0.12:5060");
  send_to(0, "10.77.0.12:5060", answer(invite, 200, "b", "sip:" + bob + "@10.77.0.12:5060"));
  std::string again = request("REGISTER", "sip:example.test", alice, "sip:" + alice + "@example.test", caller, "boot2", 1,
                              "Contact: <sip:" + alice + "@" + caller + ">;expires=120\r\n");
  again.replace(again.find("Call-ID: c-"), 11, "Call-ID: d-");
  send_to(0, caller, again);
  std::string probe;
  for (const auto& [destination, bytes] : sent_)
    if (bytes.starts_with("INFO ")) probe = bytes;
  ASSERT_FALSE(probe.empty());
  send_to(1, caller, answer(probe, 481, "", ""));
  EXPECT_TRUE(came_to("10.77.0.12:5060").starts_with("BYE ")) << came_to("10.77.0.12:5060");
  double released = 0;
  std::size_t reports = 0;
  for (WorkerNumber number = 0; number < size; ++number) {
    const auto rows = std::get<std::vector<RestartReport>>(device(number).command(GetRestarts{}, now_, step_));
    for (const RestartReport& row : rows) EXPECT_EQ(std::tuple(row.released, row.kept, row.undecided), std::tuple(1U, 0U, 0U));
    reports += rows.size();
    const auto samples = std::get<std::vector<Sample>>(device(number).command(GetMetrics{}, now_, step_));
    for (const Sample& sample : samples)
      if (sample.name == "ringhold_restarts_detected_total") released += sample.values.at(0).second;
  }
  EXPECT_EQ(reports, 1U);
  EXPECT_EQ(released, 1);
}

TEST_F(TeamOfThree, tells_the_leader_what_became_of_relayed_requests_S1) {
  sent_.clear();
  let_pass(1s);
  answer_probes();
  EXPECT_EQ(told_status().central.front().health, "up");
  const std::string nobody = user_of(1);
  send_to(1, caller, request("MESSAGE", "sip:" + nobody + "@example.test", "alice", "sip:" + nobody + "@example.test", caller, "m1"));
  ASSERT_TRUE(came_to("10.78.0.11:5060").starts_with("MESSAGE")) << "the follower knows the central site";
  device(1).connection_changed({Protocol::sip, Transport::udp, FlowId{1}, at("10.78.0.11:5060"), FlowState::refused}, now_, step_);
  finish();
  EXPECT_EQ(told_status().central.front().health, "suspect");
}

TEST_F(TeamOfThree, shares_what_was_kept_and_keeps_it_once_R6_X5) {
  for (const std::string user : {"alice", "bob", "carol", "dave"}) register_at(0, user, "10.77.0.12:5060");
  ask(PutUsers{{{"alice", "secret", {}}}});
  std::vector<Row> rows;
  for (const Change& change : changes_) rows.push_back({change.table, change.columns.unpacked()});
  const auto users = std::ranges::count_if(changes_, [](const Change& change) { return change.table == Table::user; });
  EXPECT_EQ(users, 1) << "by the leader alone";
  std::size_t restored = 0;
  for (WorkerNumber number = 0; number < size; ++number) {
    BranchDevice again{settings(), minds_random_, {number, size, 4712}};
    again.restore(rows, now_);
    const auto here = std::get<std::vector<RegistrationReport>>(again.command(GetRegistrations{}, now_, step_));
    for (const RegistrationReport& row : here) EXPECT_EQ(owner_of(row.aor, {0, size}), number);
    restored += here.size();
  }
  EXPECT_EQ(restored, 4U);
  step_.clear();
}

namespace {

Settings with_digest() {
  Settings given = settings();
  given.registrar.auth = Auth::digest;
  given.registrar.algorithms = {auth::Algorithm::md5};
  return given;
}

class TeamWithPasswords : public TeamOfThree {
 protected:
  TeamWithPasswords() : TeamOfThree{with_digest()} {}
};

}  // namespace

TEST_F(TeamWithPasswords, all_know_a_user_whom_the_leader_was_told_R3) {
  for (WorkerNumber number = 0; number < size; ++number) ask(PutUsers{{{user_of(number), "secret", {}}}});
  for (WorkerNumber number = 0; number < size; ++number) {
    register_at(0, user_of(number), "10.77.0.12:5060");
    EXPECT_TRUE(came_to("10.77.0.12:5060").starts_with("SIP/2.0 401")) << came_to("10.77.0.12:5060");
  }
  ask(RemoveUser{user_of(1)});
  EXPECT_EQ(std::get<std::vector<UserReport>>(device(1).command(GetUsers{}, now_, step_)).size(), size - 1U);
}

TEST(Merging, adds_up_what_workers_counted_and_lists_all_that_they_have) {
  const Sample first{"x_total", "", "counter", {{"a=\"1\"", 2}, {"", 5}}};
  const Sample second{"x_total", "", "counter", {{"", 3}, {"b=\"1\"", 4}}};
  const auto sum = std::get<std::vector<Sample>>(merged(std::vector{first}, std::vector{second}));
  ASSERT_EQ(sum.size(), 1U);
  EXPECT_EQ(sum[0].values, (std::vector<std::pair<std::string, double>>{{"a=\"1\"", 2}, {"", 8}, {"b=\"1\"", 4}}));
  EXPECT_TRUE(std::holds_alternative<Done>(merged(Refused{404, "nobody"}, Done{}))) << "one has removed it";
  EXPECT_TRUE(std::holds_alternative<Refused>(merged(Refused{404, "nobody"}, Refused{404, "nobody"})));
}

TEST(Team, shares_out_aors_evenly) {
  std::array<int, 4> counts{};
  for (int i = 0; i < 4'000; ++i) ++counts[owner_of("sip:user" + std::to_string(i) + "@example.test", {0, 4})];
  for (const int count : counts) EXPECT_NEAR(count, 1'000, 150);
}

}  // namespace ringhold::branch_device
