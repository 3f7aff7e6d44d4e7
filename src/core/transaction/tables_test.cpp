#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/enum_name.hpp"
#include "transaction/invite_client.hpp"
#include "transaction/invite_server.hpp"
#include "transaction/non_invite_client.hpp"
#include "transaction/non_invite_server.hpp"

namespace ringhold::transaction {
namespace {

/// One arrow of the RFC's figure: actions in the order in which they are performed.
struct Arrow {
  std::string state;
  std::string event;
  std::string next;
  std::string actions;
};

/// Every pair of state and event: as an arrow says, or else nothing happens.
template <typename State, State last_state, typename Event, Event last_event, typename Action>
void expect_figure(const Machine<State, last_state, Event, last_event, Action>& machine, const std::vector<Arrow>& arrows) {
  std::map<std::pair<std::string, std::string>, const Arrow*> figure;
  for (const Arrow& arrow : arrows)
    ASSERT_TRUE(figure.insert({{arrow.state, arrow.event}, &arrow}).second) << arrow.state << " " << arrow.event;
  std::size_t seen = 0;
  for (int s = 0; s <= std::to_underlying(last_state); ++s) {
    for (int e = 0; e <= std::to_underlying(last_event); ++e) {
      const std::string state{enum_name(static_cast<State>(s))};
      const std::string event{enum_name(static_cast<Event>(e))};
      const auto [next, set] = machine.step(static_cast<State>(s), static_cast<Event>(e));
      std::string actions;
      set.for_each([&](Action action) { actions += (actions.empty() ? "" : " ") + std::string{enum_name(action)}; });
      const auto arrow = figure.find({state, event});
      seen += arrow != figure.end();
      EXPECT_EQ(enum_name(next), arrow == figure.end() ? state : arrow->second->next) << state << " × " << event;
      EXPECT_EQ(actions, arrow == figure.end() ? "" : arrow->second->actions) << state << " × " << event;
    }
  }
  EXPECT_EQ(seen, arrows.size()) << "an arrow names what is no state or event";
}

TEST(InviteClient, steps_as_rfc_3261_figure_5_with_rfc_6026_section_7_2_C1) {
  expect_figure(invite_client::machine,
                {
                    {"calling", "timer_a", "calling", "send_request double_a"},  // §17.1.1.2: doubles without a cap
                    {"calling", "timer_b", "terminated", "report_timeout"},
                    {"calling", "transport_error", "terminated", "report_transport_error"},
                    {"calling", "response_1xx", "proceeding", "stop_a stop_b pass_response"},
                    {"calling", "response_2xx", "accepted", "stop_a stop_b start_m pass_response"},  // RFC 6026: no longer terminated
                    {"calling", "response_300_699", "completed", "send_ack stop_a stop_b start_d pass_response"},
                    {"proceeding", "response_1xx", "proceeding", "pass_response"},
                    {"proceeding", "response_2xx", "accepted", "start_m pass_response"},
                    {"proceeding", "response_300_699", "completed", "send_ack start_d pass_response"},
                    {"completed", "response_300_699", "completed", "send_ack"},  // not passed a second time
                    {"completed", "transport_error", "terminated", "report_transport_error"},
                    {"completed", "timer_d", "terminated", ""},
                    {"accepted", "response_2xx", "accepted", "pass_response"},  // each one, for forks
                    {"accepted", "timer_m", "terminated", ""},
                });
}

TEST(InviteServer, steps_as_rfc_3261_figure_7_with_rfc_6026_section_7_1_C1) {
  expect_figure(invite_server::machine, {
                                            {"proceeding", "invite", "proceeding", "send_response"},
                                            {"proceeding", "send_1xx", "proceeding", "send_response"},
                                            {"proceeding", "send_300_699", "completed", "send_response start_g start_h"},
                                            {"proceeding", "send_2xx", "accepted", "send_response start_l"},      // RFC 6026
                                            {"proceeding", "transport_error", "proceeding", "tell_undelivered"},  // RFC 6026 §7.1: stays
                                            {"completed", "invite", "completed", "send_response"},
                                            {"completed", "timer_g", "completed", "send_response double_g"},
                                            {"completed", "timer_h", "terminated", "tell_unacknowledged"},
                                            {"completed", "transport_error", "completed", "tell_undelivered"},
                                            {"completed", "ack", "confirmed", "stop_g stop_h start_i"},
                                            {"confirmed", "timer_i", "terminated", ""},
                                            {"accepted", "send_2xx", "accepted", "send_response"},
                                            {"accepted", "ack", "accepted", "pass_ack"},
                                            {"accepted", "transport_error", "accepted", "tell_undelivered"},
                                            {"accepted", "timer_l", "terminated", ""},  // INVITEs before are absorbed
                                        });
}

TEST(NonInviteClient, steps_as_rfc_3261_figure_6_C1) {
  expect_figure(non_invite_client::machine, {
                                                {"trying", "timer_e", "trying", "send_request double_e"},
                                                {"trying", "timer_f", "terminated", "report_timeout"},
                                                {"trying", "transport_error", "terminated", "report_transport_error"},
                                                {"trying", "response_1xx", "proceeding", "pass_response"},  // Timer E runs on
                                                {"trying", "response_200_699", "completed", "stop_e stop_f start_k pass_response"},
                                                {"proceeding", "timer_e", "proceeding", "send_request slow_e"},  // now every T2
                                                {"proceeding", "timer_f", "terminated", "report_timeout"},
                                                {"proceeding", "transport_error", "terminated", "report_transport_error"},
                                                {"proceeding", "response_1xx", "proceeding", "pass_response"},
                                                {"proceeding", "response_200_699", "completed", "stop_e stop_f start_k pass_response"},
                                                {"completed", "timer_k", "terminated", ""},
                                            });
}

TEST(NonInviteServer, steps_as_rfc_3261_figure_8_C1) {
  expect_figure(non_invite_server::machine, {
                                                {"trying", "send_1xx", "proceeding", "send_response"},
                                                {"trying", "send_200_699", "completed", "send_response start_j"},
                                                {"proceeding", "request", "proceeding", "send_response"},
                                                {"proceeding", "send_1xx", "proceeding", "send_response"},
                                                {"proceeding", "send_200_699", "completed", "send_response start_j"},
                                                {"proceeding", "transport_error", "terminated", "tell_undelivered"},
                                                {"completed", "request", "completed", "send_response"},
                                                {"completed", "timer_j", "terminated", ""},
                                                {"completed", "transport_error", "terminated", "tell_undelivered"},
                                            });
}

}  // namespace
}  // namespace ringhold::transaction
