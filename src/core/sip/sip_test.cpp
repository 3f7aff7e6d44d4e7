#include <gtest/gtest.h>

#include <string>

#include "base/random.hpp"
#include "sip/builder.hpp"
#include "sip/framing.hpp"
#include "sip/message.hpp"
#include "sip/splice.hpp"

namespace ringhold::sip {
namespace {

constexpr std::string_view invite =
    "INVITE sip:bob@biloxi.example SIP/2.0\r\n"
    "v: SIP/2.0/UDP 10.77.0.11:5061;branch=z9hG4bK1;rport, SIP/2.0/TCP p.example;branch=z9hG4bK0\r\n"
    "Via: SIP/2.0/TLS q.example;branch=z9hG4bKq\r\n"
    "f: \"A \\\"quoted\\\" name\" <sip:alice@atlanta.example>;tag=88\r\n"
    "t: Bob\r\n <sip:bob@biloxi.example>\r\n"
    "i: abc\r\nCSeq: 7 INVITE\r\nMax-Forwards: 70\r\n"
    "Route: <sip:10.77.0.2;lr>, <sip:next.example;lr>\r\n"
    "Route: <sip:last.example>\r\n"
    "l: 4\r\n\r\nbody";

Message parsed(std::string_view bytes) { return *Message::parse(bytes); }

TEST(Message, reads_compact_folded_and_listed_headers) {
  const Message message = parsed(invite);
  EXPECT_EQ(message.from_tag(), "88");
  EXPECT_EQ(message.to()->uri.user, "bob");
  EXPECT_EQ(message.call_id(), "abc");
  EXPECT_EQ(message.top_via()->branch, "z9hG4bK1");
  EXPECT_TRUE(message.top_via()->has_rport);
  EXPECT_EQ(message.body(), "body");
  std::vector<std::string> routes;
  message.for_each_value(Header::route, [&](std::string_view value, const HeaderLine&) {
    routes.emplace_back(value);
    return true;
  });
  EXPECT_EQ(routes, (std::vector<std::string>{"<sip:10.77.0.2;lr>", "<sip:next.example;lr>", "<sip:last.example>"}));
}

TEST(Message, commas_in_quotes_and_brackets_do_not_separate) {
  const auto first = split_element("\"a, b\" <sip:x@y?h=1,2>;q=0.1, <sip:z@y>");
  EXPECT_EQ(first.first, "\"a, b\" <sip:x@y?h=1,2>;q=0.1");
  EXPECT_EQ(first.rest, "<sip:z@y>");
  EXPECT_TRUE(first.more);
}

TEST(Message, refuses_what_has_no_end) {
  EXPECT_FALSE(Message::parse("INVITE sip:a@b SIP/2.0\r\nVia: x\r\n"));
  EXPECT_FALSE(Message::parse(""));
  EXPECT_FALSE(Message::parse("SIP/2.0 99 X\r\n\r\n"));
  std::string many = "OPTIONS sip:a SIP/2.0\r\n";
  for (int i = 0; i < 300; ++i) many += "X: y\r\n";
  const auto result = Message::parse(many + "\r\n");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().what, "more than 256 header lines");
}

TEST(Uri, compares_by_rfc3261_19_1_4) {
  const auto same = [](std::string_view a, std::string_view b) { return equivalent(*Uri::parse(a), *Uri::parse(b)); };
  EXPECT_TRUE(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
  EXPECT_TRUE(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
  EXPECT_TRUE(same("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                   "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
  EXPECT_FALSE(same("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
  EXPECT_FALSE(same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
  EXPECT_FALSE(same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
  EXPECT_FALSE(same("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
}

TEST(Uri, equals_itself_even_with_a_parameter_that_stands_twice) {
  const auto uri = Uri::parse("sip:a@b;tag=1;tag=2");
  EXPECT_TRUE(equivalent(*uri, *uri));
  EXPECT_FALSE(equivalent(*uri, *Uri::parse("sip:a@b;tag=3")));
}

TEST(Uri, canonical_aor_ignores_port_parameters_and_case_of_host) {
  EXPECT_EQ(address_of_record(*Uri::parse("sip:%61lice@Example.TEST:5070;transport=tcp")), "sip:alice@example.test");
  EXPECT_FALSE(address_of_record(*Uri::parse("sip:a%00b@x")));
}

TEST(Uri, refuses_what_is_no_uri) {
  for (const char* bad : {"", "sip:", ":x", "sip:a b@c", "sip:a@[::1", "sip:a@b:0", "sip:a@b:70000", "sip:a%4@b", "sip:@b"})
    EXPECT_FALSE(Uri::parse(bad)) << bad;
}

TEST(Contact, reads_q_expires_instance_and_star) {
  const auto contact = Contact::parse("\"X\" <sip:a@10.0.0.1;ob>;q=0.25;expires=7;+sip.instance=\"<urn:uuid:1>\";reg-id=2");
  ASSERT_TRUE(contact);
  EXPECT_EQ(contact->q, 250);
  EXPECT_EQ(contact->expires, 7U);
  EXPECT_EQ(contact->instance, "<urn:uuid:1>");
  EXPECT_EQ(contact->reg_id, 2U);
  EXPECT_TRUE(Contact::parse(" * ")->star);
  EXPECT_FALSE(Contact::parse("<sip:a@b>;q=1.5"));
}

TEST(Splice, edits_in_one_pass_whatever_their_order) {
  const Message message = parsed(invite);
  Splice splice{message};
  splice.append_header({"X-Last: 1\r\n"});
  splice.replace(message.request_uri(), {"sip:bob@", "10.0.0.9"});
  splice.insert_before(Header::via, {"Via: ours\r\n"});
  splice.remove_first_values(Header::route, 1);
  std::string out;
  splice.write(out);
  EXPECT_TRUE(out.starts_with("INVITE sip:bob@10.0.0.9 SIP/2.0\r\nVia: ours\r\nv: ")) << out;
  EXPECT_NE(out.find("\r\nRoute: <sip:next.example;lr>\r\nRoute: <sip:last.example>\r\n"), std::string::npos) << out;
  EXPECT_TRUE(out.ends_with("l: 4\r\nX-Last: 1\r\n\r\nbody")) << out;
}

TEST(Splice, takes_whole_lines_when_nothing_remains) {
  const Message message = parsed(invite);
  Splice splice{message};
  splice.remove_first_values(Header::route, 2);
  splice.remove_last_value(Header::route);
  std::string out;
  splice.write(out);
  EXPECT_EQ(out.find("Route"), std::string::npos) << out;
}

TEST(Builder, response_copies_what_rfc3261_8_2_6_asks) {
  const Message message = parsed(invite);
  std::string out;
  append_response(out, message, *Endpoint::parse("10.77.0.11:40000", Port{}), 404, {}, "t1", "X: y\r\n");
  const Message response = parsed(out);
  EXPECT_EQ(response.status(), 404);
  EXPECT_EQ(response.to_tag(), "t1");
  EXPECT_EQ(response.top_via()->rport, 40000);
  EXPECT_EQ(response.top_via()->received, "10.77.0.11");
  std::size_t vias = 0;
  response.for_each_value(Header::via, [&](std::string_view, const HeaderLine&) { return ++vias, true; });
  EXPECT_EQ(vias, 3U);
  EXPECT_EQ(response.cseq()->number, 7U);
}

TEST(Builder, ack_and_cancel_take_after_their_invite) {
  const Message message = parsed(invite);
  std::string cancel;
  append_cancel(cancel, message, "Reason: SIP;cause=200\r\n");
  EXPECT_TRUE(cancel.starts_with("CANCEL sip:bob@biloxi.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11:5061;branch=z9hG4bK1;rport\r\n"))
      << cancel;
  const Message parsed_cancel = parsed(cancel);
  EXPECT_EQ(parsed_cancel.cseq()->number, 7U);
  EXPECT_EQ(parsed_cancel.count(Header::route), 3U);
  EXPECT_TRUE(parsed_cancel.to_tag().empty());
}

TEST(StreamFramer, cuts_the_same_messages_however_the_bytes_come) {
  const std::string stream = "\r\n\r\n" + std::string{invite} + "\r\n" + std::string{invite} + "\r\n\r\n\r\n\r\n" + std::string{invite};
  SeededRandom random{3};
  for (int round = 0; round < 200; ++round) {
    StreamFramer framer;
    std::size_t messages = 0;
    std::size_t pings = 0;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t chunk = round == 0 ? 1 : 1 + random.below(60);
      framer.feed(std::string_view{stream}.substr(at, chunk));
      at += chunk;
      for (auto piece = framer.take(); piece.kind != StreamFramer::Kind::nothing; piece = framer.take()) {
        ASSERT_NE(piece.kind, StreamFramer::Kind::error);
        if (piece.kind == StreamFramer::Kind::keep_alive)
          ++pings;
        else {
          EXPECT_EQ(piece.bytes, invite);
          ++messages;
        }
      }
    }
    EXPECT_EQ(messages, 3U);
    EXPECT_GE(pings, 2U);
  }
}

TEST(StreamFramer, sees_the_same_pings_however_the_bytes_come) {
  const auto pings = [](std::string_view stream, std::size_t chunk) {
    StreamFramer framer;
    std::size_t count = 0;
    for (; !stream.empty(); stream.remove_prefix(std::min(chunk, stream.size()))) {
      framer.feed(stream.substr(0, chunk));
      while (framer.take().kind == StreamFramer::Kind::keep_alive) ++count;
    }
    return count;
  };
  for (const std::size_t chunk : {1U, 2U, 3U, 64U}) {
    EXPECT_EQ(pings("\n\r\n\r\n", chunk), 1U) << chunk;
    EXPECT_EQ(pings("\r\r\n\r\n", chunk), 1U) << chunk;
    EXPECT_EQ(pings("\r\n\r\n\r\n\r\n\r\n", chunk), 2U) << chunk;
  }
}

TEST(StreamFramer, gives_up_without_length_and_on_endless_heads) {
  StreamFramer no_length;
  no_length.feed("OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n");
  EXPECT_EQ(no_length.take().kind, StreamFramer::Kind::error);
  StreamFramer endless;
  for (int i = 0; i < 8000; ++i) endless.feed("X: 12345678\r\n");
  EXPECT_EQ(endless.take().kind, StreamFramer::Kind::error);
  StreamFramer huge;
  huge.feed("OPTIONS sip:a SIP/2.0\r\nl: 99999999\r\n\r\n");
  EXPECT_EQ(huge.take().kind, StreamFramer::Kind::error);
}

}  // namespace
}  // namespace ringhold::sip
