#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/settings_file.hpp"
#include "shell/http/server.hpp"

namespace ringhold::app {

/// How a live command is asked: which program (by its file), and how its answer is written.
struct Asking {
  std::string settings_file;
  bool json = false;
};

/// The exit codes of every command; those of wrong usage (2) are main's.
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int invalid_configuration = 3;

/// The configuration; without one its errors have been printed.
std::optional<Configuration> configuration_of(const Asking& asking);
/// Asks the running program; prints what went wrong. An exit code when there is no answer to show.
std::variant<boost::json::value, int> ask(const Asking& asking, const Configuration& configuration, std::string_view method,
                                          const std::string& target, const std::string& body,
                                          std::chrono::seconds patience = http::usual_patience);
/// Says so when what was changed is in force, but a restart forgets it.
void warn_unless_kept(const boost::json::value& answer);

void print_json(const boost::json::value& value);
/// Rows as columns of the needed width.
void print_table(const boost::json::array& rows, const std::vector<std::string>& keys);
/// A value as it is shown: texts without quotes, null as "-".
std::string word(const boost::json::value& value);
std::string word(const boost::json::object& object, std::string_view key);
/// Escaped for a path or a query (RFC 3986 §2.1).
std::string escaped(std::string_view text);

}  // namespace ringhold::app
