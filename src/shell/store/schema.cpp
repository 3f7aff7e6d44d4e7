#include "shell/store/schema.hpp"

namespace ringhold::store {

std::string_view name(Table table) {
  switch (table) {
    case Table::binding: return "binding";
    case Table::learnt: return "learnt";
    case Table::setting: return "setting";
    case Table::user: return "user";
    case Table::ring_profile: return "ring_profile";
    case Table::terminal_type: return "terminal_type";
    case Table::call: return "call";
    case Table::dialog: return "dialog";
    case Table::ring_schedule: return "ring_schedule";
  }
  return "";
}

namespace {

// The order of the columns is that of the rows which core/location, core/nameserver, core/central, core/auth and core/ringing write.
constexpr std::string_view statements = R"sql(
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
CREATE TABLE IF NOT EXISTS ring_profile (
  user            TEXT PRIMARY KEY,
  steps           TEXT NOT NULL,      -- "0,1:15 2:20": codes of the types that ring together, and seconds
  fallback        TEXT NOT NULL       -- who is called when nobody has answered, or empty
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS terminal_type (
  device          TEXT PRIMARY KEY,   -- as ringhold registrations --json names it
  code            INTEGER NOT NULL    -- what the administrator says that it is
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS call (
  id              TEXT PRIMARY KEY,   -- in the order in which they began
  call_id         TEXT NOT NULL,
  caller          TEXT NOT NULL,      -- AORs
  callee          TEXT NOT NULL,
  began_at        INTEGER NOT NULL,   -- milliseconds since the Unix epoch
  answered_at     INTEGER NOT NULL,   -- 0: it was not
  ended_at        INTEGER NOT NULL,
  how             TEXT NOT NULL,      -- bye, refused, lost, terminal-restart
  ended_by        TEXT NOT NULL,      -- caller, callee, nobody
  status          INTEGER NOT NULL,   -- of the final response
  mode            TEXT NOT NULL,      -- in which it began
  legs            TEXT NOT NULL       -- who was called: a line each, URI AFTER_MS UNTIL_MS STATUS WHY
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dialog (
  id              TEXT PRIMARY KEY,   -- Call-ID, the caller's tag, the callee's tag
  call_id         TEXT NOT NULL,
  caller_tag      TEXT NOT NULL,
  callee_tag      TEXT NOT NULL,
  caller          TEXT NOT NULL,      -- AORs, as which they are registered
  callee          TEXT NOT NULL,
  caller_uri      TEXT NOT NULL,      -- as From and To have them
  callee_uri      TEXT NOT NULL,
  caller_target   TEXT NOT NULL,      -- URIs of their Contacts
  callee_target   TEXT NOT NULL,
  routes          TEXT NOT NULL,      -- Record-Route, from the callee's end to the caller's
  caller_at       TEXT NOT NULL,      -- where their signalling comes from
  callee_at       TEXT NOT NULL,
  caller_cseq     INTEGER NOT NULL,   -- the last that was seen; 0: none
  callee_cseq     INTEGER NOT NULL,
  began_at        INTEGER NOT NULL,   -- milliseconds since the Unix epoch
  answered_at     INTEGER NOT NULL,
  session         INTEGER NOT NULL,   -- seconds (RFC 4028); 0: no session timer
  mode            TEXT NOT NULL,
  legs            TEXT NOT NULL,
  other_aor       INTEGER NOT NULL,   -- 1: From names another AOR than caller; 2: To another one than callee
  worker          INTEGER NOT NULL    -- of several, who has it
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ring_schedule (
  user            TEXT PRIMARY KEY,
  schedules       TEXT NOT NULL       -- a line each, "mon,tue 08:00-17:00 0,1:15 2:20 >voicemail": steps and fallback as in ring_profile
) WITHOUT ROWID;
)sql";

}  // namespace

std::string_view schema() { return statements; }

}  // namespace ringhold::store
