#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "auth/users.hpp"

namespace ringhold::app {

/// What is wrong with one line of a list of users.
struct CsvError {
  unsigned line = 0;
  std::string text;
};

/// A list of users as comma-, semicolon- or tab-separated values (RFC 4180), with a header line that names the columns: `user`
/// and `password`, or `user` and `ha1_md5`, `ha1_sha256`, `ha1_sha512_256`; also those of Kamailio's `subscriber` (`username`,
/// `domain`, `ha1`) and Asterisk's `ps_auths` (`username`, `realm`, `md5_cred`). All users, or every error there is.
std::expected<std::vector<auth::User>, std::vector<CsvError>> read_users(std::string_view text, std::string_view realm);

}  // namespace ringhold::app
