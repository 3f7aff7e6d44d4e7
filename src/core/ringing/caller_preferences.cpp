#include "ringing/caller_preferences.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ringing/feature_set.hpp"

namespace ringhold::ringing {

namespace {

// Who sends more than anybody means shall not make a call expensive.
constexpr std::size_t most_predicates = 8;
constexpr std::size_t most_terms = 16;
constexpr std::size_t most_parameters = 64;  ///< of a contact

}  // namespace

CallerPreferences::CallerPreferences(const sip::Message& request) {
  read(request, sip::Header::accept_contact, accepted_);
  read(request, sip::Header::reject_contact, rejected_);
  request.for_each_value(sip::Header::request_disposition, [&](std::string_view directive, const sip::HeaderLine&) {
    if (equal_ignoring_case(directive, "no-fork")) forking_ = Forking::none;
    if (forking_ == Forking::unsaid && equal_ignoring_case(directive, "parallel")) forking_ = Forking::parallel;
    if (forking_ == Forking::unsaid && equal_ignoring_case(directive, "sequential")) forking_ = Forking::sequential;
    return true;
  });
}

void CallerPreferences::read(const sip::Message& request, sip::Header header, Predicates& predicates) {
  request.for_each_value(header, [&](std::string_view value, const sip::HeaderLine&) {
    const sip::Parameters parameters{trimmed(value.substr(std::min<std::size_t>(1, value.size())))};
    if (!value.starts_with('*') || !parameters.text().starts_with(';') || !parameters.is_valid()) return true;
    Predicate predicate;
    parameters.for_each([&](std::string_view name, std::string_view given) {
      if (is_feature_tag(name))
        predicate.terms.push_back({canonical_tag(name), given});
      else if (equal_ignoring_case(name, "require"))
        predicate.require = true;
      else if (equal_ignoring_case(name, "explicit"))
        predicate.explicitly = true;
      return predicate.terms.size() < most_terms;
    });
    // Without a feature tag it wants nothing, whatever else it says.
    if (!predicate.terms.empty()) predicates.push_back(std::move(predicate));
    return predicates.size() < most_predicates;
  });
}

CallerPreferences::Tags CallerPreferences::tags_of(const sip::Parameters& contact) {
  Tags tags;
  std::size_t seen = 0;
  contact.for_each([&](std::string_view name, std::string_view value) {
    if (is_feature_tag(name)) tags.push_back({canonical_tag(name), value});
    return ++seen < most_parameters && tags.size() < tags.capacity();
  });
  return tags;
}

CallerPreferences::Fit CallerPreferences::fit(const Predicate& predicate, const Tags& contact) {
  Fit fit;
  for (const Term& term : predicate.terms) {
    const auto has = std::ranges::find_if(contact, [&](const Term& tag) { return equal_ignoring_case(tag.tag, term.tag); });
    if (has == contact.end()) continue;  // RFC 2533: what is not said may be anything
    ++fit.mentioned;
    if (!have_common_value(term.value, has->value)) {
      fit.matches = false;
      break;
    }
  }
  return fit;
}

std::optional<unsigned> CallerPreferences::score(const sip::Parameters& contact) const {
  if (!choose()) return 1000;
  const Tags tags = tags_of(contact);
  if (tags.empty()) return 1000;
  for (const Predicate& predicate : rejected_) {
    const Fit fit = CallerPreferences::fit(predicate, tags);
    if (fit.matches && fit.mentioned == predicate.terms.size()) return std::nullopt;
  }
  std::size_t sum = 0;
  std::size_t matching = 0;
  for (const Predicate& predicate : accepted_) {
    const Fit fit = CallerPreferences::fit(predicate, tags);
    const bool lacks_a_tag = fit.mentioned < predicate.terms.size();
    if (predicate.require && (!fit.matches || (predicate.explicitly && lacks_a_tag))) return std::nullopt;
    if (!fit.matches) continue;
    ++matching;
    if (!predicate.explicitly || !lacks_a_tag) sum += 1000 * fit.mentioned / predicate.terms.size();
  }
  if (accepted_.empty()) return 1000;
  return matching == 0 ? 0U : static_cast<unsigned>(sum / matching);
}

}  // namespace ringhold::ringing
