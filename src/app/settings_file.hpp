#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/settings.hpp"
#include "app/surroundings.hpp"
#include "branch_device/settings.hpp"
#include "shell/net/worker.hpp"
#include "shell/process/handler.hpp"

namespace ringhold::app {

struct SettingError;

inline constexpr std::string_view default_settings_file = "/etc/ringhold/ringhold.toml";

/// The table [agent]: what `ringhold agent` is.
struct AgentConfiguration {
  std::string file;
  agent::Settings mind;  ///< its uplinks have the port 0 where any will do
  net::Listening listening;
  std::string store_path;            ///< empty: nothing is kept
  process::HandlerSettings handler;  ///< of pushed content; used when mind.push.has_handler
};

/// The configuration file, read and completed with what the machine brings along.
struct Configuration {
  std::string file;
  branch_device::Settings branch;  ///< for the mind; wildcard listeners are spelt out as the machine's addresses
  net::Listening listening;        ///< for the sockets, as written
  WorkerNumber workers = 1;
  std::string store_path;  ///< empty: nothing is kept
  Endpoint http;
  std::string http_token;            ///< empty: none is asked for
  std::vector<std::string> remarks;  ///< what is allowed, but probably not meant
};

/// All errors of the file, not only the first.
std::expected<Configuration, std::vector<SettingError>> read_settings(const std::string& path, const Surroundings& machine);
/// The same for a text; `path` is used in errors, and for what is named relative to the file.
std::expected<Configuration, std::vector<SettingError>> parse_settings(std::string_view text, const std::string& path,
                                                                       const Surroundings& machine);
/// What `ringhold agent` needs of the file: [agent], and of [branch] the domain. A file that is for it alone needs no more.
std::expected<AgentConfiguration, std::vector<SettingError>> read_agent_settings(const std::string& path, const Surroundings& machine);
std::expected<AgentConfiguration, std::vector<SettingError>> parse_agent_settings(std::string_view text, const std::string& path,
                                                                                  const Surroundings& machine);

}  // namespace ringhold::app
