#include "app/toml_section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace ringhold::app {

namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

unsigned line_of(const toml::node& node) { return static_cast<unsigned>(node.source().begin.line); }

}  // namespace

std::string SettingError::text() const {
  std::string words = line == 0 ? file : fmt::format("{}:{}", file, line);
  if (!key.empty()) words += ": " + key;
  return words + ": " + expected;
}

std::string nearest(std::string_view word, const std::set<std::string, std::less<>>& known) {
  std::string best;
  std::size_t least = 3;
  for (const std::string& candidate : known) {
    const std::size_t apart = distance(word, candidate);
    if (apart < least) best = candidate;
    least = std::min(least, apart);
  }
  return best;
}

TomlSection::TomlSection(const toml::table& file, std::string_view name, const std::string& path, std::vector<SettingError>& errors)
    : name_{name}, path_{path}, errors_{errors} {
  const toml::node* node = file.get(name);
  if (node == nullptr) return;
  table_ = node->as_table();
  if (table_ == nullptr) errors_.push_back({path_, line_of(*node), name_, fmt::format("expected a table [{}]", name)});
}

TomlSection::TomlSection(const toml::table* table, std::string name, const std::string& path, std::vector<SettingError>& errors)
    : table_{table}, name_{std::move(name)}, path_{path}, errors_{errors} {}

unsigned TomlSection::line(std::string_view key) const {
  if (table_ == nullptr) return 0;
  const toml::node* node = table_->get(key);
  return node != nullptr ? line_of(*node) : line_of(*table_);
}

void TomlSection::error(std::string_view key, unsigned line, std::string expected) {
  errors_.push_back({path_, line, fmt::format("{}.{}", name_, key), std::move(expected)});
}

const toml::node* TomlSection::take(std::string_view key) {
  asked_.emplace(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

std::optional<std::string> TomlSection::text(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* text = node->as_string()) return text->get();
  error(key, "expected a text in quotes");
  return std::nullopt;
}

std::optional<std::vector<TomlItem>> TomlSection::texts(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const auto* array = node->as_array();
  if (array == nullptr) {
    error(key, "expected an array of texts, such as [\"…\"]");
    return std::nullopt;
  }
  std::vector<TomlItem> items;
  for (const toml::node& element : *array) {
    if (const auto* text = element.as_string())
      items.push_back({text->get(), line_of(element)});
    else
      error(key, line_of(element), "expected a text in quotes");
  }
  return items;
}

bool TomlSection::flag(std::string_view key, bool otherwise) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  if (const auto* flag = node->as_boolean()) return flag->get();
  error(key, "expected true or false");
  return otherwise;
}

unsigned TomlSection::count(std::string_view key, unsigned otherwise, unsigned least, unsigned most) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  const auto* number = node->as_integer();
  if (number != nullptr && number->get() >= least && number->get() <= most) return static_cast<unsigned>(number->get());
  error(key, least == most ? fmt::format("expected {}: this version knows no other value", least)
                           : fmt::format("expected a whole number from {} to {}", least, most));
  return otherwise;
}

Duration TomlSection::duration(std::string_view key, Duration otherwise, Duration least, Duration most) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  const auto* text = node->as_string();
  const auto duration = text == nullptr ? std::nullopt : parse_duration(text->get());
  if (duration && *duration >= least && *duration <= most) return *duration;
  error(key, fmt::format("expected a duration from \"{}\" to \"{}\", with a unit: ms, s, m, h or d", to_text(least), to_text(most)));
  return otherwise;
}

TomlSection TomlSection::table(std::string_view key) {
  const toml::node* node = take(key);
  if (node != nullptr && !node->is_table()) error(key, fmt::format("expected a table [{}.{}]", name_, key));
  return {node != nullptr ? node->as_table() : nullptr, fmt::format("{}.{}", name_, key), path_, errors_};
}

std::vector<TomlSection> TomlSection::tables(std::string_view key) {
  std::vector<TomlSection> found;
  const toml::node* node = take(key);
  if (node == nullptr) return found;
  const auto* array = node->as_array();
  if (array == nullptr) error(key, fmt::format("expected tables, each headed by [[{}.{}]]", name_, key));
  if (array != nullptr)
    for (const toml::node& element : *array) {
      if (const auto* table = element.as_table())
        found.push_back(TomlSection{table, fmt::format("{}.{}", name_, key), path_, errors_});
      else
        error(key, line_of(element), fmt::format("expected a table, headed by [[{}.{}]]", name_, key));
    }
  return found;
}

void TomlSection::finish() {
  if (table_ == nullptr) return;
  for (const auto& [key, node] : *table_) {
    const std::string_view word = key.str();
    if (asked_.contains(word)) continue;
    const std::string guess = nearest(word, asked_);
    std::string expected = "unknown key";
    if (!guess.empty())
      expected += fmt::format(": did you mean \"{}\"?", guess);
    else
      expected += fmt::format(": [{}] has {}", name_, fmt::join(asked_, ", "));
    error(word, line_of(node), std::move(expected));
  }
}

}  // namespace ringhold::app
