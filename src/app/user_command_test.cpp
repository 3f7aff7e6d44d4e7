#include <gtest/gtest.h>

#include "app/user_command_csv.hpp"

namespace ringhold::app {

namespace {

const std::string md5_of_alice = "2ea10f8bd6b4ea7b8d5a3a5a6a7a8b9c";

std::vector<auth::User> good(std::string_view text) {
  auto users = read_users(text, "example.test");
  EXPECT_TRUE(users) << users.error().front().text;
  return users.value_or(std::vector<auth::User>{});
}

std::string errors(std::string_view text) {
  const auto users = read_users(text, "example.test");
  std::string all;
  if (!users)
    for (const CsvError& error : users.error()) all += std::to_string(error.line) + ": " + error.text + "\n";
  return all;
}

}  // namespace

TEST(UserList, reads_users_with_passwords_and_keeps_only_HA1_R3) {
  const auto users = good("user,password\nalice,secret\r\n\n\"bob\",\"two \"\"words\"\", and a comma\"\n");
  ASSERT_EQ(users.size(), 2U);
  auth::Hasher hasher;
  EXPECT_EQ(users[0].ha1, auth::make_user(hasher, "alice", "example.test", "secret").ha1);
  EXPECT_EQ(users[1].ha1, auth::make_user(hasher, "bob", "example.test", "two \"words\", and a comma").ha1);
}

TEST(UserList, reads_the_tables_of_Kamailio_and_Asterisk_R3) {
  const auto kamailio = good("id\tusername\tdomain\tpassword\tha1\tha1b\n1\talice\texample.test\t\t" + md5_of_alice + "\tffff\n");
  ASSERT_EQ(kamailio.size(), 1U);
  EXPECT_EQ(kamailio[0].algorithms(), auth::bit(auth::Algorithm::md5));
  const auto asterisk = good("id;auth_type;username;realm;md5_cred\nalice;md5;alice;Example.Test;" + md5_of_alice + "\n");
  EXPECT_EQ(asterisk.at(0).ha1, kamailio[0].ha1);
  EXPECT_EQ(asterisk.at(0).realm, "example.test");
}

TEST(UserList, names_every_bad_line) {
  EXPECT_EQ(
      errors("user,password\nalice,secret,more\n,x\ncarol,\nd:e,x\nalice,1\nalice,2\n"),
      "2: 3 columns, the first line has 2\n3: \"\": a name is empty\n4: carol: neither a password nor an HA1\n"
      "5: \"d:e\": a name has no blanks, control characters, ':', '@', '/', quotes or backslashes\n7: alice stands in line 6 already\n");
  EXPECT_EQ(errors("user,realm,ha1_md5\nalice,other.test," + md5_of_alice + "\nbob,,12\n"),
            "2: alice: realm \"other.test\" is not branch.domain \"example.test\": its HA1 cannot serve here\n"
            "3: bob: an HA1 of MD5 has 32 hexadecimal digits\n");
  EXPECT_EQ(errors("user,password,ha1\nalice,secret," + md5_of_alice + "\n"), "2: alice: password and HA1 do not belong together\n");
}

TEST(UserList, wants_a_header_line_that_it_understands) {
  EXPECT_NE(errors("alice,secret\n").find("1: unknown column \"alice\""), std::string::npos);
  EXPECT_NE(errors("user\nalice\n").find("the first line names the columns"), std::string::npos);
  EXPECT_NE(errors("user,username,password\n").find("1: column \"username\" says what another one says"), std::string::npos);
  EXPECT_EQ(errors("user,password\n"), "2: there is no user in it\n");
  EXPECT_EQ(errors("user,password\nalice,\"secret\n"), "2: a quote is left open\n");
  EXPECT_EQ(errors(""), "1: unknown column \"\": expected user and password, or user and ha1_md5, ha1_sha256, ha1_sha512_256\n");
}

TEST(UserList, counts_lines_within_quotes) {
  EXPECT_EQ(errors("user,password\nalice,\"a\nb\"\nbob\n"), "4: 1 columns, the first line has 2\n");
}

}  // namespace ringhold::app
