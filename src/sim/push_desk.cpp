#include "sim/push_desk.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

#include "base/text.hpp"

namespace ringhold::sim {

namespace {

constexpr std::string_view mark = "push ";
constexpr Duration attempt_time = 10s;  // 5-i
constexpr Duration timer_f = 32s;
constexpr std::array<int, 8> refusals{404, 415, 480, 486, 500, 503, 603, 410};

}  // namespace

std::optional<unsigned> push_number(std::string_view body) {
  if (!body.starts_with(mark)) return std::nullopt;
  const std::string_view rest = body.substr(mark.size());
  return parse_number(rest.substr(0, rest.find(' ')));
}

std::string push_body(unsigned number, std::size_t size) {
  std::string body = fmt::format("{}{} ", mark, number);
  if (body.size() < size) body.append(size - body.size(), '.');
  return body;
}

void PushDesk::join(unsigned phone, const std::string& user, const std::string& contact, Nature nature) {
  members_[phone] = {user, contact, nature, {}, {}};
}

PushWish PushDesk::wish(unsigned phone) {
  const auto found = members_.find(phone);
  if (is_calm_ || found == members_.end()) return {};
  Member& member = found->second;
  if (world_.clock.now() >= member.until) change_mind(phone, member);
  return member.wish;
}

void PushDesk::change_mind(unsigned phone, Member& member) {
  member.until = world_.clock.now() + random_.between(5s, 90s);
  PushWish wish;
  if (likes_chains_ && random_.below(4) != 0) {
    member.wish = {};
    member.wish.status = 302;
    member.wish.contacts = {fmt::format("<{}>", next_phone(phone))};
    return;
  }
  switch (random_.below(12)) {
    case 0:
    case 1:
    case 2: wish.status = random_.below(3) == 0 ? 202 : 200; break;
    case 3:
    case 4:
    case 5:
    case 6: wish = redirect(phone, member); break;
    case 7:
    case 8: wish.status = refusals.at(random_.below(refusals.size())); break;
    case 9:
      wish.status = std::array{200, 302, 486, 603}.at(random_.below(4));
      wish.delay = random_.below(3) == 0 ? random_.between(timer_f, 2 * timer_f) : random_.between(1s, attempt_time + 20s);
      break;
    case 10:
      wish.status = std::array{200, 302, 480}.at(random_.below(3));
      wish.second = std::array{200, 202, 301, 404}.at(random_.below(4));
      break;
    default:
      wish.kind = member.nature == Nature::may_vanish && random_.below(2) == 0 ? PushWish::Kind::lose_power : PushWish::Kind::keep_silent;
      break;
  }
  world_.ladder.event(world_.clock.now(), fmt::format("phone{}", phone),
                      fmt::format("wishes {} {} {} after {} ms", std::to_underlying(wish.kind), wish.status, fmt::join(wish.contacts, ", "),
                                  wish.delay / 1ms));
  member.wish = std::move(wish);
}

PushWish PushDesk::redirect(unsigned phone, const Member& member) {
  PushWish wish;
  wish.status = 300 + static_cast<int>(random_.below(3));
  if (random_.below(6) == 0) return wish;  // to wherever the server thinks (PSH-05)
  const std::string seconds = std::to_string(5 + random_.below(120));
  if (random_.below(4) == 0) wish.expires = seconds;
  for (std::uint32_t count = random_.below(3) == 0 ? 1 + random_.below(4) : 1; count > 0; --count) {
    std::string contact = fmt::format("<{}>", somebody(phone, member));
    if (random_.below(3) == 0) contact += fmt::format(";q=0.{}", random_.below(10));
    if (random_.below(4) == 0) contact += ";expires=" + seconds;
    wish.contacts.push_back(std::move(contact));
  }
  return wish;
}

std::string PushDesk::somebody(unsigned phone, const Member& member) {
  const auto aor = [](const std::string& user) { return fmt::format("sip:{}@{}", user, bench::domain); };
  const auto anybody = std::next(members_.begin(), static_cast<std::ptrdiff_t>(random_.below(static_cast<std::uint32_t>(members_.size()))));
  switch (random_.below(9)) {
    case 0: return aor(member.user);
    case 1: return aor(anybody->second.user);
    case 2: return fmt::format("sip:x@203.0.113.{}", 1 + random_.below(200));
    case 3: return random_.below(2) == 0 ? "sip:x@elsewhere.test" : "sip:nobody@" + std::string{bench::domain};
    case 4: return anybody->second.contact;
    case 5: return fmt::format("sip:x@sip1.{}", bench::domain);
    default: break;
  }
  // Chains, and with the last one a circle: the next phone, of the same user if there is one.
  for (const auto& [other, one] : members_)
    if (other != phone && one.user == member.user && random_.below(2) == 0) return one.contact;
  return next_phone(phone);
}

std::string PushDesk::next_phone(unsigned phone) const {
  const auto next = members_.upper_bound(phone);
  return next == members_.end() ? members_.begin()->second.contact : next->second.contact;
}

std::size_t PushDesk::saw(unsigned phone, const SipMessage& request, bool is_direct) {
  book_.push_back({phone,
                   push_number(request.body).value_or(0),
                   parameter(request.get("Via"), "branch").value_or(""),
                   std::string{request.get("Call-ID")},
                   world_.clock.now(),
                   0,
                   {},
                   false,
                   is_direct});
  return book_.size() - 1;
}

void PushDesk::answered(std::size_t entry, int status) {
  if (status / 100 == 2) book_[entry].has_taken = true;
  if (book_[entry].status != 0) return;
  book_[entry].status = status;
  book_[entry].answered_at = world_.clock.now();
}

}  // namespace ringhold::sim
