#include "app/user_command.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "app/user_command_csv.hpp"
#include "auth/users.hpp"
#include "shell/http/server.hpp"
#include "shell/store/sqlite_store.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

constexpr std::size_t part_bytes = 40'000;  ///< of a request; the program takes 64 KB

int fail(const std::string& text) {
  fmt::print(stderr, "ringhold: {}\n", text);
  return failed;
}

bool is_running(const Configuration& configuration) {
  return !http::fetch(configuration.http, "GET", "/healthz", {}, configuration.http_token).nobody_listens;
}

/// What an administrator runs as root must stay readable for the program, which is not.
void give_to_owner_of_folder(const std::string& path) {
  struct stat folder{};
  const std::string parent = std::filesystem::path{path}.parent_path().string();
  if (geteuid() != 0 || stat(parent.empty() ? "." : parent.c_str(), &folder) != 0) return;
  for (const char* suffix : {"", "-wal", "-shm"})
    if (chown((path + suffix).c_str(), folder.st_uid, folder.st_gid) != 0 && errno != ENOENT)
      fmt::print(stderr, "ringhold: {}{} could not be given to the owner of its folder\n", path, suffix);
}

std::expected<std::vector<auth::User>, std::string> users_on_disk(const std::string& path) {
  std::vector<auth::User> users;
  if (!std::filesystem::exists(path)) return users;
  auto store = store::SqliteStore::open(path);
  auto rows = store ? store->load() : std::unexpected{store.error()};
  if (!rows) return std::unexpected{fmt::format("{}: {}", path, rows.error().text)};
  for (const Row& row : *rows)
    if (auto user = auth::from_row(row)) users.push_back(std::move(*user));
  return users;
}

/// Into the database of a program that does not run. An exit code.
int write_to_disk(const Configuration& configuration, const std::vector<Change>& changes) {
  const std::string& path = configuration.store_path;
  if (path.empty()) return fail("store.url is \"memory:\", so users can be changed only while `ringhold serve` runs");
  auto store = store::SqliteStore::open(path);
  const auto applied = store ? store->apply(changes) : std::unexpected{store.error()};
  if (!applied) return fail(fmt::format("{}: {}", path, applied.error().text));
  give_to_owner_of_folder(path);
  return done;
}

json::object to_json(const auth::User& user) {
  json::object object{{"user", user.name}};
  constexpr std::array keys{"ha1_md5", "ha1_sha256", "ha1_sha512_256"};
  for (const auth::Algorithm algorithm : auth::all_algorithms) {
    const auto i = static_cast<std::size_t>(algorithm);
    if (user.ha1[i]) object[keys[i]] = std::string{auth::HexDigest{algorithm, *user.ha1[i]}.text()};
  }
  return object;
}

/// Whether the program's answer says that the change is on disk; if not, an exit code.
int acknowledged(const Configuration& configuration, const json::value& answer) {
  if (word(answer.as_object(), "kept") == "true") return done;
  if (configuration.store_path.empty()) {
    fmt::print(stderr, "ringhold: store.url is \"memory:\", a restart forgets this\n");
    return done;
  }
  return fail("this is in force, but could not be written to disk: a restart forgets it");
}

/// To the running program, in as many parts as it takes; nothing is in force before the last. An exit code.
int send_to_program(const Asking& asking, const Configuration& configuration, const std::vector<auth::User>& users) {
  std::size_t next = 0;
  for (unsigned part = 0;; ++part) {
    json::array rows;
    for (std::size_t bytes = 0; next < users.size() && bytes < part_bytes; ++next) {
      rows.push_back(to_json(users[next]));
      bytes += 300 + users[next].name.size();
    }
    const bool more = next < users.size();
    const auto body = json::serialize(json::object{{"part", part}, {"more", more}, {"users", std::move(rows)}});
    const auto answer = ask(asking, configuration, "PUT", "/api/v1/users", body);
    if (const int* code = std::get_if<int>(&answer)) return *code;
    if (!more) return acknowledged(configuration, std::get<json::value>(answer));
  }
}

int keep_users(const Asking& asking, const Configuration& configuration, const std::vector<auth::User>& users) {
  if (is_running(configuration)) return send_to_program(asking, configuration, users);
  std::vector<Change> changes;
  changes.reserve(users.size());
  for (const auth::User& user : users) changes.push_back(auth::put(user));
  return write_to_disk(configuration, changes);
}

std::string line_of(std::istream& stream) {
  std::string line;
  std::getline(stream, line);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

/// A line from the terminal, which does not show it.
std::string secret_from_terminal(const std::string& question) {
  termios before{};
  const bool hides = tcgetattr(STDIN_FILENO, &before) == 0;
  termios hidden = before;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  fmt::print(stderr, "{}", question);
  if (hides) tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  const std::string secret = line_of(std::cin);
  if (hides) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  fmt::print(stderr, "\n");
  return secret;
}

std::expected<std::string, std::string> password_for(const std::string& name, const std::string& file) {
  std::string password;
  if (!file.empty()) {
    std::ifstream stream{file};
    if (!stream) return std::unexpected{fmt::format("{}: {}", file, std::strerror(errno))};
    password = line_of(stream);
  } else if (isatty(STDIN_FILENO) == 1) {
    password = secret_from_terminal(fmt::format("Password for {}: ", name));
    if (secret_from_terminal("Once more: ") != password) return std::unexpected{std::string{"these were two passwords"}};
  } else {
    password = line_of(std::cin);
  }
  if (password.empty()) return std::unexpected{std::string{"a password is one line, on the standard input or in --password-file"}};
  return password;
}

json::value rows_of(const std::vector<auth::User>& users, std::string_view realm) {
  json::array rows;
  for (const auth::User& user : users) {
    json::array algorithms;
    for (const auth::Algorithm algorithm : auth::all_algorithms)
      if ((user.algorithms() & auth::bit(algorithm)) != 0) algorithms.emplace_back(auth::name(algorithm));
    rows.push_back(
        json::object{{"user", user.name}, {"realm", user.realm}, {"algorithms", std::move(algorithms)}, {"usable", user.realm == realm}});
  }
  return rows;
}

int report(const Asking& asking, int code, const json::object& answer, const std::string& text) {
  if (code != done) return code;
  if (asking.json)
    print_json(answer);
  else
    fmt::print("{}\n", text);
  return done;
}

}  // namespace

int add_user(const Asking& asking, const std::string& name, const std::string& password_file) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  if (const auto wrong = auth::wrong_with_name(name); !wrong.empty()) return fail(fmt::format("\"{}\": {}", name, wrong));
  const auto password = password_for(name, password_file);
  if (!password) return fail(password.error());
  auth::Hasher hasher;
  const std::string& realm = configuration->branch.branch.domain;
  const int code = keep_users(asking, *configuration, {auth::make_user(hasher, name, realm, *password)});
  return report(asking, code, {{"result", "done"}, {"user", name}}, fmt::format("{} may register as sip:{}@{}.", name, name, realm));
}

int list_users(const Asking& asking) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  json::value rows;
  if (is_running(*configuration)) {
    auto answer = ask(asking, *configuration, "GET", "/api/v1/users", {});
    if (const int* code = std::get_if<int>(&answer)) return *code;
    rows = std::get<json::value>(std::move(answer));
  } else {
    const auto users = users_on_disk(configuration->store_path);
    if (!users) return fail(users.error());
    rows = rows_of(*users, configuration->branch.branch.domain);
  }
  if (asking.json) {
    print_json(rows);
    return done;
  }
  print_table(rows.as_array(), {"user", "realm", "algorithms"});
  const auto useless = std::ranges::count_if(rows.as_array(), [](const json::value& row) { return !row.at("usable").as_bool(); });
  if (useless > 0)
    fmt::print("{} of another realm than \"{}\" cannot register: give them their passwords again.\n", useless,
               configuration->branch.branch.domain);
  return done;
}

int remove_user(const Asking& asking, const std::string& name) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  int code = done;
  if (is_running(*configuration)) {
    const auto answer = ask(asking, *configuration, "DELETE", "/api/v1/users/" + escaped(name), {});
    const int* error = std::get_if<int>(&answer);
    code = error != nullptr ? *error : acknowledged(*configuration, std::get<json::value>(answer));
  } else {
    const auto users = users_on_disk(configuration->store_path);
    if (!users) return fail(users.error());
    if (std::ranges::find(*users, name, &auth::User::name) == users->end()) return fail("no user is called " + name);
    code = write_to_disk(*configuration, {auth::erase_user(name)});
  }
  return report(asking, code, {{"result", "done"}, {"user", name}},
                fmt::format("{} may not register any more; what is registered ends with its time.", name));
}

int import_users(const Asking& asking, const std::string& file) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  std::ifstream stream{file, std::ios::binary};
  if (!stream || std::filesystem::is_directory(file)) return fail(fmt::format("{}: cannot be read", file));
  const std::string text{std::istreambuf_iterator<char>{stream}, {}};
  const auto users = read_users(text, configuration->branch.branch.domain);
  if (!users) {
    for (const CsvError& error : users.error()) fmt::print(stderr, "{}:{}: {}\n", file, error.line, error.text);
    return fail("nothing was imported");
  }
  const int code = keep_users(asking, *configuration, *users);
  return report(asking, code, {{"result", "done"}, {"users", users->size()}}, fmt::format("{} users may register.", users->size()));
}

std::optional<std::size_t> count_usable_users(const Configuration& configuration) {
  const auto fetched = http::fetch(configuration.http, "GET", "/api/v1/users", {}, configuration.http_token);
  if (fetched.status == 200) {
    boost::system::error_code error;
    const json::value rows = json::parse(fetched.body, error);
    if (error || !rows.is_array()) return std::nullopt;
    return std::ranges::count_if(rows.as_array(), [](const json::value& row) {
      const auto* object = row.if_object();
      return object != nullptr && word(*object, "usable") == "true";
    });
  }
  const auto users = users_on_disk(configuration.store_path);
  if (!users) return std::nullopt;
  return std::ranges::count(*users, configuration.branch.branch.domain, &auth::User::realm);
}

}  // namespace ringhold::app
