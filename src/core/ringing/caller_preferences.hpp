#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/container/static_vector.hpp>
#include <optional>
#include <string_view>

#include "sip/message.hpp"

namespace ringhold::ringing {

/// What Request-Disposition says of forking (RFC 3841 §9.1); all else that it may say is left to others.
enum class Forking : std::uint8_t { unsaid, none, parallel, sequential };

/// Which of a user's contacts the caller wants (RFC 3841 §7.2). Views into the request. What is malformed is as if it were not
/// there: the RFC wants no refusal of it.
class CallerPreferences {
 public:
  /// Whether a request has any of the three headers; nothing is read.
  static bool are_in(const sip::Message& request) {
    return request.has(sip::Header::accept_contact) || request.has(sip::Header::reject_contact) ||
           request.has(sip::Header::request_disposition);
  }
  CallerPreferences() = default;
  explicit CallerPreferences(const sip::Message& request);

  Forking forking() const { return forking_; }
  /// Whether they may drop or prefer a contact at all.
  bool choose() const { return !accepted_.empty() || !rejected_.empty(); }
  /// How well a contact with these parameters fits, 0 to 1000 (§7.2.4: Qa in thousandths); nothing: it is dropped. A contact
  /// without feature tags is immune and fits best.
  std::optional<unsigned> score(const sip::Parameters& contact) const;

 private:
  struct Term {
    std::string_view tag;
    std::string_view value;
  };
  struct Predicate {
    boost::container::small_vector<Term, 4> terms;
    bool require = false;
    bool explicitly = false;
  };
  using Predicates = boost::container::small_vector<Predicate, 2>;
  /// What a contact says to a predicate.
  struct Fit {
    std::size_t mentioned = 0;  ///< terms whose tag it has, up to the first that differs
    bool matches = true;
  };
  static void read(const sip::Message& request, sip::Header header, Predicates& predicates);
  /// The feature tags of a contact; of very many some are not looked at.
  using Tags = boost::container::static_vector<Term, 32>;
  static Tags tags_of(const sip::Parameters& contact);
  static Fit fit(const Predicate& predicate, const Tags& contact);

  Predicates accepted_, rejected_;
  Forking forking_ = Forking::unsaid;
};

}  // namespace ringhold::ringing
