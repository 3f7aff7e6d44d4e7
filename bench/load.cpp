// load [tcp-|tls-]TASK PORT USERS OUTSTANDING SECONDS [FIRST_USER [RATE]], where TASK is options, register, bind, message, call, fork,
// digest or dns: a closed loop of transactions on loopback, with so many under way at once; with a RATE an open one, so many per second.
// Over UDP, or over 50 connections that are kept open. Registers every user first where the task needs it, prints "ready", waits for a
// line, measures, prints "DONE LOST SECONDS P50 P99", the last two in microseconds from the first request to the last answer. It is also
// the phones: what is relayed to a second socket, or back over a user's connection, is answered as they would. `store` is
// a message for nobody who is there, for the server to keep. `bind`
// registers new users beside the first ones. A `call` is INVITE to BYE, 13 messages; in a `fork` the first of three phones answers;
// a `digest` is a REGISTER that is challenged, and its repetition with MD5 credentials of the password "secret".
// Requests are copies of one template with the numbers put in, so that the generator costs less than any server.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datagrams.hpp"
#include "messages.hpp"
#include "streams.hpp"

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;

class Load {
 public:
  Load(Channels& channels, unsigned users, unsigned first_user, unsigned contacts)
      : channels_{channels}, users_{users}, first_user_{first_user}, contacts_{contacts} {
    for (std::size_t channel = 0; channel < channels.size(); ++channel) {
      contact_.push_back("Contact: <" + channels.uri("phone", channel) + ">\r\n");
      contact_and_sdp_.push_back(contact_.back() + "Content-Type: application/sdp\r\nContent-Length: " + std::to_string(sdp.size()) +
                                 "\r\n\r\n" + std::string{sdp});
      contact_.back() += "Content-Length: 0\r\n\r\n";
    }
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
    task_ = task;
    texts_.clear();
    for (std::size_t channel = 0; channel < channels_.size(); ++channel)
      texts_.emplace_back(task, contacts_, channels_, channel, channels_.of_phones(channel));
    const std::uint64_t first_user = task == Task::bind ? next_new_user_ : first_user_;
    Result result;
    took_ = &result.microseconds;
    const Channels::Visit take = [this](std::size_t channel, std::string_view message) { receive(channel, message); };
    const auto begin = Clock::now();
    std::uint64_t started = 0;
    waiting_.assign(window, 0);
    answered_.assign(window, false);
    under_way_ = 0;
    auto last_answer = Clock::now();
    while (result.done + result.lost < limit && Clock::now() < until) {
      const auto due = pace.rate == 0 ? limit : started_by(Clock::now() - begin, pace.rate);
      for (; under_way_ < pace.outstanding && started < std::min(limit, due); ++started, ++under_way_) {
        const std::uint64_t user = first_user + (task == Task::bind ? started : scattered(started));
        const std::uint64_t number = begin_one(user, Clock::now());
        const std::size_t channel = is_register(task) ? channels_.of_registrant(user) : channels_.of_caller(user);
        char* const out = channels_.next(channel);
        channels_.queue(channel, task == Task::dns ? write_query(out, number) : texts_[channel].write(out, user, number));
      }
      channels_.flush();
      channels_.wait(pace.rate == 0 ? 100 : 1);
      const std::uint64_t before = over_;
      channels_.receive(take);
      const std::uint64_t answers = over_ - before;
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
  /// Each user in turn, in an order that no cache foresees: a prime stride visits all.
  std::uint64_t scattered(std::uint64_t number) const { return number * 754'974'721 % users_; }
  std::uint64_t begin_one(std::uint64_t user, Clock::time_point at) {
    const std::uint64_t number = ++number_;
    waiting_[number % window] = number;
    answered_[number % window] = false;
    begun_[number % window] = {user, at};
    return number;
  }

  void receive(std::size_t channel, std::string_view message) {
    if (task_ == Task::dns)
      over_ += over_dns(message) ? 1U : 0U;
    else if (message.starts_with("SIP/2.0 "))
      over_ += over_sip(channel, message) ? 1U : 0U;
    else
      answer_as_phone(channel, message);
  }

  void answer_as_phone(std::size_t channel, std::string_view request) {
    const auto answer = [&](std::string_view status, std::string_view method, std::string_view more) {
      char* const out = channels_.next(channel);
      channels_.queue(channel, write_answer(out, request, status, method, more));
    };
    if (request.starts_with("INVITE ")) {
      answer("180 Ringing", "INVITE", contact_[channel]);
      // "INVITE sip:u12345678a@...": the first phone of a user answers.
      if (request.substr(0, 24).find("a@") != std::string_view::npos) answer("200 OK", "INVITE", contact_and_sdp_[channel]);
    } else if (request.starts_with("CANCEL ")) {
      answer("200 OK", "CANCEL", {});
      answer("487 Request Terminated", "INVITE", {});
    } else if (request.starts_with("BYE ")) {
      answer("200 OK", "BYE", {});
    } else if (request.starts_with("MESSAGE ")) {
      answer("200 OK", "MESSAGE", {});
    }
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
  bool over_sip(std::size_t channel, std::string_view message) {
    if (message.starts_with("SIP/2.0 1")) return false;
    const auto branch = message.find("branch=z9hG4bK");
    const bool challenged = message.starts_with("SIP/2.0 401 ");
    if ((!challenged && !message.starts_with("SIP/2.0 2")) || branch == std::string_view::npos)
      refused(message.substr(0, message.find("\r\n")));
    const auto number = std::strtoull(message.data() + branch + 14, nullptr, 10) - 10'000'000;
    std::uint64_t& slot = waiting_[number % window];
    if (slot % 90'000'000 != number) return false;
    if (challenged) return prove(slot, channel, message);
    if (message.find(" INVITE\r\n") == std::string_view::npos) return over(slot);
    if (answered_[number % window]) return false;
    answered_[number % window] = true;
    for (const std::string_view method : {"ACK", "BYE"}) {
      char* const out = channels_.next(channel);
      channels_.queue(channel, write_in_dialog(out, message, method, channels_, channel, number));
    }
    return false;
  }
  /// The same REGISTER again, with credentials; it is the second half of one transaction here.
  bool prove(std::uint64_t& slot, std::size_t channel, std::string_view challenge) {
    const Begun first = begun_[slot % window];
    slot = 0;
    const std::uint64_t number = begin_one(first.user, first.at);
    char* const out = channels_.next(channel);
    channels_.queue(channel, with_credentials(out, texts_[channel].write(out, first.user, number), challenge, first.user));
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

  Channels& channels_;
  Task task_ = Task::options;
  std::uint64_t users_;
  std::uint64_t number_ = 0;
  std::uint64_t under_way_ = 0;
  std::vector<std::uint64_t> waiting_;
  std::vector<bool> answered_;  ///< its INVITE has its 200
  std::vector<Begun> begun_ = std::vector<Begun>(window);
  std::vector<std::uint32_t>* took_ = nullptr;
  std::vector<Template> texts_;  ///< by channel
  std::uint64_t over_ = 0;
  std::uint64_t first_user_;
  unsigned contacts_;
  std::uint64_t next_new_user_ = 1'000'000;
  std::vector<std::string> contact_, contact_and_sdp_;  ///< by channel: how a phone's answer ends
};

/// What the first argument names.
struct Work {
  std::optional<Security> security;  ///< none: over UDP
  Task task = Task::dns;
  bool registers = true;  ///< the users first
};

std::optional<Work> parse_work(std::string_view name) {
  Work work;
  for (const auto& [prefix, security] : {std::pair{"tcp-", Security::none}, std::pair{"tls-", Security::tls}})
    if (name.starts_with(prefix)) {
      work.security = security;
      name.remove_prefix(4);
    }
  static constexpr std::array<std::pair<std::string_view, Task>, 9> tasks{{{"options", Task::options},
                                                                           {"register", Task::register_},
                                                                           {"bind", Task::bind},
                                                                           {"message", Task::message},
                                                                           {"store", Task::message},
                                                                           {"call", Task::call},
                                                                           {"fork", Task::fork},
                                                                           {"digest", Task::digest},
                                                                           {"dns", Task::dns}}};
  const auto found = std::ranges::find(tasks, name, &std::pair<std::string_view, Task>::first);
  if (found == tasks.end()) return std::nullopt;
  work.task = found->second;
  work.registers = work.task != Task::options && work.task != Task::dns && name != "store";
  return work;
}

std::unique_ptr<Channels> channels_to(std::uint16_t port, std::optional<Security> security) {
  constexpr std::size_t connections = 50;
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server.sin_port = htons(port);
  if (security) return std::make_unique<Streams>(server, *security, connections);
  return std::make_unique<Datagrams>(server);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 6 || count > 8) return 2;
  const auto number = [&](int i) { return i < count ? static_cast<unsigned>(std::atoi(arguments[i])) : 0; };
  const auto work = parse_work(arguments[1]);
  if (!work) return 2;
  const Task task = work->task;
  const unsigned users = number(3);
  const Load::Pace closed{number(4)};
  const Load::Pace pace{number(7) == 0 ? number(4) : 4'096, number(7)};
  const std::chrono::seconds duration{number(5)};
  const auto channels = channels_to(static_cast<std::uint16_t>(number(2)), work->security);
  Load load{*channels, users, number(6), task == Task::fork ? 3U : 1U};
  if (work->registers) {
    const auto first = load.run(task == Task::digest ? task : Task::register_, users, closed, Clock::now() + std::chrono::seconds{60});
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
