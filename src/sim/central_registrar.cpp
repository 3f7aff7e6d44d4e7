#include "sim/central_registrar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace ringhold::sim {

namespace {
constexpr std::size_t most_answers = 4'000;  // those of the last minute, at the pace of all agents together
constexpr Duration nonce_age = 2min;
}  // namespace

CentralBooks::Entry* CentralBooks::find(const std::string& user, Instant now) {
  const auto found = entries_.find(user);
  return found != entries_.end() && now < found->second.expires_at ? &found->second : nullptr;
}

std::set<std::string> CentralBooks::users(Instant now) const {
  std::set<std::string> users;
  for (const auto& [user, entry] : entries_)
    if (now < entry.expires_at) users.insert(user);
  return users;
}

CentralRegistrar::CentralRegistrar(World& world, std::shared_ptr<CentralBooks> books, unsigned number, const Habits& habits)
    : world_{world},
      books_{std::move(books)},
      pool_{world, bench::central_sip(number)},
      own_{bench::central_sip(number), bench::sip_port},
      habits_{habits} {
  world_.attach(own_.address, *this);
}

void CentralRegistrar::set(Life life, Mood mood) {
  mood_ = mood;
  set_life(life);
}

void CentralRegistrar::set_life(Life life) {
  if (std::exchange(life_, life) == life) return;
  world_.set_deserted(own_.address, life == Life::deserted);
  if (life == Life::up)
    world_.attach(own_.address, *this);
  else
    world_.detach(own_.address);
  if (life == Life::powerless) pool_.clear(Streams::End::silent);
  if (life == Life::deserted) pool_.clear(Streams::End::told);
}

void CentralRegistrar::receive(const Datagram& datagram) {
  auto message = parse_sip(datagram.bytes);
  if (!message || !message->is_request() || message->method == "ACK") return;
  if (message->method == "OPTIONS" && mood_ == Mood::deaf) return;
  std::string via{message->get("Via")};
  const std::string branch = parameter(via, "branch").value_or("");
  if (const auto bare = via.find(";rport"); bare != std::string::npos && parameter(via, "rport") == "") via.erase(bare, 6);
  via += fmt::format(";received={};rport={}", datagram.from.address.text(), to_number(datagram.from.port));
  message->set("Via", via);
  const auto [known, is_new] = answered_.try_emplace(branch);
  if (is_new) {
    known->second = answer(*message);
    answered_in_order_.push_back(branch);
    if (answered_in_order_.size() > most_answers) {
      answered_.erase(answered_in_order_.front());
      answered_in_order_.pop_front();
    }
  }
  if (datagram.connection != 0)
    pool_.send_on(datagram.connection, known->second.text());
  else
    world_.send({own_, datagram.from, known->second.text()});
}

SipMessage CentralRegistrar::answer(const SipMessage& request) {
  if (request.method == "OPTIONS") return make_response(request, 200, "OK", "central");
  if (request.method != "REGISTER") return make_response(request, 405, "Method Not Allowed", "central");
  switch (mood_) {
    case Mood::well:
    case Mood::deaf: break;
    case Mood::failing: return make_response(request, 500, "Server Internal Error", "central");
    case Mood::forbidding: return make_response(request, 403, "Forbidden", "central");
    case Mood::confused: return make_response(request, 400, "Bad Request", "central");
    case Mood::busy: {
      SipMessage busy = make_response(request, 503, "Service Unavailable", "central");
      busy.add("Retry-After", std::to_string(habits_.retry_after));
      return busy;
    }
  }
  SipMessage challenge;
  return is_challenged(request, challenge) ? challenge : answer_register(request);
}

std::string CentralRegistrar::nonce() const {
  return fmt::format("{}.{}", own_.address.text(), world_.clock.now().time_since_epoch() / nonce_age);
}

bool CentralRegistrar::is_challenged(const SipMessage& request, SipMessage& answer) const {
  if (!habits_.challenges) return false;
  const std::string_view credentials = request.get("Authorization");
  if (credentials.find(fmt::format("nonce=\"{}\"", nonce())) != std::string_view::npos) return false;
  answer = make_response(request, 401, "Unauthorized", "central");
  answer.add("WWW-Authenticate", fmt::format(R"(Digest realm="{}", nonce="{}", algorithm=MD5, qop="auth"{})", bench::domain, nonce(),
                                             credentials.empty() ? "" : ", stale=true"));
  return true;
}

SipMessage CentralRegistrar::answer_register(const SipMessage& request) {
  const Instant now = world_.clock.now();
  const std::string user = user_of(uri_of(request.get("To")));
  const std::string contact{request.get("Contact")};
  const std::string uri = uri_of(contact);
  const std::string call_id{request.get("Call-ID")};
  const std::uint32_t asked =
      parse_number(parameter(contact, "expires").value_or(std::string{request.get("Expires")})).value_or(habits_.longest);
  if (asked != 0 && asked < habits_.shortest) {
    SipMessage brief = make_response(request, 423, "Interval Too Brief", "central");
    brief.add("Min-Expires", std::to_string(habits_.shortest));
    return brief;
  }
  // §10.3 step 7: nothing is done out of order.
  if (const auto* entry = books_->find(user, now); entry != nullptr && entry->call_id == call_id && request.cseq_number() <= entry->cseq)
    return make_response(request, 500, "CSeq Out Of Order", "central");
  SipMessage ok = make_response(request, 200, "OK", "central");
  if (asked == 0) {
    if (const auto* entry = books_->find(user, now); entry != nullptr && entry->contact == uri) books_->remove(user);
    return ok;
  }
  const std::uint32_t seconds = std::min(asked, habits_.longest);
  books_->put(user, {uri, call_id, request.cseq_number(), now + std::chrono::seconds{seconds}});
  ok.add("Contact", fmt::format("<{}>;expires={}", uri, seconds));
  return ok;
}

}  // namespace ringhold::sim
