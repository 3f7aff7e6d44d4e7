#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "auth/algorithm.hpp"
#include "base/journal.hpp"
#include "base/text.hpp"

namespace ringhold::auth {

/// Algorithms as a set of bits.
using AlgorithmSet = std::uint8_t;
constexpr AlgorithmSet bit(Algorithm algorithm) { return static_cast<AlgorithmSet>(1U << static_cast<unsigned>(algorithm)); }

/// Who may register, and how he proves it (R3). A password is never kept, only HA1; it holds for one realm.
struct User {
  Text name;
  Text realm;
  std::array<std::optional<Digest>, all_algorithms.size()> ha1;  ///< by Algorithm

  AlgorithmSet algorithms() const;
};

/// A user with an HA1 of each algorithm.
User make_user(Hasher& hasher, std::string_view name, std::string_view realm, std::string_view password);
/// Why nobody can be called so; empty if one can. RFC 7616 §3.4: no colon; RFC 3261 §19.1.1: no '@' is left after unescaping.
std::string_view wrong_with_name(std::string_view name);

/// The columns of Table::user, in the order of the schema: name, realm, ha1_md5, ha1_sha256, ha1_sha512_256 (hexadecimal, or empty).
inline constexpr std::size_t user_columns = 5;
Change put(const User& user);
Change erase_user(std::string_view name);
/// Nothing when a column has the wrong type or cannot be read, or there is no HA1 at all.
std::optional<User> from_row(const Row& row);

/// All users, by name. Those of another realm than ours are kept, and cannot prove anything.
class Users {
 public:
  explicit Users(std::string_view realm) : realm_{realm} {}

  const User* find(std::string_view name) const;
  /// The same, if he can prove who he is in our realm by any algorithm of `among`.
  const User* find_usable(std::string_view name, AlgorithmSet among) const;
  /// How many users of our realm have exactly these algorithms.
  std::size_t count(AlgorithmSet algorithms) const { return counts_[algorithms]; }
  std::size_t usable(AlgorithmSet among) const;
  std::size_t size() const { return users_.size(); }
  std::string_view realm() const { return realm_; }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [name, user] : users_) visit(user);
  }

  /// False when the table is full and nobody is called so.
  bool put(User user);
  bool remove(std::string_view name);
  void set_realm(std::string_view realm);

 private:
  Text realm_;
  boost::unordered_flat_map<Text, User, TextHash, TextEqual> users_;
  std::array<std::size_t, 1U << all_algorithms.size()> counts_{};  ///< of our realm, by AlgorithmSet
};

}  // namespace ringhold::auth
