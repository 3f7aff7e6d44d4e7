// Several minds that serve one branch: who serves what, and what they tell each other (docs/decisions/0009).
#include "branch_device/team.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "branch_device/state.hpp"
#include "branch_device/word.hpp"
#include "proxy/loop_check.hpp"

namespace ringhold::branch_device {

namespace {

WorkerNumber shared_out(std::string_view key, const Team& team) {
  // With the same key at each start: a phone's nonces are those of the worker that has its AOR.
  const std::uint64_t hash = quick_hash(key, HashKey{}) * 0x9e3779b97f4a7c15U;
  return static_cast<WorkerNumber>((hash >> 32U) * team.size >> 32U);
}

/// Rows that each worker keeps itself.
bool is_of_worker(Table table) {
  switch (table) {
    case Table::binding:
    case Table::call:
    case Table::dialog:
    case Table::redirect:
    case Table::push_message:
    case Table::push_record:
    case Table::agent_account: return true;
    case Table::learnt:
    case Table::setting:
    case Table::user:
    case Table::ring_profile:
    case Table::ring_schedule:
    case Table::terminal_type: return false;
  }
  return false;
}

template <typename Content>
std::shared_ptr<const Word> news(Content content) {
  return std::make_shared<News>(std::move(content));
}

}  // namespace

WorkerNumber owner_of(std::string_view aor, const Team& team) { return shared_out(aor, team); }

Settings share_of(Settings settings, const Team& team) {
  const auto part = [&](unsigned& whole) { whole = (whole + team.size - 1) / team.size; };
  part(settings.sip.admission.rate);
  part(settings.sip.admission.rate_per_source);
  part(settings.central.return_rate);
  return settings;
}

std::optional<WorkerNumber> worker_for(const Command& command, const Settings& settings, const Team& team) {
  if (const auto* push = std::get_if<Push>(&command)) return owner_of(aor_named(push->to, settings), team);
  const bool leaders = std::holds_alternative<SetMode>(command) || std::holds_alternative<GetUsers>(command) ||
                       std::holds_alternative<PutUsers>(command) || std::holds_alternative<RemoveUser>(command) ||
                       std::holds_alternative<PutRing>(command) || std::holds_alternative<PutType>(command);
  return leaders ? std::optional{WorkerNumber{0}} : std::nullopt;
}

std::optional<WorkerNumber> BranchDevice::State::worker_for(const sip::Message& message) const {
  if (!message.is_request()) {
    const auto& via = message.top_via();
    return via ? proxy::worker_of_branch(via->branch) : std::nullopt;
  }
  const auto way = proxy::preprocess_routes(message, identity);
  if (way.worker) return way.worker;
  if (!way.next_route.empty()) return shared_out(message.call_id(), team);
  const auto uri = sip::Uri::parse(way.request_uri());
  if (!uri) return team.number;
  if (uri->scheme != sip::Scheme::tel && !identity.is_ours(*uri)) return std::nullopt;
  if (message.method() == sip::Method::register_) {
    const auto& to = message.to();
    return to && to->uri.is_sip() && identity.is_ours(to->uri) ? owner_of(aor_of(to->uri), team) : team.number;
  }
  if (const auto marked = read_worker_mark(uri->user); marked.worker && marked.rest.empty()) return marked.worker;
  if (const auto gruu = registrar.gruu().read(*uri)) return owner_of(gruu->aor, team);
  return uri->user.empty() ? team.number : owner_of(aor_of(*uri), team);
}

bool BranchDevice::State::hand_over(const sip::Message& message, const Packet& packet, Outbox& outbox) {
  if (team.is_alone()) return false;
  auto worker = worker_for(message);
  if (!worker && message.is_request()) {
    // A host that is not ours: whoever has the transaction, the dialog or the contact; all are asked in turn.
    if (packet.handed_over >= team.size || is_at_home(message)) return false;
    const WorkerNumber first = shared_out(message.call_id(), team);
    worker = packet.handed_over == 0 ? first : static_cast<WorkerNumber>((team.number + 1U) % team.size);
    // The first of the round may be this one, which has been asked already.
    if (packet.handed_over == 0 && first == team.number) worker = static_cast<WorkerNumber>((first + 1U) % team.size);
  } else if (packet.handed_over > 0) {
    return false;
  }
  if (!worker || *worker == team.number || *worker >= team.size) return false;
  outbox.hand_over(*worker, packet);
  return true;
}

bool BranchDevice::State::is_at_home(const sip::Message& request) const {
  if (layer.knows(request) || calls.knows(request)) return true;
  const auto& uri = request.uri();
  return uri && location.find_contact(*uri, Instant::min()) != nullptr;
}

void BranchDevice::State::tell_all(const std::shared_ptr<const Word>& word, Outbox& outbox) const {
  for (WorkerNumber other = 0; other < team.size; ++other)
    if (other != team.number) outbox.tell(other, word);
}

void BranchDevice::State::note_relay(const Target& target, central::RelaySign sign, Instant now, Outbox& outbox) {
  if (team.leads()) return central.note_relay(target, sign, now, outbox);
  // That a server which is up has answered is no news.
  if (sign == central::RelaySign::answered && central.is_up(target)) return;
  outbox.tell(0, news(RelayNews{target, sign}));
}

void BranchDevice::State::tell_source(const Packet& packet, std::string_view user, std::optional<Instant> until, Outbox& outbox) const {
  if (team.is_alone()) return;
  Packet source = packet;
  source.bytes = {};
  tell_all(news(SourceNews{source, Text{user}, until}), outbox);
}

bool BranchDevice::State::in_call(std::string_view aor) const { return calls.in_call(aor) || calls_elsewhere.contains(aor); }

void BranchDevice::State::settle_team(Outbox& outbox) {
  if (team.is_alone()) return;
  for (calls::CallTable::Party& party : calls.take_parties())
    if (const WorkerNumber owner = owner_of(party.aor, team); owner != team.number)
      outbox.tell(owner, news(PartyNews{std::move(party.aor), party.calls}));
  if (team.leads()) return lead(outbox);
  if (const bool any = location.size() != 0; std::exchange(told_any, any) != any) outbox.tell(0, news(RegistrationNews{team.number, any}));
  if (const auto last = central.last_return(); last && last != told_return) {
    told_return = last;
    outbox.tell(0, news(ReturnNews{*last}));
  }
  // What all share the leader keeps.
  std::erase_if(outbox.changes(), [](const Change& change) { return !is_of_worker(change.table); });
}

void BranchDevice::State::lead(Outbox& outbox) {
  if (central.standing_number() != told_standing) {
    told_standing = central.standing_number();
    tell_all(news(StandingNews{central.standing()}), outbox);
  }
}

void BranchDevice::State::tell_rows(std::size_t first_change, Outbox& outbox) const {
  if (team.is_alone() || !team.leads()) return;
  for (const Change& change : std::span{outbox.changes()}.subspan(first_change))
    if (!is_of_worker(change.table) && change.table != Table::learnt) tell_all(news(RowNews{change}), outbox);
}

void BranchDevice::State::take_news(const News& news, Instant now, Outbox& outbox) {
  struct Visitor {
    State& state;
    Instant now;
    Outbox& outbox;
    void operator()(const StandingNews& told) const {
      const bool was_lost = state.central.mode() == central::Mode::survivable;
      state.central.follow(told.standing);
      if (!was_lost && state.central.mode() == central::Mode::survivable) state.nameserver.assume_lost();
    }
    void operator()(const RowNews& told) const { state.take_row(told.change, outbox); }
    void operator()(const RelayNews& told) const { state.central.note_relay(told.target, told.sign, now, outbox); }
    void operator()(const RegistrationNews& told) const { state.others_with_phones[told.from] = told.any; }
    void operator()(const ReturnNews& told) const { state.central.note_return(told.at); }
    void operator()(const PartyNews& told) const {
      unsigned& count = state.calls_elsewhere[told.aor];
      if (told.calls)
        ++count;
      else if (count > 0)
        --count;
      if (count == 0) state.calls_elsewhere.erase(told.aor);
    }
    void operator()(const SuspectNews& told) const { state.take_suspect(told.suspect, now, outbox); }
    void operator()(const ConcludedNews& told) const { state.note_concluded(told.concluded, now, outbox); }
    void operator()(const SourceNews& told) const {
      if (told.until)
        state.authenticator.sources().remember(told.source, told.user, *told.until, now);
      else
        state.authenticator.sources().forget(told.source, told.user);
    }
  };
  std::visit(Visitor{*this, now, outbox}, news.content());
}

void BranchDevice::State::take_row(const Change& change, Outbox& outbox) {
  const Row row{change.table, change.columns.unpacked()};
  switch (change.table) {
    case Table::user:
      if (change.columns.empty())
        authenticator.remove(change.key, outbox);
      else
        authenticator.restore(row);
      return;
    case Table::setting:
      registrar.restore(row);
      authenticator.restore(row);
      return;
    case Table::ring_profile:
    case Table::ring_schedule:
    case Table::terminal_type:
      if (change.columns.empty())
        media.forget(change.table, change.key);
      else
        media.restore(row);
      return;
    case Table::binding:
    case Table::call:
    case Table::dialog:
    case Table::redirect:
    case Table::push_message:
    case Table::push_record:
    case Table::agent_account:
    case Table::learnt: return;
  }
}

}  // namespace ringhold::branch_device
