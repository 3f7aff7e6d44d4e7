#pragma once

#include <toml++/toml.h>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.hpp"
#include "base/time.hpp"

namespace ringhold::app {

/// What is wrong with the configuration, and where. Line zero: the file as a whole.
struct SettingError {
  std::string file;
  unsigned line = 0;
  std::string key;
  std::string expected;

  /// "FILE:LINE: KEY: EXPECTED", as compilers write.
  std::string text() const;
};

/// One value of an array with its line.
struct TomlItem {
  std::string text;
  unsigned line = 0;
};

/// One table of the file. Each key is asked for once, with its type; finish() names those that nobody asked for.
class TomlSection {
 public:
  TomlSection(const toml::table& file, std::string_view name, const std::string& path, std::vector<SettingError>& errors);

  std::optional<std::string> text(std::string_view key);
  std::optional<std::vector<TomlItem>> texts(std::string_view key);
  bool flag(std::string_view key, bool otherwise);
  unsigned count(std::string_view key, unsigned otherwise, unsigned least, unsigned most);
  Duration duration(std::string_view key, Duration otherwise, Duration least, Duration most);
  bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }
  /// The table [NAME.KEY]; one without keys when it is not there.
  TomlSection table(std::string_view key);
  /// The tables of an array of tables, [[NAME.KEY]]; none when it is not there.
  std::vector<TomlSection> tables(std::string_view key);
  void finish();

  unsigned line(std::string_view key) const;  ///< of the table if the key is not there
  void error(std::string_view key, std::string expected) { error(key, line(key), std::move(expected)); }
  void error(std::string_view key, unsigned line, std::string expected);

 private:
  TomlSection(const toml::table* table, std::string name, const std::string& path, std::vector<SettingError>& errors);
  const toml::node* take(std::string_view key);

  const toml::table* table_ = nullptr;
  std::string name_;
  const std::string& path_;
  std::vector<SettingError>& errors_;
  std::set<std::string, std::less<>> asked_;
};

/// The word of `known` that `word` was probably meant to be; empty if none is near.
std::string nearest(std::string_view word, const std::set<std::string, std::less<>>& known);

}  // namespace ringhold::app
