#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string_view>

#include "base/address.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "sip/message.hpp"

namespace ringhold::branch_device {

/// Who may begin new SIP work, and how much of it (R7, X2; RFC 6357 §4, RFC 7339's idea of shedding at the edge). What
/// belongs to a dialog or a transaction that exists is never held back, nor is ACK or CANCEL.
class Admission {
 public:
  struct Settings {
    unsigned rate = 20'000;            ///< requests per second that begin new work, from all sources
    unsigned rate_per_source = 1'000;  ///< of these from one address; central servers are not counted
  };
  enum class Verdict : std::uint8_t {
    serve,
    refuse,  ///< 503, Retry-After: retry_after()
    drop,    ///< silently: this source is past its own rate, or a scanner
  };
  enum class Source : std::uint8_t { branch, central };

  explicit Admission(const Settings& settings) : settings_{settings} {}

  /// Asked once for each request that begins new work.
  Verdict ask(const sip::Message& request, const Address& from, Source source, Instant now);
  /// Seconds, drawn anew for each phone so that they do not come back together (R7).
  static std::uint32_t retry_after(Random& random) { return 5 + random.below(26); }
  /// Whether a User-Agent is that of a tool that looks for open SIP servers.
  static bool is_scanner(std::string_view user_agent);

  void reconfigure(const Settings& settings) { settings_ = settings; }
  std::size_t sources() const { return sources_.size(); }

  static constexpr std::size_t most_sources = 4'096;  ///< more: those that are idle are forgotten, else not limited on their own

 private:
  /// One second's worth may come at once.
  class Bucket {
   public:
    bool take(unsigned rate, Instant now);
    bool is_full(Instant now) const { return now >= full_at_; }

   private:
    Instant full_at_{};  ///< when what was taken has flowed back
  };
  struct AddressHash {
    std::size_t operator()(const Address& address) const { return EndpointHash{}(Endpoint{address, Port{}}); }
  };
  bool within_own_rate(const Address& from, Instant now);

  Settings settings_;
  Bucket all_;
  boost::unordered_flat_map<Address, Bucket, AddressHash> sources_;
};

}  // namespace ringhold::branch_device
