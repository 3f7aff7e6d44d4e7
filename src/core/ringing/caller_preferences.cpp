#include "ringing/caller_preferences.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ringing/feature_set.hpp"

namespace ringhold::ringing {

namespace {

// Who sends more than anybody means shall not make a call expensive.
constexpr std::size_t most_predicates = 8;
constexpr std::size_t most_terms = 16;

std::optional<std::string_view> find_tag(const sip::Parameters& contact, std::string_view tag) {
  std::optional<std::string_view> found;
  contact.for_each([&](std::string_view name, std::string_view value) {
    if (is_feature_tag(name) && equal_ignoring_case(canonical_tag(name), tag)) found = value;
    return !found;
  });
  return found;
}

bool has_feature_tags(const sip::Parameters& contact) {
  bool any = false;
  contact.for_each([&](std::string_view name, std::string_view) {
    any = is_feature_tag(name);
    return !any;
  });
  return any;
}

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
    const bool is_empty = parameters.text().empty();
    if (!value.starts_with('*') || is_empty || !parameters.text().starts_with(';') || !parameters.is_valid()) return true;
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

CallerPreferences::Fit CallerPreferences::fit(const Predicate& predicate, const sip::Parameters& contact) {
  Fit fit;
  for (const Term& term : predicate.terms) {
    const auto has = find_tag(contact, term.tag);
    if (!has) continue;  // RFC 2533: what is not said may be anything
    ++fit.mentioned;
    if (!have_common_value(term.value, *has)) fit.matches = false;
  }
  return fit;
}

std::optional<unsigned> CallerPreferences::score(const sip::Parameters& contact) const {
  if (!choose() || !has_feature_tags(contact)) return 1000;
  for (const Predicate& predicate : rejected_) {
    const Fit fit = CallerPreferences::fit(predicate, contact);
    if (fit.matches && fit.mentioned == predicate.terms.size()) return std::nullopt;
  }
  std::size_t sum = 0;
  std::size_t matching = 0;
  for (const Predicate& predicate : accepted_) {
    const Fit fit = CallerPreferences::fit(predicate, contact);
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
