#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "sip/validation.hpp"

namespace ringhold::sip {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What a proxy or registrar says at the door: "accept", "drop" (a response, or not even a message), or a status and the
/// header that it names.
std::string judge(std::string_view bytes) {
  const auto message = Message::parse(bytes);
  if (!message) return "drop";
  if (!message->is_request()) return is_valid_response(*message) ? "accept" : "drop";
  if (const auto malformed = validate_request(*message)) return std::to_string(malformed->status) + " " + std::string{malformed->header};
  const auto uri = Uri::parse(message->request_uri());
  if (!uri) return "400 Request-URI";
  if (uri->scheme == Scheme::other) return "416";
  if (message->method() == Method::register_) {
    std::string verdict = "accept";
    message->for_each_value(Header::contact, [&](std::string_view value, const HeaderLine&) {
      if (!Contact::parse(value)) verdict = "400 Contact";
      return verdict == "accept";
    });
    if (verdict != "accept") return verdict;
  }
  if (message->line(Header::proxy_require) != nullptr) return "420";
  if (message->max_forwards() == 0U) return "483";
  return "accept";
}

void expect_verdicts(const std::string& folder, const std::map<std::string, std::string>& verdicts) {
  const std::filesystem::path path = std::filesystem::path{RINGHOLD_SOURCE_DIR} / "tests/data" / folder;
  std::size_t judged = 0;
  for (const auto& file : std::filesystem::directory_iterator{path}) {
    const std::string name = file.path().stem();
    ASSERT_TRUE(verdicts.contains(name)) << name << " has no verdict";
    EXPECT_EQ(judge(read(file.path())), verdicts.at(name)) << name;
    ++judged;
  }
  EXPECT_EQ(judged, verdicts.size());
}

// Each verdict is that of RFC 4475's text for the message; where it leaves a choice the comment says which and why.
TEST(Torture, judges_every_message_of_rfc4475_X1) {
  expect_verdicts("rfc4475", {
                                 {"wsinv", "accept"},
                                 {"intmeth", "accept"},
                                 {"esc01", "accept"},
                                 {"escnull", "accept"},
                                 {"esc02", "accept"},
                                 {"lwsdisp", "accept"},
                                 {"longreq", "accept"},
                                 {"dblreq", "accept"},  // §3.1.1.8: what follows the first request in the datagram is ignored
                                 {"semiuri", "accept"},
                                 {"transports", "accept"},
                                 {"mpart01", "accept"},
                                 {"unreason", "accept"},
                                 {"noreason", "accept"},
                                 {"badinv01", "400 Via"},  // §3.1.2.1: separators without values
                                 {"clerr", "400 Content-Length"},
                                 {"ncl", "400 Content-Length"},
                                 {"scalar02", "400 Max-Forwards"},
                                 {"scalarlg", "drop"},
                                 {"quotbal", "400 To"},
                                 {"ltgtruri", "400 request line"},
                                 {"lwsruri", "400 request line"},
                                 {"lwsstart", "400 request line"},
                                 {"trws", "400 request line"},
                                 {"escruri", "accept"},  // §3.1.2.11: may be accepted, its URI headers ignored
                                 {"baddate", "accept"},  // §3.1.2.12: a Date that does not matter to a proxy may be ignored
                                 {"regbadct", "400 Contact"},
                                 {"badaspec", "accept"},  // §3.1.2.14: blanks inside of <>: elements may be liberal
                                 {"baddn", "drop"},       // §3.1.2.15: both copies end before the empty line; see the test below
                                 {"badvers", "505 request line"},
                                 {"mismatch01", "400 CSeq"},
                                 {"mismatch02", "400 CSeq"},
                                 {"bigcode", "drop"},
                                 {"badbranch", "accept"},  // §3.2.1: treated as a request without the cookie
                                 {"insuf", "400 From"},
                                 {"unkscm", "416"},
                                 {"novelsc", "416"},
                                 {"unksm2", "accept"},  // §3.3.4: unknown schemes in To and From do not concern a proxy
                                 {"bext01", "420"},
                                 {"invut", "accept"},
                                 {"regaut01", "accept"},
                                 {"multi01", "400 From"},
                                 {"mcl01", "400 Content-Length"},
                                 {"bcast", "accept"},  // §3.3.10: no transaction matches it, so it is dropped there
                                 {"zeromf", "483"},
                                 {"cparam01", "accept"},
                                 {"cparam02", "accept"},
                                 {"regescrt", "accept"},
                                 {"sdp01", "accept"},
                                 {"inv2543", "accept"},
                             });
}

TEST(Torture, judges_every_message_of_rfc5118_X1) {
  expect_verdicts("rfc5118", {
                                 {"ipv6-good", "accept"},
                                 {"ipv6-bad", "400 Request-URI"},  // §4.2: an IPv6 address without brackets
                                 {"port-ambiguous", "accept"},     // §4.3: the last group is part of the address
                                 {"port-unambiguous", "accept"},
                                 {"via-received-param-with-delim", "accept"},  // §4.5: both forms of received are taken
                                 {"via-received-param-no-delim", "accept"},
                                 {"ipv6-in-sdp", "accept"},
                                 {"mult-ip-in-header", "accept"},
                                 {"mult-ip-in-sdp", "accept"},
                                 {"ipv4-mapped-ipv6", "accept"},
                                 {"ipv6-bug-abnf-3-colons", "400 To"},  // §4.10: three colons
                                 {"ipv6-correct-abnf-2-colons", "accept"},
                             });
}

TEST(Torture, refuses_a_display_name_that_needs_quotes_X1) {
  const auto bytes = read(std::filesystem::path{RINGHOLD_SOURCE_DIR} / "tests/data/rfc4475/baddn.dat") + "\r\n";
  EXPECT_EQ(judge(bytes), "400 From");
}

TEST(Torture, accepts_an_invite_without_blanks_or_with_folds_C7) {
  const auto bytes = read(std::filesystem::path{RINGHOLD_SOURCE_DIR} / "tests/data/rfc4475/wsinv.dat");
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->method(), Method::invite);
  EXPECT_EQ(message->cseq()->number, 9U);
  EXPECT_EQ(message->from_tag(), "98asjd8");
  EXPECT_EQ(message->max_forwards(), 68U);
  std::size_t vias = 0;
  message->for_each_value(Header::via, [&](std::string_view value, const HeaderLine&) {
    EXPECT_TRUE(Via::parse(value)) << value;
    ++vias;
    return true;
  });
  EXPECT_EQ(vias, 3U);
}

}  // namespace
}  // namespace ringhold::sip
