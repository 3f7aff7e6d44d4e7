// load options|register|bind|message|call|fork|dns PORT USERS OUTSTANDING SECONDS: a closed loop of transactions over UDP on
// loopback, with so many under way at once. Registers every user first where the task needs it, prints "ready", waits for a line,
// measures, prints "DONE LOST SECONDS". It is also the phones: a second socket answers what is relayed to it. `bind` registers
// new users beside the first ones. A `call` is INVITE to BYE, 13 messages; in a `fork` the first of three phones answers.
// Requests are copies of one template with the numbers put in, so that the generator costs less than any server.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t batch = 32;
constexpr std::size_t room = 4096;
constexpr std::size_t digits = 8;
using Clock = std::chrono::steady_clock;

enum class Task { options, register_, bind, message, call, fork, dns };

bool is_register(Task task) { return task == Task::register_ || task == Task::bind; }
bool is_call(Task task) { return task == Task::call || task == Task::fork; }

/// Batches of datagrams out of and into one socket.
class Socket {
 public:
  Socket() : fd_{socket(AF_INET, SOCK_DGRAM, 0)} {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address_;
    const int buffer = 4 << 20;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0) std::exit(1);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &length);
  }
  int fd() const { return fd_; }
  std::string place() const { return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

  /// Room for the next datagram to be sent.
  char* next() {
    if (queued_ == batch) flush();
    return out_[queued_].data();
  }
  void queue(std::size_t size, const sockaddr_in& to) {
    peers_[queued_] = to;
    out_parts_[queued_] = {out_[queued_].data(), size};
    sent_[queued_].msg_hdr = {&peers_[queued_], sizeof(sockaddr_in), &out_parts_[queued_], 1, nullptr, 0, 0};
    ++queued_;
  }
  void flush() {
    for (std::size_t done = 0; done < queued_;) {
      const int count = sendmmsg(fd_, sent_.data() + done, static_cast<unsigned>(queued_ - done), 0);
      done += count > 0 ? static_cast<std::size_t>(count) : 1;
    }
    queued_ = 0;
  }
  std::size_t receive() {
    for (std::size_t i = 0; i < batch; ++i) {
      in_parts_[i] = {in_[i].data(), room};
      received_[i].msg_hdr = {&senders_[i], sizeof senders_[i], &in_parts_[i], 1, nullptr, 0, 0};
    }
    return static_cast<std::size_t>(std::max(0, recvmmsg(fd_, received_.data(), batch, MSG_DONTWAIT, nullptr)));
  }
  std::string_view message(std::size_t i) const { return {in_[i].data(), received_[i].msg_len}; }
  const sockaddr_in& sender(std::size_t i) const { return senders_[i]; }

 private:
  int fd_;
  sockaddr_in address_{};
  std::size_t queued_ = 0;
  std::array<std::array<char, room>, batch> in_{}, out_{};
  std::array<iovec, batch> in_parts_{}, out_parts_{};
  std::array<mmsghdr, batch> received_{}, sent_{};
  std::array<sockaddr_in, batch> senders_{}, peers_{};
};

constexpr std::string_view sdp =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

/// The text of a request with places for the number of its user and of its transaction, each of eight digits.
class Template {
 public:
  Template(Task task, unsigned contacts, const std::string& own, const std::string& phones) {
    const std::string user = "sip:u@@@@@@@@@example.test";
    const std::string method = task == Task::options ? "OPTIONS" : is_register(task) ? "REGISTER" : is_call(task) ? "INVITE" : "MESSAGE";
    const std::string uri = task == Task::options ? "sip:127.0.0.1" : is_register(task) ? "sip:example.test" : user;
    const std::string body = is_call(task) ? std::string{sdp} : task == Task::message ? "hello, this is a message of some forty bytes" : "";
    std::string contact;
    if (is_call(task)) contact = "Contact: <sip:caller@" + own + ">\r\n";
    for (unsigned i = 0; is_register(task) && i < contacts; ++i)
      contact += "Contact: <sip:u@@@@@@@@" + std::string(1, static_cast<char>('a' + i)) + "@" + phones + ">\r\n";
    text_ = method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + own + ";branch=z9hG4bK########;rport\r\nMax-Forwards: 70\r\nFrom: <" +
            user + ">;tag=f########\r\nTo: <" + user + ">\r\nCall-ID: " + (is_register(task) ? "r@@@@@@@@" : "c########") +
            "@bench\r\nCSeq: " + (is_register(task) ? "########" : "1") + " " + method + "\r\n" + contact +
            (is_register(task) ? "Expires: 600\r\n" : "") +
            (body.empty()    ? ""
             : is_call(task) ? "Content-Type: application/sdp\r\n"
                             : "Content-Type: text/plain\r\n") +
            "User-Agent: bench\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    find("@@@@@@@@", users_);
    find("########", numbers_);
  }
  std::size_t write(char* out, std::uint64_t user, std::uint64_t number) const {
    std::memcpy(out, text_.data(), text_.size());
    put(out, users_, 10'000'000 + user);
    put(out, numbers_, 10'000'000 + number % 90'000'000);
    return text_.size();
  }

 private:
  void find(std::string_view mark, std::vector<std::size_t>& places) {
    for (std::size_t at = text_.find(mark); at != std::string::npos; at = text_.find(mark, at + digits)) places.push_back(at);
  }
  static void put(char* out, const std::vector<std::size_t>& places, std::uint64_t value) {
    std::array<char, digits> text{};
    for (std::size_t i = digits; i-- > 0; value /= 10) text[i] = static_cast<char>('0' + value % 10);
    for (const std::size_t at : places) std::memcpy(out + at, text.data(), digits);
  }
  std::string text_;
  std::vector<std::size_t> users_, numbers_;
};

/// _sip._udp.example.test SRV with EDNS, as a stub resolver asks it; the number is its ID.
std::size_t write_query(char* out, std::uint64_t number) {
  static constexpr std::string_view rest{
      "\1\0\0\1\0\0\0\0\0\1\4_sip\4_udp\7example\4test\0\0\x21\0\1"
      "\0\0\x29\4\xd0\0\0\0\0\0\0",
      10 + 24 + 4 + 11};
  out[0] = static_cast<char>(number >> 8U);
  out[1] = static_cast<char>(number);
  std::memcpy(out + 2, rest.data(), rest.size());
  return rest.size() + 2;
}

/// Calls `visit` with each header line of a message, without its end.
template <typename Visit>
void for_each_line(std::string_view message, Visit&& visit) {
  for (std::size_t at = message.find("\r\n") + 2; at < message.size();) {
    const auto end = message.find("\r\n", at);
    const auto line = message.substr(at, end - at);
    if (line.empty()) return;
    visit(line);
    at = end + 2;
  }
}

/// A message that grows in a datagram's room.
class Text {
 public:
  explicit Text(char* out) : out_{out} {}
  void put(std::string_view text) {
    std::memcpy(out_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  std::size_t size() const { return size_; }

 private:
  char* out_;
  std::size_t size_ = 0;
};

/// A phone's response. `method` is that of CSeq, because a CANCEL is answered twice: for itself, and for its INVITE.
std::size_t write_answer(char* out, std::string_view request, std::string_view status, std::string_view method, std::string_view more) {
  Text text{out};
  text.put("SIP/2.0 ");
  text.put(status);
  text.put("\r\n");
  for_each_line(request, [&](std::string_view line) {
    if (line.starts_with("CSeq:")) {
      text.put(line.substr(0, line.rfind(' ') + 1));
      text.put(method);
      text.put("\r\n");
    } else if (line.starts_with("To:")) {
      text.put(line);
      text.put(line.find(";tag=") == std::string_view::npos ? ";tag=t\r\n" : "\r\n");
    } else if (line.starts_with("Via:") || line.starts_with("From:") || line.starts_with("Call-ID:") || line.starts_with("Record-Route:")) {
      text.put(line);
      text.put("\r\n");
    }
  });
  text.put(more);
  if (more.empty()) text.put("Content-Length: 0\r\n\r\n");
  return text.size();
}

/// The caller's ACK or BYE after a 200: to its Contact, along its Record-Route, which holds one value here.
std::size_t write_in_dialog(char* out, std::string_view answer, std::string_view method, const std::string& own, std::uint64_t number) {
  Text text{out};
  const auto contact = answer.find("\r\nContact: <") + 12;
  text.put(method);
  text.put(" ");
  text.put(answer.substr(contact, answer.find('>', contact) - contact));
  text.put(" SIP/2.0\r\nVia: SIP/2.0/UDP ");
  text.put(own);
  text.put(";branch=z9hG4bK");
  text.put(std::to_string(10'000'000 + number % 90'000'000));
  text.put(method == "ACK" ? "a;rport\r\nMax-Forwards: 70\r\n" : "b;rport\r\nMax-Forwards: 70\r\n");
  for_each_line(answer, [&](std::string_view line) {
    if (line.starts_with("Record-Route:")) {
      text.put(line.substr(7));
      text.put("\r\n");
    } else if (line.starts_with("From:") || line.starts_with("To:") || line.starts_with("Call-ID:")) {
      text.put(line);
      text.put("\r\n");
    }
  });
  text.put(method == "ACK" ? "CSeq: 1 ACK\r\n" : "CSeq: 2 BYE\r\n");
  text.put("Content-Length: 0\r\n\r\n");
  return text.size();
}

class Load {
 public:
  Load(std::uint16_t port, unsigned users, unsigned contacts) : users_{users}, contacts_{contacts} {
    server_.sin_family = AF_INET;
    server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server_.sin_port = htons(port);
  }

  struct Result {
    std::uint64_t done = 0;
    std::uint64_t lost = 0;
  };

  /// Until `limit` transactions are over or the time is. A transaction without answer for 500 ms is lost.
  Result run(Task task, std::uint64_t limit, unsigned outstanding, Clock::time_point until) {
    const Template text{task, contacts_, caller_.place(), phones_.place()};
    const std::uint64_t first_user = task == Task::bind ? next_new_user_ : 0;
    Result result;
    std::uint64_t started = 0;
    waiting_.assign(window, 0);
    answered_.assign(window, false);
    under_way_ = 0;
    auto last_answer = Clock::now();
    while (result.done + result.lost < limit && Clock::now() < until) {
      for (; under_way_ < outstanding && started < limit; ++started, ++under_way_) {
        const std::uint64_t number = ++number_;
        waiting_[number % window] = number;
        answered_[number % window] = false;
        char* const out = caller_.next();
        caller_.queue(task == Task::dns ? write_query(out, number)
                                        : text.write(out, task == Task::bind ? first_user + started : started % users_, number),
                      server_);
      }
      caller_.flush();
      std::array<pollfd, 2> ready{{{caller_.fd(), POLLIN, 0}, {phones_.fd(), POLLIN, 0}}};
      poll(ready.data(), ready.size(), 100);
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
    slot = 0;
    --under_way_;
    return true;
  }
  bool over_sip(std::string_view message) {
    if (message.starts_with("SIP/2.0 1")) return false;
    const auto branch = message.find("branch=z9hG4bK");
    if (!message.starts_with("SIP/2.0 2") || branch == std::string_view::npos) refused(message.substr(0, message.find("\r\n")));
    const auto number = std::strtoull(message.data() + branch + 14, nullptr, 10) - 10'000'000;
    std::uint64_t& slot = waiting_[number % window];
    if (slot % 90'000'000 != number) return false;
    if (message.find(" INVITE\r\n") == std::string_view::npos) return over(slot);
    if (answered_[number % window]) return false;
    answered_[number % window] = true;
    for (const std::string_view method : {"ACK", "BYE"}) {
      char* const out = caller_.next();
      caller_.queue(write_in_dialog(out, message, method, caller_.place(), number), server_);
    }
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
  unsigned contacts_;
  std::uint64_t next_new_user_ = 1'000'000;
  std::string contact_ = "Contact: <sip:phone@" + phones_.place() + ">\r\nContent-Length: 0\r\n\r\n";
  std::string contact_and_sdp_ = "Contact: <sip:phone@" + phones_.place() +
                                 ">\r\nContent-Type: application/sdp\r\nContent-Length: " + std::to_string(sdp.size()) + "\r\n\r\n" +
                                 std::string{sdp};
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) return 2;
  const std::string_view name = arguments[1];
  const Task task = name == "options"    ? Task::options
                    : name == "register" ? Task::register_
                    : name == "bind"     ? Task::bind
                    : name == "message"  ? Task::message
                    : name == "call"     ? Task::call
                    : name == "fork"     ? Task::fork
                                         : Task::dns;
  const auto users = static_cast<unsigned>(std::atoi(arguments[3]));
  const auto outstanding = static_cast<unsigned>(std::atoi(arguments[4]));
  const std::chrono::seconds duration{std::atoi(arguments[5])};
  static Load load{static_cast<std::uint16_t>(std::atoi(arguments[2])), users, task == Task::fork ? 3U : 1U};
  if (task != Task::options && task != Task::dns) {
    const auto first = load.run(Task::register_, users, outstanding, Clock::now() + std::chrono::seconds{20});
    if (first.done != users)
      return std::fprintf(stderr, "load: %llu of %u users registered\n", static_cast<unsigned long long>(first.done), users), 1;
  }
  load.run(task, 5'000, outstanding, Clock::now() + std::chrono::seconds{2});  // warm
  std::printf("ready\n");
  std::fflush(stdout);
  if (std::getchar() == EOF) return 1;
  const auto begin = Clock::now();
  const auto result = load.run(task, UINT64_MAX, outstanding, begin + duration);
  std::printf("%llu %llu %.3f\n", static_cast<unsigned long long>(result.done), static_cast<unsigned long long>(result.lost),
              std::chrono::duration<double>(Clock::now() - begin).count());
  return 0;
}
