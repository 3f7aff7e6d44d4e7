// The command line: docs and examples stand in --help.
#include <CLI/CLI.hpp>

#include "app/commands.hpp"
#include "app/serve.hpp"
#include "app/settings_file.hpp"
#include "app/user_command.hpp"
#include "shell/observe/log.hpp"

namespace {

constexpr int wrong_usage = 2;
constexpr const char* examples = R"(Examples:
  ringhold check -c /etc/ringhold/ringhold.toml
  ringhold serve -c /etc/ringhold/ringhold.toml
  ringhold status --json
  ringhold registrations sip:alice@example.com
  ringhold mode survivable          (until: ringhold mode auto)
  ringhold user add alice           (asks for the password; or: --password-file F, or on stdin)
  ringhold user import users.csv    (first line: user,password or user,ha1_md5,ha1_sha256,ha1_sha512_256)
  ringhold dhcp-snippet --for dnsmasq

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid configuration.)";

}  // namespace

int main(int count, char** arguments) {
  using namespace ringhold;
  CLI::App program{"Keeps branch telephones ringing when the WAN, the central DNS or the central SIP servers are gone."};
  program.footer(examples);
  program.set_version_flag("--version", std::string{"ringhold "} + RINGHOLD_VERSION);
  program.require_subcommand(1);
  app::Asking asking{std::string{app::default_settings_file}};
  std::string level = "info";
  std::string aor;
  std::string mode;
  std::string server;
  const auto command = [&](const char* name, const char* what) {
    CLI::App* made = program.add_subcommand(name, what);
    made->add_option("-c,--config", asking.settings_file, "configuration file")->capture_default_str();
    made->add_flag("--json", asking.json, "answer as JSON");
    return made;
  };
  CLI::App* serve = command("serve", "run the branch device in the foreground; logs go to stderr");
  serve->add_option("--log-level", level, "what is written to stderr")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  CLI::App* check = command("check", "read the configuration file and say what it means, or what is wrong");
  CLI::App* status = command("status", "mode, since when and why; central servers");
  CLI::App* registrations = command("registrations", "phones registered here");
  registrations->add_option("AOR", aor, "only this address-of-record, such as sip:alice@example.com");
  CLI::App* calls = command("calls", "calls whose signalling passes here");
  CLI::App* set_mode = command("mode", "pin the mode, or let it follow the central site again");
  set_mode->add_option("MODE", mode, "auto, normal or survivable")->required()->check(CLI::IsMember({"auto", "normal", "survivable"}));
  CLI::App* snippet = command("dhcp-snippet", "lines for the DHCP server: this box as DNS server, and the SIP domain");
  snippet->add_option("--for", server, "dnsmasq, kea or isc")->required()->check(CLI::IsMember({"dnsmasq", "kea", "isc"}));
  CLI::App* user = command("user", "who may register with registrar.auth = \"digest\"");
  user->require_subcommand(1);
  std::string name;
  std::string password_file;
  std::string list_file;
  CLI::App* add = user->add_subcommand("add", "add a user, or give him another password")->fallthrough();
  add->add_option("NAME", name, "the part before @ in his address")->required();
  add->add_option("--password-file", password_file, "a file whose first line is the password; without it stdin is read");
  CLI::App* list = user->add_subcommand("list", "all users; their passwords are not kept, only what proves them")->fallthrough();
  CLI::App* remove = user->add_subcommand("remove", "take a user away")->fallthrough();
  remove->add_option("NAME", name, "as in the list")->required();
  CLI::App* import = user->add_subcommand("import", "add all users of a list, or none if a line is wrong")->fallthrough();
  import->add_option("CSV", list_file, "a file; its first line names the columns, also those of Kamailio or Asterisk")->required();
  try {
    program.parse(count, arguments);
  } catch (const CLI::ParseError& error) { return program.exit(error) == 0 ? 0 : wrong_usage; }
  if (*serve) {
    const auto least = observe::parse_severity(level);
    if (!least) {
      std::cerr << "ringhold: --log-level takes debug, info, warning or error\n";
      return wrong_usage;
    }
    return app::serve(asking.settings_file, *least);
  }
  if (*check) return app::check(asking);
  if (*status) return app::show_status(asking);
  if (*registrations) return app::show_registrations(asking, aor);
  if (*calls) return app::show_calls(asking);
  if (*set_mode) return app::set_mode(asking, mode);
  if (*snippet) return app::dhcp_snippet(asking, server);
  if (*add) return app::add_user(asking, name, password_file);
  if (*list) return app::list_users(asking);
  if (*remove) return app::remove_user(asking, name);
  if (*import) return app::import_users(asking, list_file);
  return wrong_usage;
}
