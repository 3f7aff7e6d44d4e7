#include "app/user_command_csv.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/text.hpp"

namespace ringhold::app {

namespace {

enum class Meaning : unsigned char { user, realm, password, ha1_md5, ha1_sha256, ha1_sha512_256, nothing };

struct Known {
  std::string_view name;
  Meaning meaning;
};
constexpr std::array known_columns{Known{"user", Meaning::user}, Known{"username", Meaning::user}, Known{"name", Meaning::user},
                                   Known{"realm", Meaning::realm}, Known{"domain", Meaning::realm}, Known{"password", Meaning::password},
                                   Known{"ha1", Meaning::ha1_md5}, Known{"ha1_md5", Meaning::ha1_md5}, Known{"md5_cred", Meaning::ha1_md5},
                                   Known{"ha1_sha256", Meaning::ha1_sha256}, Known{"ha1_sha512_256", Meaning::ha1_sha512_256},
                                   // What those tables have besides; ha1b is for user names with a domain in them.
                                   Known{"id", Meaning::nothing}, Known{"ha1b", Meaning::nothing}, Known{"email_address", Meaning::nothing},
                                   Known{"rpid", Meaning::nothing}, Known{"auth_type", Meaning::nothing},
                                   Known{"nonce_lifetime", Meaning::nothing}, Known{"datetime_created", Meaning::nothing},
                                   Known{"datetime_modified", Meaning::nothing}};

std::optional<Meaning> meaning_of(std::string_view column) {
  for (const Known& known : known_columns)
    if (equal_ignoring_case(known.name, column)) return known.meaning;
  return std::nullopt;
}

/// The fields of one record; `lines` is how many lines it took. Nothing when a quote is left open.
struct Record {
  std::vector<std::string> fields;
  unsigned lines = 1;
};
std::optional<Record> take_record(std::string_view& rest, char separator) {
  Record record{{std::string{}}, 1};
  bool quoted = false;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    std::string& field = record.fields.back();
    if (quoted) {
      if (c == '"' && rest.starts_with('"')) {
        field += c;
        rest.remove_prefix(1);
      } else if (c == '"') {
        quoted = false;
      } else {
        if (c == '\n') ++record.lines;
        field += c;
      }
    } else if (c == '"' && field.empty()) {
      quoted = true;
    } else if (c == separator) {
      record.fields.emplace_back();
    } else if (c == '\n') {
      return record;
    } else if (c != '\r') {
      field += c;
    }
  }
  if (quoted) return std::nullopt;
  return record;
}

char separator_of(std::string_view text) {
  const auto header = text.substr(0, text.find('\n'));
  for (const char c : {',', ';', '\t'})
    if (header.find(c) != std::string_view::npos) return c;
  return ',';
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view realm) : rest_{text}, separator_{separator_of(text)}, realm_{realm} {}

  std::expected<std::vector<auth::User>, std::vector<CsvError>> read() {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // as spreadsheets write it
    read_header();
    while (!rest_.empty()) {
      const unsigned line = line_;
      const auto record = take_record(rest_, separator_);
      if (!record) {
        fail(line, "a quote is left open");
        break;
      }
      line_ += record->lines;
      if (record->fields.size() == 1 && record->fields[0].empty()) continue;
      read_user(line, record->fields);
    }
    if (errors_.empty() && users_.empty()) fail(line_, "there is no user in it");
    if (!errors_.empty()) return std::unexpected{std::move(errors_)};
    return std::move(users_);
  }

 private:
  void fail(unsigned line, std::string text) { errors_.push_back({line, std::move(text)}); }

  void read_header() {
    const auto header = take_record(rest_, separator_);
    if (!header) return fail(1, "a quote is left open");
    line_ += header->lines;
    std::set<Meaning> seen;
    for (const std::string& name : header->fields) {
      const auto meaning = meaning_of(trimmed(name));
      columns_.push_back(meaning.value_or(Meaning::nothing));
      if (!meaning)
        fail(1, fmt::format("unknown column \"{}\": expected user and password, or user and ha1_md5, ha1_sha256, ha1_sha512_256", name));
      else if (*meaning != Meaning::nothing && !seen.insert(*meaning).second)
        fail(1, fmt::format("column \"{}\" says what another one says", name));
    }
    const bool has_secret = seen.contains(Meaning::password) || seen.contains(Meaning::ha1_md5) || seen.contains(Meaning::ha1_sha256) ||
                            seen.contains(Meaning::ha1_sha512_256);
    if (errors_.empty() && !(seen.contains(Meaning::user) && has_secret))
      fail(1, "the first line names the columns: expected user and password, or user and ha1_md5, ha1_sha256, ha1_sha512_256");
    if (!errors_.empty()) rest_ = {};
  }

  void read_user(unsigned line, const std::vector<std::string>& fields) {
    if (fields.size() != columns_.size())
      return fail(line, fmt::format("{} columns, the first line has {}", fields.size(), columns_.size()));
    std::map<Meaning, std::string_view> given;
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (columns_[i] != Meaning::nothing && !fields[i].empty()) given[columns_[i]] = fields[i];
    const std::string name{given[Meaning::user]};
    if (const auto wrong = auth::wrong_with_name(name); !wrong.empty()) return fail(line, fmt::format("\"{}\": {}", name, wrong));
    if (const auto realm = given[Meaning::realm]; !realm.empty() && !equal_ignoring_case(realm, realm_))
      return fail(line, fmt::format("{}: realm \"{}\" is not branch.domain \"{}\": its HA1 cannot serve here", name, realm, realm_));
    if (const auto [first, added] = lines_.emplace(name, line); !added)
      return fail(line, fmt::format("{} stands in line {} already", name, first->second));
    auth::User user{name, std::string{realm_}, {}};
    const auto password = given[Meaning::password];
    if (!password.empty()) user = auth::make_user(hasher_, name, realm_, password);
    for (const auto& [meaning, algorithm] :
         {std::pair{Meaning::ha1_md5, auth::Algorithm::md5}, std::pair{Meaning::ha1_sha256, auth::Algorithm::sha_256},
          std::pair{Meaning::ha1_sha512_256, auth::Algorithm::sha_512_256}}) {
      const auto text = given[meaning];
      if (text.empty()) continue;
      auto& ha1 = user.ha1[static_cast<std::size_t>(algorithm)];
      const auto digest = auth::parse_digest(algorithm, text);
      if (!digest)
        return fail(line, fmt::format("{}: an HA1 of {} has {} hexadecimal digits", name, auth::name(algorithm),
                                      2 * auth::digest_bytes(algorithm)));
      if (!password.empty() && ha1 != digest) return fail(line, fmt::format("{}: password and HA1 do not belong together", name));
      ha1 = digest;
    }
    if (user.algorithms() == 0) return fail(line, fmt::format("{}: neither a password nor an HA1", name));
    users_.push_back(std::move(user));
  }

  std::string_view rest_;
  char separator_;
  std::string_view realm_;
  unsigned line_ = 1;
  std::vector<Meaning> columns_;
  std::map<std::string, unsigned> lines_;  ///< where each name stood first
  std::vector<auth::User> users_;
  std::vector<CsvError> errors_;
  auth::Hasher hasher_;
};

}  // namespace

std::expected<std::vector<auth::User>, std::vector<CsvError>> read_users(std::string_view text, std::string_view realm) {
  return Reader{text, realm}.read();
}

}  // namespace ringhold::app
