#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/asking.hpp"

namespace ringhold::app {

/// What `ringhold push --to USER …` says.
struct PushOptions {
  std::string to;
  std::optional<std::string> text;
  std::string file;  ///< "-": standard input; empty: none
  std::string content_type, from, method, event, strategy, keep_for, key;
  std::optional<std::string> wait;  ///< a duration; nothing: until it is accepted
};

/// Sends content, and prints what became of it: 0 delivered, stored or accepted, 1 failed (P1, P7).
int push(const Asking& asking, const PushOptions& options);
int list_pushes(const Asking& asking, unsigned limit);
int show_push(const Asking& asking, const std::string& id);
int cancel_push(const Asking& asking, const std::string& id);

/// `ringhold redirect list [USER]`: where terminals want their content (P5).
int list_redirects(const Asking& asking, const std::string& user);
int remove_redirects(const Asking& asking, const std::string& user, const std::string& device);

/// What a file of that name holds, by its ending.
std::string_view content_type_of(std::string_view file);

}  // namespace ringhold::app
