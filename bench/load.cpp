// load options|register|bind|message|call|fork|digest|dns PORT USERS OUTSTANDING SECONDS [FIRST_USER [RATE]]: a closed loop of
// transactions over UDP on loopback, with so many under way at once; with a RATE an open one, so many per second. Registers every
// user first where the task needs it, prints "ready", waits for a line, measures, prints "DONE LOST SECONDS P50 P99", the last two in
// microseconds from the first request to the last answer. It is also the phones: a second socket answers what is relayed to it. `bind`
// registers new users beside the first ones. A `call` is INVITE to BYE, 13 messages; in a `fork` the first of three phones answers;
// a `digest` is a REGISTER that is challenged, and its repetition with MD5 credentials of the password "secret".
// Requests are copies of one template with the numbers put in, so that the generator costs less than any server.
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "messages.hpp"
#include "socket.hpp"

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;

class Load {
 public:
  Load(std::uint16_t port, unsigned users, unsigned first_user, unsigned contacts)
      : users_{users}, first_user_{first_user}, contacts_{contacts} {
    server_.sin_family = AF_INET;
    server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server_.sin_port = htons(port);
  }

  struct Result {
    std::uint64_t done = 0;
    std::uint64_t lost = 0;
    std::vector<std::uint32_t> microseconds{};  ///< of each that was done

    std::uint32_t percentile(unsigned percent) {
      if (microseconds.empty()) return 0;
      const auto at = microseconds.begin() + static_cast<std::ptrdiff_t>(microseconds.size() * percent / 101);
      std::ranges::nth_element(microseconds, at);
      return *at;
    }
  };
  /// What is begun: as many as may be under way, and with a rate no more than so many per second, whatever is answered.
  struct Pace {
    unsigned outstanding = 64;
    unsigned rate = 0;
  };

  /// Until `limit` transactions are over or the time is. A transaction without answer for 500 ms is lost.
  Result run(Task task, std::uint64_t limit, const Pace& pace, Clock::time_point until) {
    const Template text{task, contacts_, caller_.place(), phones_.place()};
    text_ = &text;
    const std::uint64_t first_user = task == Task::bind ? next_new_user_ : first_user_;
    Result result;
    took_ = &result.microseconds;
    const auto begin = Clock::now();
    std::uint64_t started = 0;
    waiting_.assign(window, 0);
    answered_.assign(window, false);
    under_way_ = 0;
    auto last_answer = Clock::now();
    while (result.done + result.lost < limit && Clock::now() < until) {
      const auto due = pace.rate == 0 ? limit : started_by(Clock::now() - begin, pace.rate);
      for (; under_way_ < pace.outstanding && started < std::min(limit, due); ++started, ++under_way_) {
        const std::uint64_t user = first_user + (task == Task::bind ? started : started % users_);
        const std::uint64_t number = begin_one(user, Clock::now());
        char* const out = caller_.next();
        caller_.queue(task == Task::dns ? write_query(out, number) : text.write(out, user, number), server_);
      }
      caller_.flush();
      std::array<pollfd, 2> ready{{{caller_.fd(), POLLIN, 0}, {phones_.fd(), POLLIN, 0}}};
      poll(ready.data(), ready.size(), pace.rate == 0 ? 100 : 1);
      if ((ready[1].revents & POLLIN) != 0) answer_as_phones();
      const std::uint64_t answers = (ready[0].revents & POLLIN) != 0 ? take_answers(task) : 0;
      result.done += answers;
      const auto now = Clock::now();
      if (answers > 0) last_answer = now;
      if (now - last_answer < std::chrono::milliseconds{500}) continue;
      result.lost += under_way_;
      under_way_ = 0;
      waiting_.assign(window, 0);
      last_answer = now;
    }
    if (task == Task::bind) next_new_user_ += started;
    return result;
  }

 private:
  static constexpr std::size_t window = 65'536;
  struct Begun {
    std::uint64_t user = 0;
    Clock::time_point at;
  };

  static std::uint64_t started_by(Clock::duration passed, unsigned rate) {
    return static_cast<std::uint64_t>(std::chrono::duration<double>(passed).count() * rate) + 1;
  }
  std::uint64_t begin_one(std::uint64_t user, Clock::time_point at) {
    const std::uint64_t number = ++number_;
    waiting_[number % window] = number;
    answered_[number % window] = false;
    begun_[number % window] = {user, at};
    return number;
  }

  void answer_as_phones() {
    const std::size_t got = phones_.receive();
    for (std::size_t i = 0; i < got; ++i) {
      const auto request = phones_.message(i);
      const auto& peer = phones_.sender(i);
      const auto answer = [&](std::string_view status, std::string_view method, std::string_view more) {
        char* const out = phones_.next();
        phones_.queue(write_answer(out, request, status, method, more), peer);
      };
      if (request.starts_with("INVITE ")) {
        answer("180 Ringing", "INVITE", contact_);
        // "INVITE sip:u12345678a@...": the first phone of a user answers.
        if (request.substr(0, 24).find("a@") != std::string_view::npos) answer("200 OK", "INVITE", contact_and_sdp_);
      } else if (request.starts_with("CANCEL ")) {
        answer("200 OK", "CANCEL", {});
        answer("487 Request Terminated", "INVITE", {});
      } else if (request.starts_with("BYE ")) {
        answer("200 OK", "BYE", {});
      } else if (request.starts_with("MESSAGE ")) {
        answer("200 OK", "MESSAGE", {});
      }
    }
    phones_.flush();
  }

  std::uint64_t take_answers(Task task) {
    const std::size_t got = caller_.receive();
    std::uint64_t answers = 0;
    for (std::size_t i = 0; i < got; ++i) {
      const auto message = caller_.message(i);
      if (task == Task::dns ? over_dns(message) : over_sip(message)) ++answers;
    }
    caller_.flush();
    return answers;
  }

  /// Only the first final answer to a transaction that is under way counts: a retransmission is no work done.
  bool over(std::uint64_t& slot) {
    if (slot == 0) return false;
    const auto took = Clock::now() - begun_[slot % window].at;
    took_->push_back(static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    slot = 0;
    --under_way_;
    return true;
  }
  bool over_sip(std::string_view message) {
    if (message.starts_with("SIP/2.0 1")) return false;
    const auto branch = message.find("branch=z9hG4bK");
    const bool challenged = message.starts_with("SIP/2.0 401 ");
    if ((!challenged && !message.starts_with("SIP/2.0 2")) || branch == std::string_view::npos)
      refused(message.substr(0, message.find("\r\n")));
    const auto number = std::strtoull(message.data() + branch + 14, nullptr, 10) - 10'000'000;
    std::uint64_t& slot = waiting_[number % window];
    if (slot % 90'000'000 != number) return false;
    if (challenged) return prove(slot, message);
    if (message.find(" INVITE\r\n") == std::string_view::npos) return over(slot);
    if (answered_[number % window]) return false;
    answered_[number % window] = true;
    for (const std::string_view method : {"ACK", "BYE"}) {
      char* const out = caller_.next();
      caller_.queue(write_in_dialog(out, message, method, caller_.place(), number), server_);
    }
    return false;
  }
  /// The same REGISTER again, with credentials; it is the second half of one transaction here.
  bool prove(std::uint64_t& slot, std::string_view challenge) {
    const Begun first = begun_[slot % window];
    slot = 0;
    const std::uint64_t number = begin_one(first.user, first.at);
    char* const out = caller_.next();
    caller_.queue(with_credentials(out, text_->write(out, first.user, number), challenge, first.user), server_);
    return false;
  }
  bool over_dns(std::string_view message) {
    if (message.size() < 12 || (message[3] & 15) != 0 || message[7] == 0) refused("a DNS answer without records");
    const auto id = static_cast<std::size_t>(static_cast<unsigned char>(message[0]) << 8U | static_cast<unsigned char>(message[1]));
    return over(waiting_[id]);
  }
  [[noreturn]] static void refused(std::string_view why) {
    std::fprintf(stderr, "load: refused: %.*s\n", static_cast<int>(why.size()), why.data());
    std::exit(1);
  }

  Socket caller_;
  Socket phones_;
  sockaddr_in server_{};
  std::uint64_t users_;
  std::uint64_t number_ = 0;
  std::uint64_t under_way_ = 0;
  std::vector<std::uint64_t> waiting_;
  std::vector<bool> answered_;  ///< its INVITE has its 200
  std::vector<Begun> begun_ = std::vector<Begun>(window);
  std::vector<std::uint32_t>* took_ = nullptr;
  const Template* text_ = nullptr;
  std::uint64_t first_user_;
  unsigned contacts_;
  std::uint64_t next_new_user_ = 1'000'000;
  std::string contact_ = "Contact: <sip:phone@" + phones_.place() + ">\r\nContent-Length: 0\r\n\r\n";
  std::string contact_and_sdp_ = "Contact: <sip:phone@" + phones_.place() +
                                 ">\r\nContent-Type: application/sdp\r\nContent-Length: " + std::to_string(sdp.size()) + "\r\n\r\n" +
                                 std::string{sdp};
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 6 || count > 8) return 2;
  const auto number = [&](int i) { return i < count ? static_cast<unsigned>(std::atoi(arguments[i])) : 0; };
  const std::string_view name = arguments[1];
  const Task task = name == "options"    ? Task::options
                    : name == "register" ? Task::register_
                    : name == "bind"     ? Task::bind
                    : name == "message"  ? Task::message
                    : name == "call"     ? Task::call
                    : name == "fork"     ? Task::fork
                    : name == "digest"   ? Task::digest
                                         : Task::dns;
  const unsigned users = number(3);
  const Load::Pace closed{number(4)};
  const Load::Pace pace{number(7) == 0 ? number(4) : 4'096, number(7)};
  const std::chrono::seconds duration{number(5)};
  static Load load{static_cast<std::uint16_t>(number(2)), users, number(6), task == Task::fork ? 3U : 1U};
  if (task != Task::options && task != Task::dns) {
    const auto first = load.run(task == Task::digest ? task : Task::register_, users, closed, Clock::now() + std::chrono::seconds{20});
    if (first.done != users)
      return std::fprintf(stderr, "load: %llu of %u users registered\n", static_cast<unsigned long long>(first.done), users), 1;
  }
  load.run(task, 5'000, closed, Clock::now() + std::chrono::seconds{2});  // warm
  std::printf("ready\n");
  std::fflush(stdout);
  if (std::getchar() == EOF) return 1;
  const auto begin = Clock::now();
  auto result = load.run(task, UINT64_MAX, pace, begin + duration);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("%llu %llu %.3f %u %u\n", static_cast<unsigned long long>(result.done), static_cast<unsigned long long>(result.lost), seconds,
              result.percentile(50), result.percentile(99));
  return 0;
}
