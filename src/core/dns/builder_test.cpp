#include "dns/builder.hpp"

#include <gtest/gtest.h>

namespace ringhold::dns {
namespace {

Name name(std::string_view text) { return *Name::from_text(text); }

TEST(Builder, compresses_owners_against_the_question_and_never_data_RFC2782) {
  std::string out = "before";
  const Question question{name("_sip._udp.Example.test"), type::srv, class_in};
  Builder builder{out, 7, flag::qr, question};
  const Srv srv{10, 60, 5060, name("sip1.example.test")};
  builder.add(Section::answer, name("_SIP._udp.example.test"), type::srv, class_in, 60, srv.data());
  builder.add(Section::additional, name("sip1.example.test"), type::a, class_in, 60, std::string_view{"\x0a\x4e\0\x0b", 4});
  builder.add(Section::additional, name("other.name"), type::a, class_in, 60, std::string_view{"\x0a\x4e\0\x0b", 4});
  const std::string_view message = std::string_view{out}.substr(6);
  const std::size_t question_end = 12 + 24 + 4;
  EXPECT_EQ(message.substr(question_end, 2), "\xc0\x0c");
  EXPECT_NE(message.find("\4sip1\7example\4test"), std::string_view::npos);                // RDATA, whole
  EXPECT_NE(message.find(std::string_view{"\4sip1\xc0\x16", 7}), std::string_view::npos);  // owner, compressed
  EXPECT_EQ(builder.size(), message.size());
  const auto parsed = Message::parse(message);
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->records.size(), 3U);
  EXPECT_EQ(parsed->records[0].name, question.name);
  EXPECT_EQ(parsed->records[0].data, srv.data());
  EXPECT_EQ(parsed->records[1].name, name("sip1.example.test"));
  EXPECT_EQ(parsed->records[2].name, name("other.name"));
  EXPECT_EQ(parsed->records[2].section, Section::additional);
}

TEST(Builder, finds_shared_labels_only_where_labels_begin) {
  std::string out;
  Builder builder{out, 7, flag::qr, {name("xample.test"), type::a, class_in}};
  builder.add(Section::answer, name("example.test"), type::a, class_in, 1, std::string_view{"\1\2\3\4", 4});
  builder.add(Section::answer, Name{}, type::a, class_in, 1, std::string_view{"\1\2\3\4", 4});
  const auto parsed = Message::parse(out);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->records[0].name, name("example.test"));
  EXPECT_TRUE(parsed->records[1].name.is_root());
}

TEST(Builder, writes_an_opt_record_with_an_extended_error_RFC8914) {
  std::string out;
  Builder builder{out, 7, flag::qr, {name("a"), type::a, class_in}};
  builder.add_edns(true, ExtendedError::stale_answer);
  const auto parsed = Message::parse(out);
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(parsed->edns);
  EXPECT_TRUE(parsed->edns->dnssec_ok);
  EXPECT_EQ(parsed->edns->payload, 1232);
  EXPECT_TRUE(out.ends_with(std::string_view{"\0\6\0\x0f\0\2\0\3", 8}));
}

TEST(LargestAnswer, is_512_or_the_clients_size_capped_D2) {
  EXPECT_EQ(largest_answer(false, std::nullopt), 512U);
  EXPECT_EQ(largest_answer(false, Edns{.payload = 900}), 900U);
  EXPECT_EQ(largest_answer(false, Edns{.payload = 4096}), 1232U);
  EXPECT_EQ(largest_answer(true, std::nullopt), 65'535U);
}

}  // namespace
}  // namespace ringhold::dns
