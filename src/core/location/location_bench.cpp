#include <benchmark/benchmark.h>
#include <malloc.h>

#include "location/location_service.hpp"

namespace ringhold::location {
namespace {

constexpr Instant start = from_unix_ms(1'790'000'000'000);

/// What a phone with an instance and a Call-ID of usual length registers.
struct Phone {
  Text aor, contact, call_id;
  Registration registration;
};

void describe(Phone& phone, std::size_t number) {
  const std::string user = std::to_string(100'000'000 + number);
  phone.aor = "sip:" + user + "@example.test";
  phone.contact = "sip:" + user + "@10." + std::to_string(number >> 16U & 255U) + "." + std::to_string(number >> 8U & 255U) + "." +
                  std::to_string(number & 255U) + ":5060";
  phone.call_id = "5f2e7c1d-8a4b-4a6e-9c3f-" + user;
  Registration& registration = phone.registration;
  registration.aor = phone.aor;
  registration.contact = phone.contact;
  registration.call_id = phone.call_id;
  registration.parameters = ";+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"";
  registration.user_agent = "Phone 1.2.3";
  registration.cseq = 1;
  registration.expires_at = start + 60s + 1ms * static_cast<int>(number % 60'000);
  registration.registered_at = start;
  registration.local = *Endpoint::parse("10.77.0.2:5060", Port{});
  registration.source = *Endpoint::parse("10.77.0.11:5060", Port{});
}

void fill(LocationService& location, std::size_t count, Outbox& outbox) {
  Phone phone;
  for (std::size_t i = 0; i < count; ++i) {
    describe(phone, i);
    location.add(phone.registration, outbox);
  }
}

/// A number in [0, count) that no cache foresees.
std::size_t scattered(std::uint64_t& state, std::size_t count) {
  state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
  return static_cast<std::size_t>((state >> 33U) * count >> 31U);
}

void bytes_per_contact(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Outbox outbox;
  outbox.keep_no_changes();
  for (auto _ : state) {
    malloc_trim(0);
    const auto before = mallinfo2();
    LocationService location{count};
    fill(location, count, outbox);
    const auto after = mallinfo2();
    const auto used = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    state.counters["bytes"] = static_cast<double>(used) / static_cast<double>(count);
  }
}
BENCHMARK(bytes_per_contact)->Arg(100'000)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

void look_up(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Outbox outbox;
  outbox.keep_no_changes();
  LocationService location{count};
  fill(location, count, outbox);
  std::uint64_t seed = 1;
  char aor[] = "sip:100000000@example.test";
  for (auto _ : state) {
    auto number = 100'000'000 + scattered(seed, count);
    for (char* digit = aor + 12; digit > aor + 3; --digit, number /= 10) *digit = static_cast<char>('0' + number % 10);
    benchmark::DoNotOptimize(location.find({aor, sizeof aor - 1}, start));
  }
}
BENCHMARK(look_up)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

/// All contacts expire at their time; one round is one contact, the time between two of them included.
void expire(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Outbox outbox;
  outbox.keep_no_changes();
  LocationService location{count};
  fill(location, count, outbox);
  Instant now = start + 60s;
  Phone phone;
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(count))) {
    for (; location.size() > 0; now += 10ms) {
      location.expire(now, outbox);
      outbox.clear();
    }
    state.PauseTiming();
    now += 60s;
    const Instant base = now;
    for (std::size_t i = 0; i < count; ++i) {
      describe(phone, i);
      phone.registration.expires_at = base + 1ms * static_cast<int>(i % 60'000);
      location.add(phone.registration, outbox);
    }
    state.ResumeTiming();
  }
}
BENCHMARK(expire)->Arg(1'000)->Arg(1'000'000);

}  // namespace
}  // namespace ringhold::location
