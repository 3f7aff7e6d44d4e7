#include "nameserver/cache.hpp"

#include <algorithm>

#include "dns/builder.hpp"

namespace ringhold::nameserver {

namespace {

/// How long an answer may be kept: the least TTL; for an empty one the SOA's (RFC 2308 §5). Nothing: not at all.
std::optional<Duration> lifetime(const dns::Message& answer) {
  const bool negative = answer.rcode() == dns::Rcode::nx_domain ||
                        std::ranges::none_of(answer.records, [](const dns::Record& r) { return r.section == dns::Section::answer; });
  std::optional<std::uint32_t> least;
  for (const dns::Record& record : answer.records) {
    if (negative && record.type == dns::type::soa && record.data.size() >= 4) {
      std::uint32_t minimum = 0;
      for (const char c : std::string_view{record.data}.substr(record.data.size() - 4))
        minimum = minimum << 8U | static_cast<unsigned char>(c);
      return std::min<Duration>(std::chrono::seconds{std::min(minimum, record.ttl)}, Cache::longest_negative);
    }
    if (!negative && record.section == dns::Section::answer) least = std::min(least.value_or(record.ttl), record.ttl);
  }
  if (!least) return std::nullopt;
  return std::min<Duration>(std::chrono::seconds{*least}, Cache::longest);
}

}  // namespace

CacheKey::CacheKey(const dns::Question& question, bool dnssec_ok, bool checking_disabled) : text{question.name.key()} {
  text.push_back(static_cast<char>(question.type >> 8U));
  text.push_back(static_cast<char>(question.type & 0xffU));
  text.push_back(static_cast<char>(question.record_class & 0xffU));
  text.push_back(static_cast<char>((dnssec_ok ? 1 : 0) | (checking_disabled ? 2 : 0)));
}

void Cache::put(const CacheKey& key, const CachedAnswer& fresh, const dns::Message& answer) {
  const auto life = lifetime(answer);
  if (!life || *life <= Duration::zero() || (answer.rcode() != dns::Rcode::no_error && answer.rcode() != dns::Rcode::nx_domain)) return;
  if (fresh.bytes.size() > largest || (answer.flags & dns::flag::tc) != 0) return;
  CachedAnswer entry = fresh;
  entry.expires_at = entry.stored_at + *life;
  const auto [place, added] = entries_.try_emplace(key.text);
  bytes_ += entry.bytes.size();
  bytes_ -= place->second.bytes.size();
  place->second = std::move(entry);
  if (added) order_.push_back(key.text);
  while ((entries_.size() > capacity_ || bytes_ > most_bytes) && !order_.empty()) {
    const auto oldest = entries_.find(order_.front());
    bytes_ -= oldest->second.bytes.size();
    entries_.erase(oldest);
    order_.pop_front();
  }
}

const CachedAnswer* Cache::find(const CacheKey& key) const {
  const auto found = entries_.find(key.text);
  return found == entries_.end() ? nullptr : &found->second;
}

void append_cached(std::string& out, const CachedAnswer& answer, std::uint16_t id, const dns::Question& asked, bool recursion_desired,
                   Duration age, std::optional<std::uint32_t> stale_ttl) {
  const auto begin = out.size();
  out.append(answer.bytes);
  dns::write_word(out, begin, id);
  const auto flags = static_cast<unsigned char>(out[begin + 2]);
  out[begin + 2] = static_cast<char>((flags & 0xfeU) | (recursion_desired ? 1U : 0U));
  asked.name.wire().copy(out.data() + begin + 12, asked.name.wire().size());
  const auto passed = static_cast<std::uint64_t>(std::max<Duration>(age, Duration::zero()) / 1s);
  for (const std::uint32_t offset : answer.ttl_offsets) {
    const auto at = begin + offset;
    std::uint32_t ttl = 0;
    for (std::size_t i = 0; i < 4; ++i) ttl = ttl << 8U | static_cast<unsigned char>(out[at + i]);
    ttl = stale_ttl ? *stale_ttl : ttl > passed ? static_cast<std::uint32_t>(ttl - passed) : 0;
    dns::write_word(out, at, static_cast<std::uint16_t>(ttl >> 16U));
    dns::write_word(out, at + 2, static_cast<std::uint16_t>(ttl & 0xffffU));
  }
}

}  // namespace ringhold::nameserver
