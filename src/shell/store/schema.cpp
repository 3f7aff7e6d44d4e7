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
    case Table::redirect: return "redirect";
    case Table::push_message: return "push_message";
    case Table::push_record: return "push_record";
    case Table::agent_account: return "agent_account";
  }
  return "";
}

namespace {

// The order of the columns is that of the rows which core/location, core/nameserver, core/central, core/auth, core/ringing, core/calls,
// core/delivery and core/agent write.
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
CREATE TABLE IF NOT EXISTS redirect (
  device          TEXT PRIMARY KEY,   -- as ringhold registrations --json names it
  aor             TEXT NOT NULL,
  contacts        TEXT NOT NULL,      -- a line each, "URI Q UNTIL": Q in thousandths, UNTIL in milliseconds since the Unix epoch, 0 for good
  status          INTEGER NOT NULL,   -- 301 or 302
  user_agent      TEXT NOT NULL,      -- of the terminal, when it asked
  since           INTEGER NOT NULL,   -- milliseconds since the Unix epoch
  failures        INTEGER NOT NULL,   -- in succession
  asks_again      INTEGER NOT NULL    -- 1: the terminal was restarted since, and is asked at the next push
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS push_message (
  id              TEXT PRIMARY KEY,   -- in the order in which they were accepted
  aor             TEXT NOT NULL,      -- whom it is for
  sender          TEXT NOT NULL,      -- URI
  method          TEXT NOT NULL,      -- MESSAGE, NOTIFY, NOTIFY,MESSAGE
  event           TEXT NOT NULL,      -- of a NOTIFY
  headers         TEXT NOT NULL,      -- whole lines: Content-Type and others
  body            TEXT NOT NULL,      -- bytes as they came
  strategy        TEXT NOT NULL,
  seed            INTEGER NOT NULL,   -- what Call-ID, tags and branches are made of
  accepted_at     INTEGER NOT NULL,   -- milliseconds since the Unix epoch
  expires_at      INTEGER NOT NULL,
  key             TEXT NOT NULL,      -- by which the sender names it if he sends it again
  rounds          INTEGER NOT NULL,   -- so many times it was tried
  max_forwards    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS push_record (
  id              TEXT PRIMARY KEY,
  aor             TEXT NOT NULL,
  sender          TEXT NOT NULL,
  method          TEXT NOT NULL,
  content_type    TEXT NOT NULL,
  size            INTEGER NOT NULL,   -- bytes of content
  accepted_at     INTEGER NOT NULL,
  ended_at        INTEGER NOT NULL,
  result          TEXT NOT NULL,      -- delivered, failed
  reason          TEXT NOT NULL,
  steps           TEXT NOT NULL,      -- a line each, "URI VIA HOP STATUS AFTER_MS UNTIL_MS WHY"
  key             TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agent_account (
  aor             TEXT PRIMARY KEY,
  call_id         TEXT NOT NULL,      -- of its REGISTERs
  cseq            INTEGER NOT NULL,   -- none of them had a greater one
  instance        TEXT NOT NULL       -- +sip.instance
) WITHOUT ROWID;
)sql";

}  // namespace

std::string_view schema() { return statements; }

}  // namespace ringhold::store
