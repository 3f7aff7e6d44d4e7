// The users behind digest authentication, as the HTTP API and the commands see them (R3).
#include "branch_device/state.hpp"

namespace ringhold::branch_device {

namespace {

UserReport report_of(const auth::User& user, std::string_view realm) {
  UserReport report{user.name, user.realm, {}, user.realm == realm};
  for (const auth::Algorithm algorithm : auth::all_algorithms)
    if ((user.algorithms() & auth::bit(algorithm)) != 0) report.algorithms.emplace_back(auth::name(algorithm));
  return report;
}

/// The user that is meant, or why there is none.
std::expected<auth::User, std::string> read_user(const NewUser& given, std::string_view realm, auth::Hasher& hasher) {
  if (const auto wrong = auth::wrong_with_name(given.name); !wrong.empty()) return std::unexpected{std::string{wrong}};
  if (!given.password.empty()) return auth::make_user(hasher, given.name, realm, given.password);
  auth::User user{given.name, Text{realm}, {}};
  for (const auth::Algorithm algorithm : auth::all_algorithms) {
    const auto i = static_cast<std::size_t>(algorithm);
    if (given.ha1[i].empty()) continue;
    user.ha1[i] = auth::parse_digest(algorithm, given.ha1[i]);
    if (!user.ha1[i])
      return std::unexpected{given.name + ": an HA1 of " + std::string{auth::name(algorithm)} + " has " +
                             std::to_string(2 * auth::digest_bytes(algorithm)) + " hexadecimal digits"};
  }
  if (user.algorithms() == 0) return std::unexpected{given.name + ": neither a password nor an HA1"};
  return user;
}

}  // namespace

Answer BranchDevice::State::users(const GetUsers& asked) const {
  std::vector<UserReport> rows;
  const auto& users = authenticator.users();
  if (!asked.name.empty()) {
    const auth::User* user = users.find(asked.name);
    if (user == nullptr) return Refused{404, "no user is called " + asked.name};
    rows.push_back(report_of(*user, users.realm()));
    return rows;
  }
  rows.reserve(users.size());
  users.for_each([&](const auth::User& user) { rows.push_back(report_of(user, users.realm())); });
  std::ranges::sort(rows, {}, &UserReport::name);
  return rows;
}

Answer BranchDevice::State::put_users(const PutUsers& given, Outbox& outbox) {
  if (given.part == 0) staged_users.clear();
  if (given.part != 0 && staged_users.empty()) return Refused{409, "parts come in order, the first is 0"};
  for (const NewUser& one : given.users) {
    auto user = read_user(one, settings.branch.domain, authenticator.hasher());
    if (!user) {
      staged_users.clear();
      return Refused{400, user.error()};
    }
    staged_users.push_back(std::move(*user));
  }
  if (authenticator.users().size() + staged_users.size() > limits::users) {
    staged_users.clear();
    return Refused{409, "more than " + std::to_string(limits::users) + " users"};
  }
  if (given.more_follow) return Done{};
  for (auth::User& user : staged_users) check(authenticator.put(std::move(user), outbox));
  outbox.note({"users_changed", {{"put", staged_users.size()}, {"users", authenticator.users().size()}}});
  staged_users = {};
  settle_authentication(outbox);
  return Done{};
}

Answer BranchDevice::State::remove_user(const RemoveUser& asked, Outbox& outbox) {
  if (!authenticator.remove(asked.name, outbox)) return Refused{404, "no user is called " + asked.name};
  media.remove(asked.name, outbox);  // who has the name next may want to be called otherwise
  outbox.note({"users_changed", {{"removed", asked.name}, {"users", authenticator.users().size()}}});
  settle_authentication(outbox);
  return Done{};
}

}  // namespace ringhold::branch_device
