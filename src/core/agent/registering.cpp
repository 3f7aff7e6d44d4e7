// REGISTER, and what its answers mean (RFC 3261 §10.2, §22; SWI-01 to SWI-12, SWI-20, SWI-21).
#include <algorithm>

#include "agent/register_request.hpp"
#include "agent/state.hpp"
#include "auth/answering.hpp"
#include "sip/builder.hpp"

namespace ringhold::agent {

using switching::Event;
using transaction::Owner;

namespace {

constexpr std::size_t most_refusals = 32;  ///< servers that are remembered
constexpr unsigned most_challenges = 3;    ///< stale nonces among them
constexpr std::uint32_t longest_expires = 24 * 3600;
constexpr Duration longest_avoidance = 1h;

bool is_challenge(int status) { return status == 401 || status == 407; }

/// Whether the server said nothing itself.
bool is_silence(Why why) { return why != Why::status && why != Why::credentials; }

/// What the registrar grants our Contact: its own parameter, else the header, else what was asked (RFC 3261 §10.2.4).
Duration granted(const sip::Message& response, std::string_view contact, Duration asked) {
  std::optional<std::uint32_t> seconds;
  response.for_each_value(sip::Header::contact, [&](std::string_view value, const sip::HeaderLine&) {
    const auto one = sip::Contact::parse(value);
    if (!one || one->star || !sip::is_same_place(one->address.uri_text, contact)) return true;
    seconds = one->expires;
    return false;
  });
  if (!seconds) seconds = response.expires();
  if (!seconds) return asked;
  return std::clamp<Duration>(std::chrono::seconds{*seconds}, 1s, std::chrono::seconds{longest_expires});
}

std::optional<std::uint32_t> first_number(std::string_view value) {
  return parse_number(trimmed(value.substr(0, value.find_first_of(" ;("))));
}

/// Where a 3xx leads that we could go: numeric addresses over a transport that we have.
std::vector<Target> contacts_of(const sip::Message& response) {
  std::vector<sip::Contact> contacts;
  response.for_each_value(sip::Header::contact, [&](std::string_view value, const sip::HeaderLine&) {
    const auto contact = sip::Contact::parse(value);
    if (contact && !contact->star && contact->address.uri.is_sip()) contacts.push_back(*contact);
    return contacts.size() < most_redirects;
  });
  std::ranges::stable_sort(contacts, std::ranges::greater{}, &sip::Contact::q);
  std::vector<Target> targets;
  for (const sip::Contact& contact : contacts) {
    const auto wanted = resolver::wanted(contact.address.uri);
    const auto address = wanted ? Address::parse(wanted->host) : std::nullopt;
    if (!address) continue;
    const Transport by = wanted->usual_transport();
    targets.push_back({by, {*address, wanted->usual_port(by)}});
  }
  return targets;
}

}  // namespace

std::string_view name(Why why) {
  switch (why) {
    case Why::none: return "none";
    case Why::unresolved: return "unresolved";
    case Why::unsendable: return "unsendable";
    case Why::timeout: return "timeout";
    case Why::status: return "status";
    case Why::credentials: return "credentials";
  }
  std::unreachable();
}

Destination Agent::State::way_to(const Target& server) const {
  Destination way;
  way.transport = server.transport;
  way.remote = server.endpoint;
  const auto uplink = std::ranges::find_if(settings.uplinks, [&](const Target& one) {
    return one.transport == server.transport && one.endpoint.address.is_v4() == server.endpoint.address.is_v4();
  });
  if (uplink != settings.uplinks.end()) way.local = uplink->endpoint;
  return way;
}

void Agent::State::take_cseq(Account& account, Outbox& outbox) const {
  ++account.cseq;
  account.numbered.clear();
  if (account.cseq < account.cseq_limit) return;
  account.cseq_limit = account.cseq + limits::cseq_reserve;
  outbox.change({Table::agent_account,
                 account.settings.aor,
                 {account.settings.aor, account.call_id, std::int64_t{account.cseq_limit}, account.instance}});
}

void Agent::State::send(AccountIndex index, Purpose purpose, Instant now, Outbox& outbox) {
  Account& account = at(index);
  std::optional<Registration>& slot = purpose == Purpose::let_go ? account.letting_go : account.under_way;
  const Target* const current = account.list.current();
  if (slot) layer.abandon(slot->transaction);
  slot.reset();
  Target server;
  if (purpose == Purpose::let_go)
    server = *std::exchange(account.left, std::nullopt);
  else if (purpose == Purpose::register_above && account.above)
    server = *account.above;
  else if (current != nullptr)
    server = *current;
  // A removal that is still under way there would come too late.
  if (purpose != Purpose::let_go && account.letting_go && account.letting_go->server == server) {
    layer.abandon(account.letting_go->transaction);
    account.letting_go.reset();
  }
  slot = Registration{.transaction = {}, .purpose = purpose, .server = server, .sent_at = now};
  // DIS-20: who answered nothing, or 503, is not told another number by the next (RFC 3263 §4.3). But to one server the same number
  // would be out of order (RFC 3261 §10.3 step 7).
  const bool is_same = std::exchange(account.same_request, false) && purpose == Purpose::register_here &&
                       std::ranges::find(account.numbered, server) == account.numbered.end();
  if (!is_same) take_cseq(account, outbox);
  account.numbered.push_back(server);
  if (transmit(index, *slot, {}, now, outbox)) return;
  if (purpose == Purpose::let_go)
    slot.reset();
  else
    unsendable.push_back(index);
}

bool Agent::State::transmit(AccountIndex index, Registration& registration, std::string_view credentials, Instant now, Outbox& outbox) {
  Account& account = at(index);
  const Destination way = way_to(registration.server);
  const bool has_uplink = std::ranges::any_of(settings.uplinks, [&](const Target& one) { return one.transport == way.transport; });
  if (!has_uplink || registration.server.endpoint.address.is_unspecified()) return false;
  const bool removes = registration.purpose == Purpose::remove_here || registration.purpose == Purpose::let_go;
  const Text branch = "z9hG4bKa" + hex_digits(random.next());
  const auto begin = outbox.bytes().size();
  append_register(outbox.bytes(), {.account = account,
                                   .server = registration.server,
                                   .own = sip::own_endpoint(settings.uplinks, way),
                                   .branch = branch,
                                   .expires = removes ? 0 : seconds_ceil(account.expires),
                                   .credentials = credentials});
  const Owner owner{Owner::Kind::registration, static_cast<std::uint32_t>(index), 0, registration.purpose == Purpose::let_go ? 1U : 0U};
  registration.transaction = layer.start_client(sip::Method::register_, branch, begin, way, owner, now, outbox);
  if (!registration.transaction) outbox.bytes().resize(begin);
  if (is_reliable(way.transport)) {
    Server& server = servers[registration.server];
    if (!server.connecting_since) server.connecting_since = now;
  }
  return static_cast<bool>(registration.transaction);
}

std::optional<Text> Agent::State::credentials_for(const Registration& registration, const Account& account, const sip::Message& challenge) {
  // SWI-10: refused again with a fresh nonce, the password is wrong.
  if (registration.challenges >= most_challenges || (registration.challenges > 0 && !auth::is_stale(challenge))) return std::nullopt;
  const Text uri = registrar_uri(account);
  const Text cnonce = hex_digits(random.next());
  return auth::answers_to(challenge, {account.settings.username, account.settings.password}, {"REGISTER", uri, cnonce}, hasher);
}

Event Agent::State::failed(Account& account, Why why, int status, Instant now, Outbox& outbox) {
  const Registration registration = *std::exchange(account.under_way, std::nullopt);
  account.last = {registration.server, why, status, now, now - registration.sent_at};
  if (account.bound_at == registration.server) account.bound_at.reset();
  account.same_request = registration.purpose == Purpose::register_here && (is_silence(why) || status == 503);
  if (const auto known = servers.find(registration.server); known != servers.end() && is_silence(why)) {
    known->second.watch.doubt();
    known->second.told = false;
  }
  if (registration.purpose != Purpose::register_above) account.list.fail();
  std::erase(account.refused_by, registration.server);
  if (is_silence(why)) doubt_order(now);
  // Also a 408: somebody there said it, and will say it again.
  if (status != 0) account.refused_by.push_back(registration.server);
  if (account.refused_by.size() > most_refusals) account.refused_by.erase(account.refused_by.begin());
  Event event = account.list.after_failure(account.avoidance, now);
  if (is_outdated(account, now))
    event = Event::failed_outdated;
  else if (event != Event::failed_to_next && !account.list.has_untried_overtaker(account.avoidance, now))
    account.same_request = false;
  outbox.note({"agent_registration_failed",
               {{"aor", account.settings.aor},
                {"server", registration.server.text()},
                {"why", name(why)},
                {"status", status},
                {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(account.last.took).count()}},
               Severity::warning});
  return event;
}

Event Agent::State::taken(Account& account, const sip::Message& response, Instant now, Outbox& outbox) {
  const Registration done = *std::exchange(account.under_way, std::nullopt);
  account.last = {done.server, Why::none, response.status(), now, now - done.sent_at};
  if (done.purpose == Purpose::remove_here) {
    account.bound_at.reset();
    return Event::accepted;
  }
  if (account.bound_at && *account.bound_at != done.server && account.bound_until > now) account.left = account.bound_at;
  if (!account.bound_at || *account.bound_at != done.server) {
    account.registered_since = now;
    outbox.note({"agent_registered",
                 {{"aor", account.settings.aor},
                  {"server", done.server.text()},
                  {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(account.last.took).count()}}});
  }
  account.bound_at = done.server;
  servers.try_emplace(done.server);  // a redirect may have led there: what it asks is served
  const Text contact = contact_uri(account, done.server, sip::own_endpoint(settings.uplinks, way_to(done.server)));
  account.bound_until = now + granted(response, contact, account.expires);
  return Event::accepted;
}

Event Agent::State::classify(AccountIndex index, const sip::Message& response, Instant now, Outbox& outbox) {
  Account& account = at(index);
  Registration& registration = *account.under_way;
  const int status = response.status();
  const bool removes = registration.purpose == Purpose::remove_here;
  const auto again = [&](std::string_view credentials) {
    take_cseq(account, outbox);
    account.numbered.push_back(registration.server);
    return transmit(index, registration, credentials, now, outbox);
  };
  if (status < 300) return taken(account, response, now, outbox);
  if (status == 408) return failed(account, Why::timeout, status, now, outbox);  // SWI-04
  if (is_challenge(status)) {
    if (const auto credentials = credentials_for(registration, account, response)) {
      ++registration.challenges;
      if (again(*credentials)) return Event::challenged;
      return failed(account, Why::unsendable, 0, now, outbox);
    }
    outbox.note({"agent_credentials_refused",
                 {{"aor", account.settings.aor}, {"server", registration.server.text()}, {"username", account.settings.username}},
                 Severity::error});
  } else if (!removes && status == 423) {
    const auto least = first_number(response.value(sip::Header::min_expires));
    if (least && *least <= longest_expires && std::chrono::seconds{*least} > account.expires) {
      account.expires = std::chrono::seconds{*least};
      return again({}) ? Event::too_brief : failed(account, Why::unsendable, 0, now, outbox);
    }
    return failed(account, Why::status, status, now, outbox);
  } else if (!removes && (status == 420 || status == 439) && !account.is_plain) {
    account.is_plain = true;
    return again({}) ? Event::unsupported : failed(account, Why::unsendable, 0, now, outbox);
  } else if (status / 100 == 3 && registration.purpose == Purpose::register_here && account.followed.size() < most_redirects) {
    for (const Target& target : contacts_of(response)) {
      if (target == registration.server || std::ranges::find(account.followed, target) != account.followed.end()) continue;
      account.followed.push_back(target);
      registration.server = target;
      return again({}) ? Event::moved : failed(account, Why::unsendable, 0, now, outbox);
    }
  }
  if (status == 503)
    if (const auto seconds = first_number(response.value(sip::Header::retry_after)); seconds && *seconds > 0)
      account.avoidance.avoid(registration.server, now + std::min<Duration>(std::chrono::seconds{*seconds}, longest_avoidance));
  const bool is_other_4xx = status / 100 == 4;
  if (is_other_4xx && registration.purpose == Purpose::register_here && !std::exchange(account.refused_in_stay, true)) {
    // SWI-08: as a restart of the registrar's books on us; after 400 also of the numbers.
    account.last = {registration.server, Why::status, status, now, now - registration.sent_at};
    if (status == 400) {
      account.call_id = hex_digits(random.next()) + hex_digits(random.next());
      account.cseq = account.cseq_limit = 0;
    }
    account.under_way.reset();
    return Event::refused;
  }
  return failed(account, is_challenge(status) ? Why::credentials : Why::status, status, now, outbox);
}

void Agent::State::has_let_go(AccountIndex index, Instant now, Outbox& outbox) {
  // Servers that share one location table have removed the binding of the better one with it (decision 0017).
  if (at(index).bound_at && at(index).state == switching::State::registered) happened(index, Event::doubted, now, outbox);
}

void Agent::State::on_response(const sip::Message& response, const Owner& owner, Instant now, Outbox& outbox) {
  if (response.status() < 200) return;
  const auto index = static_cast<AccountIndex>(owner.index);
  Account& account = at(index);
  if (owner.leg == 1) {
    if (!account.letting_go) return;
    if (is_challenge(response.status()))
      if (const auto credentials = credentials_for(*account.letting_go, account, response)) {
        ++account.letting_go->challenges;
        take_cseq(account, outbox);
        if (transmit(index, *account.letting_go, *credentials, now, outbox)) return;
      }
    account.letting_go.reset();
    if (response.status() < 300) has_let_go(index, now, outbox);
    return;
  }
  if (account.under_way) happened(index, classify(index, response, now, outbox), now, outbox);
}

void Agent::State::on_failure(const transaction::Failure& failure, Instant now, Outbox& outbox) {
  const auto index = static_cast<AccountIndex>(failure.owner.index);
  Account& account = at(index);
  const auto why = failure.cause == transaction::Failure::Cause::timeout ? Why::timeout : Why::unsendable;
  if (failure.owner.leg == 1) {
    account.letting_go.reset();
    // It may have been heard.
    if (why == Why::timeout) has_let_go(index, now, outbox);
    return;
  }
  if (!account.under_way) return;
  // A server that was restarted does not know the connection that still stood here: that says nothing of the server (SWI-16).
  if (why == Why::unsendable && has_connection_closed && !std::exchange(account.under_way->is_on_new_connection, true)) {
    take_cseq(account, outbox);
    if (transmit(index, *account.under_way, {}, now, outbox)) return;
  }
  happened(index, failed(account, why, 0, now, outbox), now, outbox);
}

}  // namespace ringhold::agent
