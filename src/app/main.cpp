// The command line: docs and examples stand in --help.
#include <CLI/CLI.hpp>

#include "app/agent_command.hpp"
#include "app/commands.hpp"
#include "app/explain.hpp"
#include "app/push_command.hpp"
#include "app/ring_command.hpp"
#include "app/serve.hpp"
#include "app/settings_file.hpp"
#include "app/user_command.hpp"
#include "base/duration.hpp"
#include "shell/observe/log.hpp"

namespace {

constexpr int wrong_usage = 2;
constexpr const char* examples = R"(Examples:
  ringhold check -c /etc/ringhold/ringhold.toml
  ringhold serve -c /etc/ringhold/ringhold.toml
  ringhold agent -c /etc/ringhold/agent.toml        (keeps accounts registered; --once --json: for monitoring)
  ringhold status --json
  ringhold registrations sip:alice@example.com
  ringhold mode survivable          (until: ringhold mode auto)
  ringhold user add alice           (asks for the password; or: --password-file F, or on stdin)
  ringhold user import users.csv    (first line: user,password or user,ha1_md5,ha1_sha256,ha1_sha512_256)
  ringhold ring set alice ip-phone:15 pc-client,mobile-client:20
  ringhold ring set alice --when "mon-fri 17:00-08:00" mobile-client:20 --then voicemail
  ringhold push --to alice --text "The door is open" --wait
  ringhold push --to alice --file menu.pdf --keep-for 2h
  ringhold push --to alice --method NOTIFY --event check-sync
  ringhold redirect list            (where terminals want such content; redirect remove: they are asked again)
  ringhold explain alice            (also: a Call-ID, or the id of a push)
  ringhold dhcp-snippet --for dnsmasq

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid configuration.)";

using ringhold::app::Asking;

/// `ringhold user …`
struct UserCommands {
  explicit UserCommands(CLI::App& user) {
    user.require_subcommand(1);
    add = user.add_subcommand("add", "add a user, or give him another password")->fallthrough();
    add->add_option("NAME", name, "the part before @ in his address")->required();
    add->add_option("--password-file", password_file, "a file whose first line is the password; without it stdin is read");
    list = user.add_subcommand("list", "all users; their passwords are not kept, only what proves them")->fallthrough();
    remove = user.add_subcommand("remove", "take a user away")->fallthrough();
    remove->add_option("NAME", name, "as in the list")->required();
    import = user.add_subcommand("import", "add all users of a list, or none if a line is wrong")->fallthrough();
    import->add_option("CSV", list_file, "a file; its first line names the columns, also those of Kamailio or Asterisk")->required();
  }
  std::optional<int> run(const Asking& asking) const {
    if (*add) return ringhold::app::add_user(asking, name, password_file);
    if (*list) return ringhold::app::list_users(asking);
    if (*remove) return ringhold::app::remove_user(asking, name);
    if (*import) return ringhold::app::import_users(asking, list_file);
    return std::nullopt;
  }
  CLI::App *add = nullptr, *list = nullptr, *remove = nullptr, *import = nullptr;
  std::string name, password_file, list_file;
};

/// `ringhold ring …`
struct RingCommands {
  explicit RingCommands(CLI::App& ring) {
    ring.require_subcommand(1);
    show = ring.add_subcommand("show", "what would ring now")->fallthrough();
    show->add_option("USER", user, "the part before @ in his address")->required();
    set = ring.add_subcommand("set", "all at once, or one type after another")->fallthrough();
    set->add_option("USER", user, "the part before @ in his address")->required();
    set->add_option("STEP", steps, "TYPE[,TYPE][:SECONDS] for each step; or the one word simultaneous")->required();
    set->add_option("--then", fallback, "who is called when nobody has answered: voicemail, or a number");
    const auto is_said = [](const std::string& text) { return text.empty() ? std::string{"an empty text says no time"} : std::string{}; };
    set->add_option("--when", when, "only then, such as \"mon-fri 08:00-17:00\" or \"sat,sun,holiday\", by the branch's clock")
        ->check(is_said);
    remove = ring.add_subcommand("remove", "all at once again")->fallthrough();
    remove->add_option("USER", user, "the part before @ in his address")->required();
    remove->add_option("--when", when, "take only that away which is set for then")->check(is_said);
    type = ring.add_subcommand("type", "what type of terminal a device is, whatever it says of itself")->fallthrough();
    type->add_option("DEVICE", device, "as `ringhold registrations --json` names it")->required();
    type->add_option("TYPE", type_name, "a type of the configuration, or auto")->required();
  }
  std::optional<int> run(const Asking& asking) const {
    if (*show) return ringhold::app::show_ring(asking, user);
    if (*set) return ringhold::app::set_ring(asking, user, steps, fallback, when);
    if (*remove) return ringhold::app::remove_ring(asking, user, when);
    if (*type) return ringhold::app::set_type(asking, device, type_name);
    return std::nullopt;
  }
  CLI::App *show = nullptr, *set = nullptr, *remove = nullptr, *type = nullptr;
  std::string user, fallback, when, device, type_name;
  std::vector<std::string> steps;
};

std::string is_duration(const std::string& text) {
  return text.empty() || ringhold::parse_duration(text) ? "" : "expected a duration with a unit, such as 30s, 2h or 7d";
}

/// `ringhold push …`
struct PushCommands {
  explicit PushCommands(CLI::App& given) : push{&given} {
    push->require_subcommand(0, 1);
    push->add_option("--to", options.to, "a user (the part before @), or his address");
    auto* const from_file = push->add_option("--file", options.file, "what is sent; - is standard input");
    push->add_option("--text", text, "what is sent")->excludes(from_file);
    push->add_option("--content-type", options.content_type, "default: by the ending of the file; text/plain for --text");
    push->add_option("--from", options.from, "the sender, a SIP URI; default: push.from");
    push->add_option("--method", options.method, "how it is sent; default: MESSAGE")
        ->check(CLI::IsMember({"MESSAGE", "NOTIFY", "NOTIFY,MESSAGE"}));
    push->add_option("--event", options.event, "of a NOTIFY, such as check-sync");
    auto* const at_once = push->add_flag("--all-at-once", all_at_once, "after the first terminal all others together");
    push->add_flag("--one-by-one", one_by_one, "the next terminal when one has failed")->excludes(at_once);
    push->add_option("--keep-for", options.keep_for, "how long it waits for a terminal; 0s: not at all; default: push.store_for")
        ->check(is_duration);
    push->add_option("--wait", wait, "print the result, at most after so long; without a duration 30s")->expected(0, 1)->check(is_duration);
    push->add_option("--key", options.key, "sent twice with the same key it comes once");
    list = push->add_subcommand("list", "what is under way or waits, and what became of the last ones")->fallthrough();
    list->add_option("--limit", limit, "how many")->capture_default_str()->check(CLI::Range(1, 10'000));
    show = push->add_subcommand("show", "what became of one, step by step")->fallthrough();
    show->add_option("ID", id, "as in the list")->required();
    cancel = push->add_subcommand("cancel", "forget one that waits")->fallthrough();
    cancel->add_option("ID", id, "as in the list")->required();
  }
  std::optional<int> run(const Asking& asking) {
    if (*list) return ringhold::app::list_pushes(asking, limit);
    if (*show) return ringhold::app::show_push(asking, id);
    if (*cancel) return ringhold::app::cancel_push(asking, id);
    if (!*push) return std::nullopt;
    if (push->count("--text") != 0) options.text = text;
    if (push->count("--wait") != 0) options.wait = wait.empty() ? "30s" : wait;
    options.strategy = all_at_once ? "all-at-once" : one_by_one ? "one-by-one" : "";
    const bool has_content = options.text || !options.file.empty();
    if (!options.to.empty() && (has_content || options.method == "NOTIFY")) return ringhold::app::push(asking, options);
    std::cerr << "ringhold: push needs --to USER, and --text TEXT or --file FILE; or one of list, show, cancel\n";
    return wrong_usage;
  }
  CLI::App *push = nullptr, *list = nullptr, *show = nullptr, *cancel = nullptr;
  ringhold::app::PushOptions options;
  std::string text, wait, id;
  bool all_at_once = false, one_by_one = false;
  unsigned limit = 20;
};

/// `ringhold redirect …`
struct RedirectCommands {
  explicit RedirectCommands(CLI::App& redirect) {
    redirect.require_subcommand(1);
    list = redirect.add_subcommand("list", "where terminals want it")->fallthrough();
    list->add_option("USER", user, "only his: the part before @ in his address");
    remove = redirect.add_subcommand("remove", "forget that: the next push asks the terminal again")->fallthrough();
    remove->add_option("USER", user, "the part before @ in his address")->required();
    remove->add_option("--device", device, "only of that terminal, as the list names it");
  }
  std::optional<int> run(const Asking& asking) const {
    if (*list) return ringhold::app::list_redirects(asking, user);
    if (*remove) return ringhold::app::remove_redirects(asking, user, device);
    return std::nullopt;
  }
  CLI::App *list = nullptr, *remove = nullptr;
  std::string user, device;
};

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
  CLI::App* agent = command("agent", "keep accounts registered at the best server there is, in the foreground; logs go to stderr");
  agent->add_option("--log-level", level, "what is written to stderr")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  bool once = false;
  std::string patience = "2m";
  auto* const only_once =
      agent->add_flag("--once", once, "register once, print what happened and how long it took, and take it away again");
  agent->add_option("--patience", patience, "how long that may take")->capture_default_str()->check(is_duration)->needs(only_once);
  CLI::App* check = command("check", "read the configuration file and say what it means, or what is wrong");
  CLI::App* status = command("status", "mode, since when and why; central servers");
  CLI::App* registrations = command("registrations", "phones registered here");
  registrations->add_option("AOR", aor, "only this address-of-record, such as sip:alice@example.com");
  CLI::App* calls = command("calls", "calls whose signalling passes here");
  bool past = false;
  unsigned limit = 20;
  calls->add_flag("--past", past, "those that ended, the last first: who rang when, and why it stopped");
  calls->add_option("--limit", limit, "how many of them")->capture_default_str()->check(CLI::Range(1, 10'000));
  CLI::App* explain = command("explain", "what happened to a call or a push and why, or what is known of a phone");
  std::string what;
  explain->add_option("CALL|PUSH|PHONE", what, "a Call-ID, the id of a push, or a user, AOR, address or device")->required();
  CLI::App* set_mode = command("mode", "pin the mode, or let it follow the central site again");
  set_mode->add_option("MODE", mode, "auto, normal or survivable")->required()->check(CLI::IsMember({"auto", "normal", "survivable"}));
  CLI::App* snippet = command("dhcp-snippet", "lines for the DHCP server: this box as DNS server, and the SIP domain");
  snippet->add_option("--for", server, "dnsmasq, kea or isc")->required()->check(CLI::IsMember({"dnsmasq", "kea", "isc"}));
  UserCommands users{*command("user", "who may register with registrar.auth = \"digest\"")};
  RingCommands rings{*command("ring", "which of a user's terminals ring, in which order and how long")};
  PushCommands pushes{*command("push", "send content to a user's terminals (MESSAGE or NOTIFY)")};
  RedirectCommands redirects{*command("redirect", "where terminals want pushed content, and the end of it")};
  try {
    program.parse(count, arguments);
  } catch (const CLI::ParseError& error) { return program.exit(error) == 0 ? 0 : wrong_usage; }
  const auto least = observe::parse_severity(level).value_or(Severity::info);
  if (*serve) return app::serve(asking.settings_file, least);
  if (*agent && once) return app::agent_once(asking, parse_duration(patience).value_or(2min));
  if (*agent) return app::run_agent(asking.settings_file, least);
  if (*check) return app::check(asking);
  if (*status) return app::show_status(asking);
  if (*registrations) return app::show_registrations(asking, aor);
  if (*calls) return past ? app::show_past_calls(asking, limit) : app::show_calls(asking);
  if (*explain) return app::explain(asking, what);
  if (*set_mode) return app::set_mode(asking, mode);
  if (*snippet) return app::dhcp_snippet(asking, server);
  if (const auto code = users.run(asking)) return *code;
  if (const auto code = rings.run(asking)) return *code;
  if (const auto code = pushes.run(asking)) return *code;
  if (const auto code = redirects.run(asking)) return *code;
  return wrong_usage;
}
