#include "shell/store/schema.hpp"

namespace ringhold::store {

std::string_view name(Table table) {
  switch (table) {
    case Table::binding: return "binding";
    case Table::learnt: return "learnt";
    case Table::setting: return "setting";
    case Table::user: return "user";
  }
  return "";
}

// The order of the columns is that of the rows which core/location, core/nameserver, core/central and core/auth write.
std::string_view schema() {
  return R"sql(
CREATE TABLE IF NOT EXISTS binding (
  id            TEXT PRIMARY KEY,     -- AOR, contact, reg-id
  aor           TEXT NOT NULL,
  contact       TEXT NOT NULL,
  device        TEXT NOT NULL,        -- parameters of the Contact, +sip.instance among them
  call_id       TEXT NOT NULL,
  cseq          INTEGER NOT NULL,
  q             INTEGER NOT NULL,     -- thousandths
  expires_at    INTEGER NOT NULL,     -- milliseconds since the Unix epoch
  registered_at INTEGER NOT NULL,
  path          TEXT NOT NULL,
  transport     TEXT NOT NULL,
  local         TEXT NOT NULL,
  source        TEXT NOT NULL,
  user_agent    TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS learnt (
  id            TEXT PRIMARY KEY,     -- name and type
  name          TEXT NOT NULL,
  type          INTEGER NOT NULL,     -- as in DNS
  data          TEXT NOT NULL,        -- hexadecimal
  expires_at    INTEGER NOT NULL,     -- milliseconds since the Unix epoch
  ttl           INTEGER NOT NULL      -- seconds
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (
  key           TEXT PRIMARY KEY,
  value         TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS user (
  name            TEXT PRIMARY KEY,
  realm           TEXT NOT NULL,      -- branch.domain when the HA1s were made
  ha1_md5         TEXT NOT NULL,      -- hexadecimal, or empty; never a password
  ha1_sha256      TEXT NOT NULL,
  ha1_sha512_256  TEXT NOT NULL
) WITHOUT ROWID;
)sql";
}

}  // namespace ringhold::store
