#include <benchmark/benchmark.h>
#include <malloc.h>

#include <string>

#include "calls/call_table.hpp"
#include "calls/release.hpp"

namespace ringhold::calls {
namespace {

constexpr Instant start = from_unix_ms(1'790'000'000'000);

/// Headers of usual length.
std::string head(std::string_view first_line, std::size_t number, std::string_view to_tag) {
  const std::string n = std::to_string(100'000 + number);
  return std::string{first_line} + "\r\nVia: SIP/2.0/UDP 10.77.0.11:5060;branch=z9hG4bK" + n + ";rport\r\nFrom: <sip:" + n +
         "@example.test>;tag=c2e61b2f" + n + "\r\nTo: <sip:8" + n + "@example.test>" + std::string{to_tag} +
         "\r\nCall-ID: 5f2e7c1d-8a4b-4a6e-9c3f-" + n + "@10.77.0.11\r\nCSeq: 101 INVITE\r\nContact: <sip:8" + n +
         "@10.77.0.12:5060;ob>\r\nRecord-Route: <sip:10.77.0.2:5060;lr>\r\n\r\n";
}

void fill(CallTable& calls, std::size_t count, Outbox& outbox) {
  const Target alice{Transport::udp, *Endpoint::parse("10.77.0.11:5060", Port{})};
  for (std::size_t i = 0; i < count; ++i) {
    const std::string n = std::to_string(100'000 + i);
    const std::string invite = head("INVITE sip:8" + n + "@example.test SIP/2.0", i, "");
    calls.invited(*sip::Message::parse(invite), {"sip:" + n + "@example.test", "sip:8" + n + "@example.test", "survivable", alice}, start,
                  outbox);
    const std::string ok = head("SIP/2.0 200 OK", i, ";tag=as5f0e2c71");
    const auto response = *sip::Message::parse(ok);
    calls.responded({response.call_id(),
                     response.from_tag(),
                     response.to_tag(),
                     200,
                     {},
                     "sip:8" + n + "@10.77.0.12:5060 0 2100 200 answered",
                     &response,
                     alice},
                    start, outbox);
    outbox.clear();
  }
}

/// 100 000 calls that are up, under 100 MB: under 1 000 bytes each.
void bytes_per_call(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    malloc_trim(0);
    const auto before = mallinfo2();
    CallTable calls{count};
    Outbox outbox;
    outbox.keep_no_changes();
    fill(calls, count, outbox);
    const auto after = mallinfo2();
    const auto used = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    state.counters["bytes"] = static_cast<double>(used) / static_cast<double>(calls.size());
  }
}
BENCHMARK(bytes_per_call)->Arg(100'000)->Iterations(1);

/// A terminal that restarted, among so many calls, finds its own.
void suspect_one(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  CallTable calls{count};
  Outbox outbox;
  outbox.keep_no_changes();
  fill(calls, count, outbox);
  Release release{{Policy::confirm, 30s}};
  Suspect suspect;
  suspect.places.push_back({"sip:nobody@10.77.0.99", *Endpoint::parse("10.77.0.99:5060", Port{})});
  std::size_t number = 0;
  for (auto _ : state) {
    suspect.aor = "sip:" + std::to_string(100'000 + (number += 7'919) % count) + "@example.test";
    release.suspect(suspect, calls, start, outbox);
  }
}
BENCHMARK(suspect_one)->Arg(1'000)->Arg(100'000);

}  // namespace
}  // namespace ringhold::calls
