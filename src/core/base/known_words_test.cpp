#include "base/known_words.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringhold {

namespace {

constexpr std::array<std::string_view, 6> words{"To", "Via", "Call-ID", "Max-Forwards", "WWW-Authenticate", "Proxy-Authorization"};
constexpr KnownWords<words.size(), Letters::of_either_case> folding{words};
constexpr KnownWords<words.size(), Letters::as_they_are> exact{words};

}  // namespace

TEST(KnownWords, finds_each_word_and_no_text_that_differs_in_one_byte) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string word{words[i]};
    EXPECT_EQ(folding.find(word), i);
    EXPECT_EQ(exact.find(word), i);
    for (std::size_t at = 0; at < word.size(); ++at)
      for (int c = 0; c < 256; ++c) {
        std::string other = word;
        other[at] = static_cast<char>(c);
        const bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        const bool same_letter = is_letter && (c | 0x20) == (static_cast<unsigned char>(word[at]) | 0x20);
        ASSERT_EQ(exact.find(other).has_value(), other == word) << other;
        ASSERT_EQ(folding.find(other).has_value(), other == word || same_letter) << other;
      }
  }
}

TEST(KnownWords, knows_no_text_that_is_longer_or_shorter) {
  for (const std::string_view word : words) {
    EXPECT_FALSE(exact.find(std::string{word} + "x"));
    EXPECT_FALSE(exact.find(word.substr(1)));
    EXPECT_FALSE(exact.find(word.substr(0, word.size() - 1)));
  }
  EXPECT_FALSE(exact.find(""));
  EXPECT_FALSE(exact.find(std::string(100, 'a')));
}

}  // namespace ringhold
