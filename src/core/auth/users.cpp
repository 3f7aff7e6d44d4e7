#include "auth/users.hpp"

#include <utility>

#include "auth/digest.hpp"
#include "base/limits.hpp"

namespace ringhold::auth {

namespace {

constexpr std::size_t longest_name = 128;

Text hex_of(const User& user, Algorithm algorithm) {
  const auto& ha1 = user.ha1[std::to_underlying(algorithm)];
  return ha1 ? Text{HexDigest{algorithm, *ha1}.text()} : Text{};
}

}  // namespace

AlgorithmSet User::algorithms() const {
  AlgorithmSet set = 0;
  for (const Algorithm algorithm : all_algorithms)
    if (ha1[std::to_underlying(algorithm)]) set |= bit(algorithm);
  return set;
}

User make_user(Hasher& hasher, std::string_view name, std::string_view realm, std::string_view password) {
  User user{Text{name}, Text{realm}, {}};
  for (const Algorithm algorithm : all_algorithms)
    if (hasher.has(algorithm)) user.ha1[std::to_underlying(algorithm)] = make_ha1(hasher, algorithm, name, realm, password);
  return user;
}

std::string_view wrong_with_name(std::string_view name) {
  if (name.empty()) return "a name is empty";
  if (name.size() > longest_name) return "a name is longer than 128 bytes";
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x21 || c == 0x7f || c == ':' || c == '@' || c == '/' || c == '"' || c == '\\')
      return "a name has no blanks, control characters, ':', '@', '/', quotes or backslashes";
  return {};
}

Change put(const User& user) {
  return {Table::user,
          user.name,
          {user.name, user.realm, hex_of(user, Algorithm::md5), hex_of(user, Algorithm::sha_256), hex_of(user, Algorithm::sha_512_256)}};
}

Change erase_user(std::string_view name) { return {Table::user, Text{name}, {}}; }

std::optional<User> from_row(const Row& row) {
  if (row.table != Table::user || row.columns.size() != user_columns) return std::nullopt;
  for (const Column& column : row.columns)
    if (std::get_if<Text>(&column) == nullptr) return std::nullopt;
  const auto text = [&](std::size_t i) -> const Text& { return std::get<Text>(row.columns[i]); };
  User user{text(0), text(1), {}};
  for (const Algorithm algorithm : all_algorithms) {
    const Text& hex = text(2 + std::to_underlying(algorithm));
    if (!hex.empty()) user.ha1[std::to_underlying(algorithm)] = parse_digest(algorithm, hex);
  }
  if (!wrong_with_name(user.name).empty() || user.algorithms() == 0) return std::nullopt;
  return user;
}

const User* Users::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

const User* Users::find_usable(std::string_view name, AlgorithmSet among) const {
  const User* user = find(name);
  return user != nullptr && user->realm == realm_ && (user->algorithms() & among) != 0 ? user : nullptr;
}

std::size_t Users::usable(AlgorithmSet among) const {
  std::size_t sum = 0;
  for (std::size_t set = 0; set < counts_.size(); ++set)
    if ((set & among) != 0) sum += counts_[set];
  return sum;
}

bool Users::put(User user) {
  const auto existing = users_.find(user.name);
  if (existing == users_.end() && users_.size() >= limits::users) return false;
  if (existing != users_.end() && existing->second.realm == realm_) --counts_[existing->second.algorithms()];
  if (user.realm == realm_) ++counts_[user.algorithms()];
  Text name = user.name;
  users_.insert_or_assign(std::move(name), std::move(user));
  return true;
}

bool Users::remove(std::string_view name) {
  const auto found = users_.find(name);
  if (found == users_.end()) return false;
  if (found->second.realm == realm_) --counts_[found->second.algorithms()];
  users_.erase(found);
  return true;
}

void Users::set_realm(std::string_view realm) {
  if (realm == realm_) return;
  realm_ = realm;
  counts_ = {};
  for (const auto& [name, user] : users_)
    if (user.realm == realm_) ++counts_[user.algorithms()];
}

}  // namespace ringhold::auth
