// The part of Central that judges the site as a whole: the mode, its cause, its evidence, the return.
#include <algorithm>
#include <utility>

#include "central/central.hpp"

namespace ringhold::central {

namespace {

std::string_view text_of(const std::optional<DnsSign>& dns) {
  if (!dns) return "DNS upstream not asked yet";
  switch (*dns) {
    case DnsSign::answered: return "DNS upstream answers";
    case DnsSign::silent: return "DNS upstream silent";
    case DnsSign::refused: return "DNS upstream refused";
  }
  std::unreachable();
}

}  // namespace

bool Central::dns_is_bad() const { return dns_ && *dns_ != DnsSign::answered; }

Site Central::site(Instant now) const {
  const auto any = [&](Health health) {
    return std::any_of(servers_.begin(), servers_.end(), [&](const Watched& w) { return w.health.state() == health; });
  };
  Site site;
  site.alive = servers_.empty() ? dns_ == DnsSign::answered : any(Health::up);
  site.lost = lost(now);
  site.doubt = any(Health::suspect) || dns_is_bad();
  site.empty = nobody_left(now);
  return site;
}

bool Central::lost(Instant now) const {
  if (servers_.empty()) {
    const auto at = dns_loss_confirmed_at();
    return at && now >= *at;
  }
  const auto all = [&](auto&& holds) { return std::all_of(servers_.begin(), servers_.end(), holds); };
  if (all([](const Watched& w) { return w.health.state() == Health::down; })) return true;
  // The link itself is down when nothing at all can be sent: two refusals of each say as much as three silences.
  return dns_ == DnsSign::refused && all([](const Watched& w) { return w.health.state() == Health::down || w.health.refusals() >= 2; });
}

/// Cold start in the dark with an empty store: DNS is all there is to judge by (INT-03).
std::optional<Instant> Central::dns_loss_confirmed_at() const {
  if (!servers_.empty() || !dns_is_bad()) return std::nullopt;
  return dns_since_ + settings_.probe_timeout * (*dns_ == DnsSign::refused ? 1 : settings_.down_after);
}

bool Central::nobody_left(Instant now) const {
  if (registrations_ == 0) return true;
  const auto deadline = home_deadline();
  return deadline && now >= *deadline;
}

/// By then every phone here was sent home and came back, or does not refresh; who is held for a call puts it off.
std::optional<Instant> Central::home_deadline() const {
  const auto order_normal_at = keeper_.order_normal_at();
  if (keeper_.mode() != Mode::recovering || !order_normal_at) return std::nullopt;
  Instant deadline = *order_normal_at + 2 * settings_.survivable_expires;
  if (const auto active = pace_.last_activity()) deadline = std::max(deadline, *active + settings_.survivable_expires);
  return deadline;
}

bool Central::dns_order_normal() const {
  switch (keeper_.mode()) {
    case Mode::normal:
    case Mode::suspect: return true;
    case Mode::survivable: return false;
    case Mode::recovering: return keeper_.order_normal_at().has_value();
  }
  std::unreachable();
}

void Central::look(Instant now, Outbox& outbox) {
  looked_at_ = now;
  look_again_.reset();
  if (!started_) return;
  if (pinned()) return update_pace(now, outbox);
  while (const auto change = keeper_.look(site(now), now)) {
    change->actions.for_each([&](ModeAction action) {
      switch (action) {
        case ModeAction::restart_dwell: pace_.close(); break;
        case ModeAction::tell: tell_mode(change->from, change->to, evidence(), outbox); break;
        case ModeAction::keep: keep(last_key, name(change->to), outbox); break;
      }
    });
  }
  update_pace(now, outbox);
}

void Central::update_pace(Instant now, Outbox& outbox) {
  switch (keeper_.mode()) {
    case Mode::survivable: return pace_.close();
    case Mode::suspect: return;  // nobody is sent, nobody forgotten
    case Mode::normal:
      if (!pace_.is_open()) pace_.open(now);
      return;
    case Mode::recovering: break;
  }
  const auto order_normal_at = keeper_.order_normal_at();
  if (!order_normal_at) return pace_.close();
  if (pace_.is_open()) return;
  // Whoever was told that we come first must have forgotten it, else the 503 leads him back to us.
  constexpr Duration longest_survivable_ttl = 30s;  // D7
  const Instant latest = *order_normal_at + longest_survivable_ttl;
  pace_.open(std::clamp(survivable_ttl_until_.value_or(*order_normal_at), *order_normal_at, latest));
  outbox.note({"dns_order_restored", {{"registrations", registrations_}}, Severity::info});
}

void Central::tell_mode(Mode from, Mode to, std::string_view why, Outbox& outbox) const {
  outbox.note({"mode_changed",
               {{"from", name(from)}, {"to", name(to)}, {"cause", name(cause())}, {"evidence", why}},
               to == Mode::survivable ? Severity::warning : Severity::info});
}

void Central::keep(std::string_view key, std::string_view value, Outbox& outbox) const {
  Change change;
  change.table = Table::setting;
  change.key = Text{key};
  change.columns.add(key);
  change.columns.add(value);
  outbox.change(std::move(change));
}

Cause Central::cause() const {
  const auto ailing = std::count_if(servers_.begin(), servers_.end(), [](const Watched& w) {
    return w.health.state() == Health::suspect || w.health.state() == Health::down;
  });
  const bool all_ail = !servers_.empty() && std::cmp_equal(ailing, servers_.size());
  if (all_ail) return dns_is_bad() ? Cause::link : Cause::sip;
  if (dns_is_bad()) return Cause::dns;
  return ailing > 0 ? Cause::partial : Cause::none;
}

std::string Central::evidence() const {
  std::string text;
  for (const Watched& watched : servers_) {
    text.append(watched.server.target.text()).append(" ").append(name(watched.health.state()));
    if (watched.health.losses() > 0) {
      text.append(" (").append(Decimal{watched.health.losses()}.text()).append(" lost in a row, last: ");
      text.append(name(*watched.health.last_sign())).append(")");
    }
    text.append("; ");
  }
  if (servers_.empty()) text.append("no central server known; ");
  return text.append(text_of(dns_));
}

}  // namespace ringhold::central
