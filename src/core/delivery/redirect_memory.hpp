#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "base/journal.hpp"
#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::delivery {

/// Where a terminal wants the content for its user to go (PSH-04, PSH-17).
struct Redirect {
  struct Contact {
    Text uri;
    std::uint16_t q = 1000;          ///< thousandths
    std::optional<Instant> until{};  ///< nothing: for good
    friend bool operator==(const Contact&, const Contact&) = default;
  };
  Text device;  ///< location::device_key
  Text aor;
  Text user_agent;  ///< of the terminal, when it asked
  int status = 301;
  std::vector<Contact> contacts;  ///< in the order in which they are served; none: any other of the user's
  Instant since;
  unsigned failures = 0;  ///< in succession
  bool asks_again = false;
  friend bool operator==(const Redirect&, const Redirect&) = default;

  bool is_over(Instant now) const;  ///< nothing of it holds any more
};

/// The redirects of terminals, by device: no refresh, no other address and no server change clears them.
class RedirectMemory {
 public:
  explicit RedirectMemory(std::size_t most = limits::redirects) : most_{most} {}

  /// What holds now; null: nothing does.
  const Redirect* find(std::string_view device, Instant now) const;
  void remember(Redirect redirect, Instant now, Outbox& outbox);
  /// False: there is none.
  bool forget(std::string_view device, std::string_view why, Outbox& outbox);
  /// A message did not come through at `uri`. `is_gone`: it was said there that nobody is (404, 410): then that contact is forgotten,
  /// and with the last one the redirect. After three failures it is, too.
  void failed(std::string_view device, std::string_view uri, bool is_gone, Outbox& outbox);
  void succeeded(std::string_view device, Outbox& outbox);
  /// The terminal was restarted: the next push asks it first.
  void ask_again(std::string_view device, Outbox& outbox);
  /// It was asked, and did not say otherwise.
  void was_asked(std::string_view device, std::string_view user_agent, Outbox& outbox);
  void restore(const Row& row, Instant now, Outbox& outbox);

  std::size_t size() const { return redirects_.size(); }
  template <typename Visit>
  void for_each(Instant now, Visit&& visit) const {
    for (const auto& [device, redirect] : redirects_)
      if (!redirect.is_over(now)) visit(redirect);
  }

  static constexpr unsigned most_failures = 3;
  static constexpr std::size_t most_contacts = 10;  ///< of one redirect; more are left out

 private:
  std::size_t most_;
  boost::unordered_flat_map<Text, Redirect, TextHash, TextEqual> redirects_;
};

}  // namespace ringhold::delivery
