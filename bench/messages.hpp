#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "channels.hpp"

namespace bench {

inline constexpr std::size_t digits = 8;

/// What the generator does; `digest` is a REGISTER that is challenged (RFC 7616).
enum class Task { options, register_, bind, message, call, fork, dns, digest };

inline bool is_register(Task task) { return task == Task::register_ || task == Task::bind || task == Task::digest; }
inline bool is_call(Task task) { return task == Task::call || task == Task::fork; }

inline constexpr std::string_view sdp =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

/// The text of a request with places for the number of its user and of its transaction, each of eight digits.
class Template {
 public:
  /// As the caller at one channel sends it; a REGISTER comes from the phone there.
  Template(Task task, unsigned contacts, const Channels& channels, std::size_t channel, std::size_t phones) {
    const std::string user = "sip:u@@@@@@@@@example.test";
    const std::string method = task == Task::options ? "OPTIONS" : is_register(task) ? "REGISTER" : is_call(task) ? "INVITE" : "MESSAGE";
    const std::string uri = task == Task::options ? "sip:127.0.0.1" : is_register(task) ? "sip:example.test" : user;
    const std::string body = is_call(task) ? std::string{sdp} : task == Task::message ? "hello, this is a message of some forty bytes" : "";
    std::string contact;
    if (is_call(task)) contact = "Contact: <" + channels.uri("caller", channel) + ">\r\n";
    for (unsigned i = 0; is_register(task) && i < contacts; ++i)
      contact += "Contact: <" + channels.uri("u@@@@@@@@" + std::string(1, static_cast<char>('a' + i)), phones) + ">\r\n";
    text_ = method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/" + std::string{channels.transport()} + " " + channels.place(channel) +
            ";branch=z9hG4bK########;rport\r\nMax-Forwards: 70\r\nFrom: <" + user + ">;tag=f########\r\nTo: <" + user +
            ">\r\nCall-ID: " + (is_register(task) ? "r@@@@@@@@" : "c########") +
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
inline std::size_t write_query(char* out, std::uint64_t number) {
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
inline std::size_t write_answer(char* out, std::string_view request, std::string_view status, std::string_view method,
                                std::string_view more) {
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
inline std::size_t write_in_dialog(char* out, std::string_view answer, std::string_view method, const Channels& channels,
                                   std::size_t channel, std::uint64_t number) {
  Text text{out};
  const auto contact = answer.find("\r\nContact: <") + 12;
  text.put(method);
  text.put(" ");
  text.put(answer.substr(contact, answer.find('>', contact) - contact));
  text.put(" SIP/2.0\r\nVia: SIP/2.0/");
  text.put(channels.transport());
  text.put(" ");
  text.put(channels.place(channel));
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

/// MD5 of parts with colons between them, in hexadecimal digits (RFC 7616 §3.4).
inline std::string digest(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (const std::string_view part : parts) joined.append(joined.empty() ? "" : ":").append(part);
  std::array<unsigned char, 16> sum{};
  EVP_Digest(joined.data(), joined.size(), sum.data(), nullptr, EVP_md5(), nullptr);
  std::string text;
  for (const unsigned char byte : sum) text.append({"0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]});
  return text;
}

inline std::string_view quoted(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == std::string_view::npos) return {};
  const auto begin = text.find('"', at) + 1;
  return text.substr(begin, text.find('"', begin) - begin);
}

/// Puts credentials for `challenge` into a REGISTER of `size` bytes; its new size.
inline std::size_t with_credentials(char* request, std::size_t size, std::string_view challenge, std::uint64_t user) {
  static constexpr std::string_view uri = "sip:example.test", next = "User-Agent:";
  const std::string name = "u" + std::to_string(10'000'000 + user);
  const auto realm = quoted(challenge, "realm="), nonce = quoted(challenge, "nonce=");
  const std::string response = digest({digest({name, realm, "secret"}), nonce, "00000001", "0a4f113b", "auth", digest({"REGISTER", uri})});
  std::string line = "Authorization: Digest username=\"" + name + "\", realm=\"";
  line.append(realm).append("\", nonce=\"").append(nonce).append("\", uri=\"").append(uri).append("\", algorithm=MD5, response=\"");
  line.append(response).append("\", qop=auth, nc=00000001, cnonce=\"0a4f113b\"\r\n");
  const auto at = std::string_view{request, size}.find(next);
  std::memmove(request + at + line.size(), request + at, size - at);
  std::memcpy(request + at, line.data(), line.size());
  return size + line.size();
}

}  // namespace bench
