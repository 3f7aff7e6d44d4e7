#include "dns/name.hpp"

#include <gtest/gtest.h>

namespace ringhold::dns {
namespace {

/// A header of zeros and what follows it.
std::string message_with(std::string_view rest) {
  std::string message(12, '\0');
  message.append(rest);
  return message;
}
std::string header() { return message_with({}); }

Result<Name> read_at(const std::string& message, std::size_t offset) { return Name::read(message, offset); }

TEST(Name, reads_labels_and_writes_them_as_text) {
  const std::string message = header() + std::string("\4_sip\4_udp\7example\4test\0", 24);
  std::size_t offset = 12;
  const auto name = Name::read(message, offset);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->text(), "_sip._udp.example.test");
  EXPECT_EQ(offset, message.size());
}

TEST(Name, follows_a_pointer_backwards_and_goes_on_behind_it) {
  const std::string message = header() + std::string("\7example\4test\0\4sip1\xc0\x0c", 21) + "x";
  std::size_t offset = 12 + 14;
  const auto name = Name::read(message, offset);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->text(), "sip1.example.test");
  EXPECT_EQ(offset, message.size() - 1);
}

TEST(Name, rejects_pointers_that_loop_or_go_forwards_or_into_the_header_D11) {
  EXPECT_FALSE(read_at(message_with("\xc0\x0c"), 12));                       // to itself
  EXPECT_FALSE(read_at(header() + std::string("\xc0\x0e\xc0\x0c", 4), 12));  // forwards and back
  EXPECT_FALSE(read_at(header() + std::string("\1a\xc0\x0c", 4), 12));       // into its own first label
  EXPECT_FALSE(read_at(header() + std::string("\xc0\x02", 2), 12));          // the header has zeros, but no names
}

TEST(Name, rejects_a_long_chain_of_pointers_D11) {
  std::string message = header() + std::string(1, '\0');
  std::size_t last = 12;
  for (int i = 0; i < 300; ++i) {
    const std::size_t at = message.size();
    message.push_back(static_cast<char>(0xc0U | last >> 8U));
    message.push_back(static_cast<char>(last & 0xffU));
    last = at;
  }
  EXPECT_FALSE(read_at(message, last));
  EXPECT_TRUE(read_at(message, 13 + 2 * 100));
}

TEST(Name, rejects_what_goes_past_the_end_D11) {
  EXPECT_FALSE(read_at(header(), 12));
  EXPECT_FALSE(read_at(message_with("\7exam"), 12));
  EXPECT_FALSE(read_at(message_with("\7example"), 12));
  EXPECT_FALSE(read_at(message_with("\xc0"), 12));
}

TEST(Name, rejects_labels_over_63_and_unknown_label_types_D11) {
  EXPECT_FALSE(read_at(header() + "\x40" + std::string(64, 'a') + std::string(1, '\0'), 12));
  EXPECT_FALSE(read_at(header() +
                           "\x80"
                           "a" +
                           std::string(1, '\0'),
                       12));
  EXPECT_FALSE(Name::from_text(std::string(64, 'a')));
  EXPECT_TRUE(Name::from_text(std::string(63, 'a')));
}

TEST(Name, holds_255_bytes_and_not_256_D11) {
  std::string wire = header();
  for (int i = 0; i < 3; ++i) wire += "\x3f" + std::string(63, 'a');
  const std::string fits = wire + "\x3d" + std::string(61, 'a') + std::string(1, '\0');  // 3 * 64 + 62 + 1 = 255
  const std::string too_long = wire + "\x3e" + std::string(62, 'a') + std::string(1, '\0');
  EXPECT_TRUE(read_at(fits, 12));
  EXPECT_FALSE(read_at(too_long, 12));
}

TEST(Name, rejects_empty_labels_in_text) {
  EXPECT_FALSE(Name::from_text("a..b"));
  EXPECT_FALSE(Name::from_text(".a"));
  EXPECT_FALSE(Name::from_text("a.."));
  EXPECT_TRUE(Name::from_text("")->is_root());
  EXPECT_TRUE(Name::from_text(".")->is_root());
  EXPECT_EQ(Name::from_text("a.b."), Name::from_text("a.b"));
}

TEST(Name, compares_without_letter_case_and_keeps_it) {
  const auto lower = *Name::from_text("sip1.example.test");
  const auto mixed = *Name::from_text("Sip1.eXample.TEST");
  EXPECT_EQ(lower, mixed);
  EXPECT_EQ(lower.key(), mixed.key());
  EXPECT_EQ(mixed.text(), "Sip1.eXample.TEST");
  EXPECT_FALSE(lower == *Name::from_text("sip2.example.test"));
}

TEST(Name, knows_its_parts) {
  const auto name = *Name::from_text("_sip._udp.example.test");
  EXPECT_EQ(name.first_label(), "_sip");
  EXPECT_EQ(name.parent().parent(), *Name::from_text("EXAMPLE.test"));
  EXPECT_TRUE(name.ends_with(*Name::from_text("Example.Test")));
  EXPECT_FALSE(name.ends_with(*Name::from_text("ample.test")));
  EXPECT_TRUE(Name{}.parent().is_root());
}

TEST(Name, writes_odd_bytes_with_backslash) {
  const std::string message = header() + std::string("\3a.\x01\0", 5);
  EXPECT_EQ(read_at(message, 12)->text(), "a\\046\\001");
}

}  // namespace
}  // namespace ringhold::dns
