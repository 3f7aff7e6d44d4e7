#include "auth/digest.hpp"

#include <gtest/gtest.h>

#include "auth/keyed_hash.hpp"

namespace ringhold::auth {
namespace {

std::string hex(Algorithm algorithm, const Digest& digest) { return std::string{HexDigest{algorithm, digest}.text()}; }

std::string hashed(Algorithm algorithm, std::string_view text) {
  Hasher hasher;
  return hex(algorithm, hasher.hash(algorithm, {text}));
}

const Exchange mufasa{"GET",
                      "/dir/index.html",
                      "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                      "00000001",
                      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                      Qop::auth,
                      {}};

std::string mufasas_response(Algorithm algorithm) {
  Hasher hasher;
  const Digest ha1 = make_ha1(hasher, algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
  return hex(algorithm, make_response(hasher, algorithm, ha1, mufasa));
}

}  // namespace

TEST(Hasher, gives_the_published_values_of_each_function) {
  EXPECT_EQ(hashed(Algorithm::md5, "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hashed(Algorithm::sha_256, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hashed(Algorithm::sha_512_256, "abc"), "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
}

TEST(KeyedHash, gives_the_published_value_of_SipHash_2_4) {
  constexpr KeyedHash hash{{0x0706050403020100U, 0x0f0e0d0c0b0a0908U}};
  const std::string message{"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 15};
  EXPECT_EQ(hash(message), 0xa129ca6149be45e5U);
}

TEST(Digest, makes_the_responses_of_RFC_7616_3_9_1) {
  EXPECT_EQ(mufasas_response(Algorithm::md5), "8ca523f5e9506fed4657c9700eebdbec");
  EXPECT_EQ(mufasas_response(Algorithm::sha_256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

TEST(Digest, makes_the_response_of_RFC_7616_3_9_2_as_its_erratum_4897_corrects_it) {
  Hasher hasher;
  const auto algorithm = Algorithm::sha_512_256;
  const Digest ha1 = make_ha1(hasher, algorithm, "J\xc3\xa4s\xc3\xb8n Doe", "api@example.org", "Secret, or not?");
  const Exchange exchange{
      "GET",     "/doe.json", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "00000001", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
      Qop::auth, {}};
  EXPECT_EQ(hex(algorithm, make_response(hasher, algorithm, ha1, exchange)),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
}

TEST(Digest, makes_the_response_of_RFC_2617_3_5_and_covers_the_body_with_auth_int) {
  Hasher hasher;
  const Digest ha1 = make_ha1(hasher, Algorithm::md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
  Exchange exchange{"GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "00000001", "0a4f113b", Qop::auth, {}};
  EXPECT_EQ(hex(Algorithm::md5, make_response(hasher, Algorithm::md5, ha1, exchange)), "6629fae49393a05397450978507c4ef1");
  exchange.qop = Qop::auth_int;
  const auto empty = make_response(hasher, Algorithm::md5, ha1, exchange);
  exchange.body = "v=0";
  EXPECT_NE(make_response(hasher, Algorithm::md5, ha1, exchange), empty);
}

TEST(Credentials, are_read_as_phones_write_them_RFC7616) {
  const auto read = Credentials::parse(
      "digest USERNAME=\"al\\\"ice\" , realm=\"a, b\",nonce=\"n\",uri=\"sip:example.test\",\r\n response=\"00\",qop=auth,nc=0000001F,"
      "cnonce=\"c\",algorithm=sha-256,opaque=\"\",auts=x");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->user(), "al\"ice");
  EXPECT_EQ(read->realm, "a, b");
  EXPECT_EQ(read->qop, Qop::auth);
  EXPECT_EQ(read->nonce_count(), 31U);
  EXPECT_EQ(read->algorithm(), Algorithm::sha_256);
  EXPECT_EQ(read->uri, "sip:example.test");
}

TEST(Credentials, may_have_an_extended_user_name_RFC7616_3_4) {
  const auto read =
      Credentials::parse("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\"");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->user(), "J\xc3\xa4s\xc3\xb8n Doe");
  const auto broken = Credentials::parse("Digest username*=UTF-8'J%C3, realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\"");
  ASSERT_TRUE(broken);
  EXPECT_FALSE(broken->user());
}

TEST(Credentials, name_what_is_wrong_with_them) {
  const auto why = [](std::string_view value) { return std::string{Credentials::parse(value).error().what}; };
  EXPECT_EQ(why("Basic QWxhZGRpbg=="), "scheme is not Digest");
  EXPECT_EQ(why("Digest"), "Digest has no parameters");
  EXPECT_EQ(why("Digest username=\"a"), "a quoted string has no end");
  EXPECT_EQ(why("Digest username=\"a\\\""), "a quoted string has no end");
  EXPECT_EQ(why("Digest username=\"a\" realm=\"r\""), "a comma is missing between parameters");
  EXPECT_EQ(why("Digest username"), "a parameter is not NAME=VALUE");
  EXPECT_EQ(why("Digest nc=,username=\"a\""), "a parameter has no value");
  EXPECT_EQ(why("Digest username=\"a\", username*=UTF-8''b"), "a parameter stands there twice");
  EXPECT_EQ(why("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\""), "username, realm, nonce, uri or response is missing");
}

TEST(Challenge, is_read_back_as_it_was_written_RFC8760) {
  std::string line;
  append_challenge(line, "WWW-Authenticate", "example.test", "abc", Algorithm::sha_512_256, Freshness::stale);
  EXPECT_EQ(line, "WWW-Authenticate: Digest realm=\"example.test\", nonce=\"abc\", algorithm=SHA-512-256, qop=\"auth\", stale=true\r\n");
  const auto read = Challenge::parse(std::string_view{line}.substr(line.find(' ') + 1));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->realm, "example.test");
  EXPECT_EQ(read->nonce, "abc");
  EXPECT_EQ(read->algorithm(), Algorithm::sha_512_256);
  EXPECT_TRUE(read->stale && read->offers_auth && !read->offers_auth_int);
}

TEST(Challenge, of_an_old_server_has_no_qop_and_means_MD5_RFC2069) {
  const auto read = Challenge::parse("Digest realm=\"x\", nonce=\"y\"");
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->has_qop || read->stale);
  EXPECT_EQ(read->algorithm(), Algorithm::md5);
  EXPECT_TRUE(Challenge::parse("Digest realm=\"x\", nonce=\"y\", qop=\"auth-int , auth\"")->offers_auth);
  EXPECT_FALSE(Challenge::parse("Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess")->algorithm());
}

TEST(Credentials, are_read_back_as_they_were_written) {
  const Challenge challenge = *Challenge::parse("Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\", opaque=\"o\"");
  std::string line;
  append_credentials(line, "Authorization", "a\"b", challenge, Algorithm::md5, {"REGISTER", "sip:x", "n", "00000002", "c", Qop::auth, {}},
                     "ff");
  const auto read = Credentials::parse(trimmed(std::string_view{line}.substr(line.find(' ') + 1)));
  ASSERT_TRUE(read) << line;
  EXPECT_EQ(read->user(), "a\"b");
  EXPECT_EQ(read->opaque, "o");
  EXPECT_EQ(read->nonce_count(), 2U);
  EXPECT_EQ(read->response, "ff");
}

TEST(Algorithm, reads_digests_in_any_letter_case_and_of_the_right_length_only) {
  EXPECT_EQ(parse_digest(Algorithm::md5, "8CA523F5E9506FED4657C9700EEBDBEC"),
            parse_digest(Algorithm::md5, "8ca523f5e9506fed4657c9700eebdbec"));
  EXPECT_FALSE(parse_digest(Algorithm::md5, "8ca523f5"));
  EXPECT_FALSE(parse_digest(Algorithm::md5, "8ca523f5e9506fed4657c9700eebdbeg"));
}

}  // namespace ringhold::auth
