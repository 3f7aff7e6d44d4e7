#include "app/settings_file.hpp"

#include <gtest/gtest.h>

#include "app/toml_section.hpp"

namespace ringhold::app {

namespace {

Surroundings branch_machine() {
  Surroundings machine;
  machine.interfaces = {
      {"lo", *Address::parse("127.0.0.1"), 8}, {"eth0", *Address::parse("10.77.0.2"), 24}, {"wan0", *Address::parse("203.0.113.9"), 30}};
  machine.resolvers = {{*Address::parse("10.77.0.2"), Port{53}}, {*Address::parse("10.78.0.1"), Port{53}}};
  return machine;
}

Configuration good(std::string_view text) {
  auto read = parse_settings(text, "etc/r.toml", branch_machine());
  EXPECT_TRUE(read) << read.error().front().text();
  return read.value_or(Configuration{});
}

std::string first_error(std::string_view text) {
  const auto read = parse_settings(text, "r.toml", branch_machine());
  return read ? "" : read.error().front().text();
}

const std::string domain = "[branch]\ndomain = \"Example.Test.\"\n";

}  // namespace

TEST(SettingsFile, needs_one_line_only) {
  const auto read = good(domain);
  EXPECT_EQ(read.branch.branch.domain, "example.test");
  EXPECT_EQ(read.branch.branch.name, "ringhold.example.test");
  ASSERT_EQ(read.branch.sip.listen.size(), 2U);
  EXPECT_EQ(read.branch.sip.listen[0].text(), "udp:10.77.0.2:5060");
  EXPECT_EQ(read.branch.sip.listen[1].text(), "tcp:10.77.0.2:5060");
  EXPECT_EQ(read.listening.dns.front().text(), "10.77.0.2:53");
  EXPECT_EQ(read.branch.branch.addresses, std::vector{*Address::parse("10.77.0.2")});
  ASSERT_EQ(read.branch.branch.networks.size(), 3U);
  EXPECT_EQ(read.branch.branch.networks.back().text(), "10.77.0.0/24");
  ASSERT_EQ(read.branch.dns.upstream.size(), 1U) << "ourselves left out";
  EXPECT_EQ(read.branch.dns.upstream[0].text(), "10.78.0.1:53");
  EXPECT_EQ(read.http.text(), "127.0.0.1:8070");
  EXPECT_EQ(read.store_path, "/var/lib/ringhold/ringhold.db");
  EXPECT_TRUE(read.remarks.empty());
}

TEST(SettingsFile, spells_out_wildcards_for_the_mind_and_keeps_them_for_the_sockets) {
  const auto read = good(domain + "[sip]\nlisten = [\"udp:0.0.0.0:5070\"]");
  EXPECT_EQ(read.listening.sip.front().text(), "udp:0.0.0.0:5070");
  ASSERT_EQ(read.branch.sip.listen.size(), 3U);
  EXPECT_EQ(read.branch.sip.listen.front().text(), "udp:10.77.0.2:5070");
  EXPECT_EQ(read.branch.sip.listen.back().text(), "udp:127.0.0.1:5070");
  EXPECT_EQ(read.branch.branch.addresses.size(), 2U) << "without loopback";
}

TEST(SettingsFile, listens_by_every_transport_DIS_24) {
  const auto read = good(domain +
                         "[sip]\nlisten = [\"udp:10.77.0.2\", \"tls:10.77.0.2\", \"ws:10.77.0.2\", \"wss:[::1]:8443\"]\n"
                         "tls_certificate = \"tls.pem\"\nweb_origins = [\"https://phone.example.net\"]\n");
  ASSERT_EQ(read.listening.sip.size(), 4U);
  EXPECT_EQ(read.listening.sip[1].text(), "tls:10.77.0.2:5061");
  EXPECT_EQ(read.listening.sip[2].text(), "ws:10.77.0.2:80");
  EXPECT_EQ(read.listening.sip[3].text(), "wss:[::1]:8443");
  ASSERT_TRUE(read.listening.tls);
  EXPECT_EQ(*read.listening.tls, (net::TlsFiles{"etc/tls.pem", "etc/tls.pem", "", "example.test"})) << "beside the file, key included";
  EXPECT_EQ(read.listening.web_origins, (net::WebOrigins{"example.test", {"https://phone.example.net"}}));
  EXPECT_FALSE(read.branch.sip.certificate_serves_domain);
  EXPECT_TRUE(read.remarks.front().starts_with("sip.tls_certificate etc/tls.pem: No such file")) << read.remarks.front();
}

TEST(SettingsFile, wants_a_certificate_where_there_is_TLS) {
  EXPECT_EQ(first_error(domain + "[sip]\nlisten = [\"wss:10.77.0.2:443\"]\n"),
            "r.toml:4: sip.listen: expected sip.tls_certificate and sip.tls_key beside a tls: or wss: listener");
  EXPECT_NE(first_error(domain + "[central]\nservers = [\"tls:10.78.0.1\"]\n").find("expected a tls: listener"), std::string::npos);
  EXPECT_NE(first_error(domain + "[central]\nservers = [\"ws:10.78.0.1\"]\n").find("with udp, tcp or tls"), std::string::npos);
  EXPECT_NE(first_error(domain + "[sip]\nweb_origins = [\"phone.example.net\"]\n").find("https://HOST"), std::string::npos);
}

TEST(SettingsFile, finds_the_store_beside_the_file) {
  EXPECT_EQ(good(domain + "[store]\nurl = \"sqlite:../build/x.db\"").store_path, "build/x.db");
  EXPECT_EQ(good(domain + "[store]\nurl = \"memory:\"").store_path, "");
}

TEST(SettingsFile, takes_several_workers_and_one_by_default) {
  EXPECT_EQ(good(domain).workers, 1);
  EXPECT_EQ(good(domain + "[sip]\nworkers = 4\n").workers, 4);
  EXPECT_EQ(first_error(domain + "[sip]\nworkers = 17\n"), "r.toml:4: sip.workers: expected a whole number from 1 to 16");
  EXPECT_EQ(first_error(domain + "[sip]\nworkers = 0\n"), "r.toml:4: sip.workers: expected a whole number from 1 to 16");
}

TEST(SettingsFile, names_line_key_and_what_was_expected) {
  EXPECT_EQ(first_error("[sip]\nworkers = 1\n"),
            "r.toml: branch.domain: missing: expected the SIP domain of the central site, such as \"example.com\"");
  EXPECT_EQ(first_error(domain + "[central]\ndown_after = 0\n"), "r.toml:4: central.down_after: expected a whole number from 1 to 100");
  EXPECT_EQ(first_error(domain + "[dns]\ntimeout = 800\n"),
            "r.toml:4: dns.timeout: expected a duration from \"50ms\" to \"10s\", with a unit: ms, s, m, h or d");
  EXPECT_EQ(first_error(domain + "[dns]\ninject_when_empty = \"yes\"\n"), "r.toml:4: dns.inject_when_empty: expected true or false");
  EXPECT_EQ(first_error(domain + "[sip]\nlisten = [\n  \"udp:10.77.0.2:5060\",\n  \"sctp:10.77.0.2\"]\n"),
            "r.toml:6: sip.listen: \"sctp:10.77.0.2\": expected \"TRANSPORT:ADDRESS:PORT\" with udp, tcp, tls, ws or wss");
}

TEST(SettingsFile, refuses_unknown_keys_and_guesses_what_was_meant) {
  EXPECT_EQ(first_error(domain + "nmae = \"x.example.test\"\n"), "r.toml:3: branch.nmae: unknown key: did you mean \"name\"?");
  EXPECT_EQ(first_error(domain + "[dsn]\n"), "r.toml:3: dsn: unknown table: did you mean [dns]?");
  EXPECT_EQ(first_error(domain + "[sip]\ntls_key = \"x\"\n"), "r.toml:4: sip.tls_key: expected sip.tls_certificate beside it");
  EXPECT_EQ(first_error(domain + "[[route]]\nmatch = \"112\"\n"), "r.toml:3: route: unknown table: not supported by this version");
}

TEST(SettingsFile, refuses_contradictions) {
  EXPECT_NE(first_error(domain + "name = \"example.test\"\n").find("r.toml:3: branch.name"), std::string::npos);
  EXPECT_NE(first_error(domain + "[central]\nprobe_interval = \"1s\"\n").find("central.probe_timeout"), std::string::npos);
  EXPECT_NE(first_error(domain + "[dns]\nupstream = [\"10.77.0.2\"]\n").find("another server than ourselves"), std::string::npos);
  EXPECT_NE(first_error(domain + "[http]\nlisten = \"0.0.0.0:8070\"\n").find("http.token_file"), std::string::npos);
  EXPECT_NE(first_error(domain + "[registrar]\nservice_route = [\"sip:edge.example\"]\n").find("expected a SIP URI with lr"),
            std::string::npos);
  EXPECT_NE(first_error(domain + "[registrar]\nmin_expires = \"5m\"\n").find("at least registrar.min_expires"), std::string::npos);
}

TEST(SettingsFile, reports_every_error_in_the_order_of_the_lines) {
  const auto read = parse_settings("[dns]\ntimeout = 1\n[branch]\ndomain = \"a b\"\n[http]\nx = 1\n", "r.toml", branch_machine());
  ASSERT_FALSE(read);
  ASSERT_EQ(read.error().size(), 3U);
  EXPECT_EQ(read.error()[0].line, 2U);
  EXPECT_EQ(read.error()[1].line, 4U);
  EXPECT_EQ(read.error()[2].line, 6U);
}

TEST(SettingsFile, says_where_the_text_is_not_TOML) {
  EXPECT_TRUE(first_error("[branch]\ndomain = = 1\n").starts_with("r.toml:2: not TOML: "));
}

TEST(SettingsFile, remarks_on_what_was_probably_not_meant) {
  EXPECT_FALSE(good(domain + "[sip]\nlisten = [\"udp:127.0.0.1:5070\"]\n").remarks.empty());
  EXPECT_FALSE(good(domain + "[sip]\nlisten = [\"udp:10.99.0.1:5060\"]\n").remarks.empty());
  EXPECT_FALSE(good(domain + "networks = [\"10.99.0.0/24\"]\n").remarks.empty());
}

TEST(SettingsFile, ships_a_file_that_is_valid) {
  const auto read = read_settings(RINGHOLD_SOURCE_DIR "/config/ringhold.toml", branch_machine());
  ASSERT_TRUE(read) << read.error().front().text();
  EXPECT_EQ(read->branch.branch.domain, "example.test");
  EXPECT_EQ(read->listening.sip.front().text(), "udp:127.0.0.1:5070");
  EXPECT_EQ(read->listening.dns.front().text(), "127.0.0.1:5353");
  EXPECT_EQ(read->http.text(), "127.0.0.1:8070");
}

TEST(Duration, is_read_and_written_with_its_unit) {
  EXPECT_EQ(parse_duration("800ms"), 800ms);
  EXPECT_EQ(parse_duration("1d"), 24h);
  EXPECT_FALSE(parse_duration("5"));
  EXPECT_FALSE(parse_duration("-5s"));
  EXPECT_FALSE(parse_duration("1.5s"));
  EXPECT_FALSE(parse_duration("s"));
  EXPECT_FALSE(parse_duration("9999999d"));
  EXPECT_EQ(to_text(90s), "90s");
  EXPECT_EQ(to_text(2min), "2m");
}

TEST(Surroundings, reads_resolv_conf) {
  const auto servers = parse_resolvers("# x\nsearch a\nnameserver 10.78.0.1\n nameserver ::1 # y\nnameserver bad\n");
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(servers[1].text(), "[::1]:53");
}

TEST(SettingsFile, reads_the_clock_and_the_holidays_of_the_branch_G2) {
  EXPECT_EQ(good(domain).branch.ringing.calendar.zone.name, "UTC") << "the machine says nothing";
  const auto read = good(domain + "[ringing]\ntime_zone = \"Europe/Berlin\"\nholidays = [\"2026-12-26\", \"2026-12-25\"]\n");
  const auto& calendar = read.branch.ringing.calendar;
  EXPECT_EQ(calendar.zone.name, "Europe/Berlin");
  EXPECT_FALSE(calendar.zone.changes.empty());
  EXPECT_EQ(calendar.holidays, (std::vector{*ringing::parse_date("2026-12-25"), *ringing::parse_date("2026-12-26")}));
  Surroundings elsewhere = branch_machine();
  elsewhere.time_zone = "Asia/Tokyo";
  EXPECT_EQ(parse_settings(domain, "r.toml", elsewhere)->branch.ringing.calendar.zone.offset_at(from_unix_ms(1'790'000'000'000)), 9h);
  EXPECT_EQ(first_error(domain + "[ringing]\ntime_zone = \"Mars\"\n"),
            "r.toml:4: ringing.time_zone: \"Mars\": expected a time zone of this machine's data, such as \"Europe/Berlin\" or \"UTC\"");
  EXPECT_EQ(first_error(domain + "[ringing]\nholidays = [\"2026-12-25\",\n  \"2026-02-30\"]\n"),
            "r.toml:5: ringing.holidays: \"2026-02-30\": expected a date, such as \"2026-12-25\"");
  EXPECT_EQ(first_error(domain + "[ringing]\nholidays = \"2026-12-25\"\n"),
            "r.toml:4: ringing.holidays: expected an array of texts, such as [\"…\"]");
}

TEST(SettingsFile, reads_who_may_register_R3) {
  EXPECT_EQ(good(domain).branch.registrar.auth, branch_device::Auth::network);
  const auto read =
      good(domain + "[registrar]\nauth = \"digest\"\nalgorithms = [\"SHA-256\", \"md5\"]\nnonce_age = \"1m\"\nemergency = [\"110\"]\n");
  EXPECT_EQ(read.branch.registrar.auth, branch_device::Auth::digest);
  EXPECT_EQ(read.branch.registrar.algorithms, (std::vector{auth::Algorithm::sha_256, auth::Algorithm::md5}));
  EXPECT_EQ(read.branch.registrar.nonce_age, 1min);
  EXPECT_EQ(read.branch.registrar.emergency, std::vector<std::string>{"110"});
  EXPECT_EQ(first_error(domain + "[registrar]\nauth = \"password\"\n"),
            "r.toml:4: registrar.auth: \"password\": expected \"network\" or \"digest\"");
  EXPECT_EQ(first_error(domain + "[registrar]\nalgorithms = [\"SHA-1\"]\n"),
            "r.toml:4: registrar.algorithms: \"SHA-1\": expected \"MD5\", \"SHA-256\" or \"SHA-512-256\"");
  EXPECT_EQ(first_error(domain + "[registrar]\nalgorithms = []\n"), "r.toml:4: registrar.algorithms: expected at least one");
}

}  // namespace ringhold::app
