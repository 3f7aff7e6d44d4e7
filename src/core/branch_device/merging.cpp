// The answers of several minds as one.
#include <algorithm>
#include <iterator>

#include "branch_device/team.hpp"

namespace ringhold::branch_device {

namespace {

template <typename Item>
void append(std::vector<Item>& rows, std::vector<Item>&& more) {
  rows.insert(rows.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void add(Sample& sum, const Sample& other) {
  for (const auto& [labels, value] : other.values) {
    const auto same = std::ranges::find(sum.values, labels, &std::pair<std::string, double>::first);
    if (same == sum.values.end())
      sum.values.emplace_back(labels, value);
    else
      same->second += value;
  }
}

struct Merging {
  Answer operator()(StatusReport first, const StatusReport& second) const {
    first.registrations += second.registrations;
    first.calls += second.calls;
    first.cache_entries += second.cache_entries;
    return first;
  }
  Answer operator()(std::vector<Sample> first, const std::vector<Sample>& second) const {
    for (const Sample& other : second) {
      const auto same = std::ranges::find(first, other.name, &Sample::name);
      if (same == first.end())
        first.push_back(other);
      else
        add(*same, other);
    }
    return first;
  }
  template <typename Item>
  Answer operator()(std::vector<Item> first, std::vector<Item> second) const {
    append(first, std::move(second));
    return first;
  }
  Answer operator()(Done, const Refused&) const { return Done{}; }
  Answer operator()(const Refused&, Done) const { return Done{}; }
  template <typename First, typename Second>
  Answer operator()(First first, const Second&) const {
    return first;
  }
};

}  // namespace

Answer merged(Answer first, Answer second) { return std::visit(Merging{}, std::move(first), std::move(second)); }

}  // namespace ringhold::branch_device
