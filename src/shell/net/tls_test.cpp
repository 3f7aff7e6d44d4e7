#include <fstream>

#include "shell/net/certificate_test_bench.hpp"
#include "shell/net/tls_names.hpp"
#include "shell/net/tls_session.hpp"

namespace ringhold::net {

namespace {

CertificateNames names(const std::string& alternatives, const std::string& common_name = "test") {
  const TestCertificate certificate{{.common_name = common_name, .alternatives = alternatives}};
  return names_of(certificate.get());
}

const Address here = *Address::parse("10.78.0.1");

/// A server and a client, with a wire between them that loses nothing.
struct Pair {
  Pair(const TestCertificate& shown, const TestCertificate& trusted)
      : server_context{*TlsContext::load(shown.files())}, client_context{*TlsContext::load(shown.files(trusted))} {}
  /// Until nobody has more to say.
  void run() {
    while (!client.output().empty() || !server.output().empty()) {
      const std::string up = std::exchange(client.output(), {});
      if (!up.empty()) server_lives = server.receive(up, to_server) && server_lives;
      const std::string down = std::exchange(server.output(), {});
      if (!down.empty()) client_lives = client.receive(down, to_client) && client_lives;
    }
  }

  TlsContext server_context;
  TlsContext client_context;
  TlsSession server{server_context, TlsSession::Role::server, here};
  TlsSession client{client_context, TlsSession::Role::client, here};
  std::string to_server;
  std::string to_client;
  bool server_lives = true;
  bool client_lives = true;
};

}  // namespace

TEST(CertificateNames, are_URIs_of_the_domain_and_DNS_names_RFC5922) {
  EXPECT_TRUE(names("DNS:Example.test").has("example.test"));
  EXPECT_TRUE(names("URI:sip:example.test").has("example.test"));
  EXPECT_TRUE(names("DNS:other.example,URI:sip:example.test").has("EXAMPLE.test"));
  EXPECT_FALSE(names("URI:sips:example.test").has("example.test")) << "§7.1: only sip";
  EXPECT_FALSE(names("URI:sip:alice@example.test").has("example.test")) << "a user's, not the domain's";
  EXPECT_FALSE(names("DNS:example.test.evil.example").has("example.test"));
}

TEST(CertificateNames, have_no_wildcards_RFC5922_7_2) {
  EXPECT_FALSE(names("DNS:*.example.test").has("pbx.example.test"));
  EXPECT_FALSE(names("DNS:*").has("example.test"));
}

TEST(CertificateNames, take_the_common_name_only_without_alternatives_RFC5922_7_1) {
  EXPECT_TRUE(names("", "example.test").has("example.test"));
  EXPECT_FALSE(names("DNS:other.example", "example.test").has("example.test"));
  EXPECT_FALSE(names("IP:10.78.0.1", "example.test").has("example.test"));
}

TEST(CertificateNames, keep_addresses_apart) {
  EXPECT_TRUE(names("IP:10.78.0.1,IP:2001:db8::1").has(*Address::parse("2001:db8::1")));
  EXPECT_FALSE(names("DNS:10.78.0.1").has(std::string_view{"10.78.0.1"})) << "an address is no domain";
  EXPECT_EQ(names("IP:10.78.0.1,DNS:a.example").text(), "a.example, 10.78.0.1");
  EXPECT_EQ(names("URI:sips:x.example").text(), "nobody");
}

TEST(Certificate, serves_the_domain_or_says_why_not_X30) {
  const std::time_t now = std::time(nullptr);
  EXPECT_TRUE(inspect(TestCertificate{}.files(), now).serves_domain);
  EXPECT_TRUE(inspect(TestCertificate{}.files(), now).remarks.empty());
  const auto remark = [&](const TestCertificate& certificate, bool serves) {
    const auto report = inspect(certificate.files(), now);
    EXPECT_EQ(report.serves_domain, serves);
    return report.remarks.empty() ? "" : report.remarks.front();
  };
  EXPECT_NE(remark(TestCertificate{{.alternatives = "DNS:pbx.example.test"}}, false).find("it speaks for pbx.example.test"),
            std::string::npos);
  EXPECT_NE(remark(TestCertificate{{.ends_in = -10}}, false).find("EXPIRED"), std::string::npos);
  EXPECT_NE(remark(TestCertificate{{.ends_in = 86'400}}, true).find("expires on"), std::string::npos);
}

TEST(Certificate, that_cannot_be_used_is_named_by_its_setting) {
  const TestCertificate one;
  const TestCertificate other;
  const auto error = [](const TlsFiles& files) { return TlsContext::load(files).error(); };
  EXPECT_TRUE(error({"/nowhere.pem", one.path(), {}, "example.test"}).starts_with("sip.tls_certificate /nowhere.pem: "));
  EXPECT_TRUE(error({one.path(), "/nowhere.key", {}, "example.test"}).starts_with("sip.tls_key /nowhere.key: "));
  EXPECT_TRUE(error({one.path(), other.path(), {}, "example.test"}).starts_with("sip.tls_key "));
  EXPECT_TRUE(error({one.path(), one.path(), "/nowhere.ca", "example.test"}).starts_with("sip.tls_ca /nowhere.ca: "));
  EXPECT_FALSE(inspect({"/nowhere.pem", one.path(), {}, "example.test"}, 0).serves_domain);
}

TEST(TlsSession, carries_bytes_both_ways_also_those_said_too_early) {
  const TestCertificate certificate;
  Pair pair{certificate, certificate};
  EXPECT_TRUE(pair.client.send("before the handshake"));
  EXPECT_EQ(pair.client.pending(), 20U);
  pair.client.begin();
  pair.run();
  EXPECT_TRUE(pair.client.is_established() && pair.server.is_established());
  EXPECT_EQ(pair.to_server, "before the handshake");
  const std::string much(100'000, 'x');
  EXPECT_TRUE(pair.server.send(much));
  pair.run();
  EXPECT_EQ(pair.to_client, much);
  pair.server.close();
  pair.run();
  EXPECT_FALSE(pair.client_lives);
  EXPECT_EQ(pair.client.failure(), "") << "a good-bye is no failure";
}

TEST(TlsSession, refuses_a_server_of_another_domain_RFC5922) {
  const TestCertificate certificate{{.alternatives = "DNS:other.example"}};
  Pair pair{certificate, certificate};
  EXPECT_TRUE(pair.client.send("a secret"));
  pair.client.begin();
  pair.run();
  EXPECT_FALSE(pair.client_lives || pair.client.is_established());
  EXPECT_EQ(pair.client.failure(), "certificate: speaks for other.example, not for example.test");
  EXPECT_EQ(pair.to_server, "");
}

TEST(TlsSession, takes_a_server_by_its_address) {
  const TestCertificate certificate{{.alternatives = "IP:10.78.0.1"}};
  Pair pair{certificate, certificate};
  pair.client.begin();
  pair.run();
  EXPECT_TRUE(pair.client.is_established());
}

TEST(TlsSession, refuses_a_server_that_nobody_vouches_for) {
  const TestCertificate certificate;
  const TestCertificate other;
  Pair pair{certificate, other};
  pair.client.begin();
  pair.run();
  EXPECT_FALSE(pair.client_lives);
  EXPECT_TRUE(pair.client.failure().starts_with("certificate: ")) << pair.client.failure();
  EXPECT_FALSE(pair.server_lives) << "and says so";
}

TEST(TlsSession, ends_with_what_is_no_TLS_X1) {
  const TestCertificate certificate;
  const auto context = *TlsContext::load(certificate.files());
  std::string plain;
  TlsSession server{context, TlsSession::Role::server, here};
  EXPECT_FALSE(server.receive("OPTIONS sip:a SIP/2.0\r\n\r\n", plain));
  EXPECT_NE(server.failure(), "");
  EXPECT_FALSE(server.receive("more", plain));
  EXPECT_FALSE(server.send("hello"));
}

TEST(TlsSession, outlives_the_context_it_began_with) {
  const TestCertificate certificate;
  auto pair = std::make_unique<Pair>(certificate, certificate);
  const TestCertificate renewed;
  pair->client.begin();
  pair->run();
  pair->server_context = *TlsContext::load(renewed.files());
  EXPECT_TRUE(pair->client.send("still here"));
  pair->run();
  EXPECT_EQ(pair->to_server, "still here");
}

}  // namespace ringhold::net
