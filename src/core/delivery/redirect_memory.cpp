#include "delivery/redirect_memory.hpp"

#include <algorithm>

#include "base/row_reader.hpp"

namespace ringhold::delivery {

namespace {

constexpr std::size_t longest_device = 1024;
constexpr std::size_t longest_contacts = 16'384;

/// "URI Q UNTIL" in lines; a URI has no space.
Text lines_of(const std::vector<Redirect::Contact>& contacts) {
  Text lines;
  for (const Redirect::Contact& contact : contacts)
    lines.append(contact.uri)
        .append(" ")
        .append(Decimal{contact.q})
        .append(" ")
        .append(std::to_string(contact.until ? to_unix_ms(*contact.until) : 0))
        .append("\n");
  return lines;
}

std::optional<Redirect::Contact> contact_of(std::string_view line) {
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos || first == 0) return std::nullopt;
  const auto q = parse_number<std::uint16_t>(line.substr(first + 1, second - first - 1), 1000);
  const auto until = parse_number<std::int64_t>(line.substr(second + 1), std::int64_t{1} << 43U);
  if (!q || !until) return std::nullopt;
  Redirect::Contact contact{Text{line.substr(0, first)}, *q, {}};
  if (*until != 0) contact.until = from_unix_ms(*until);
  return contact;
}

Change put(const Redirect& redirect) {
  return {Table::redirect,
          redirect.device,
          {redirect.device, redirect.aor, lines_of(redirect.contacts), std::int64_t{redirect.status}, redirect.user_agent,
           to_unix_ms(redirect.since), std::int64_t{redirect.failures}, std::int64_t{redirect.asks_again}}};
}

std::optional<Redirect> from_row(const Row& row) {
  RowReader reader{row};
  Redirect redirect;
  redirect.device = reader.text(longest_device);
  redirect.aor = reader.text();
  const Text lines = reader.text(longest_contacts);
  redirect.status = static_cast<int>(reader.number());
  redirect.user_agent = reader.text();
  redirect.since = reader.instant();
  redirect.failures = static_cast<unsigned>(reader.number());
  redirect.asks_again = reader.number() != 0;
  for (std::string_view rest = lines; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    auto contact = contact_of(line);
    if (!contact) return std::nullopt;
    redirect.contacts.push_back(*std::move(contact));
  }
  if (!reader.valid || redirect.device.empty() || (redirect.status != 301 && redirect.status != 302)) return std::nullopt;
  return redirect;
}

}  // namespace

bool Redirect::is_over(Instant now) const {
  if (contacts.empty()) return status != 301;
  return std::ranges::all_of(contacts, [&](const Contact& contact) { return contact.until && *contact.until <= now; });
}

const Redirect* RedirectMemory::find(std::string_view device, Instant now) const {
  if (redirects_.empty()) return nullptr;
  const auto found = redirects_.find(device);
  return found != redirects_.end() && !found->second.is_over(now) ? &found->second : nullptr;
}

void RedirectMemory::remember(Redirect redirect, Instant now, Outbox& outbox) {
  if (redirect.device.empty() || redirect.device.size() > longest_device) return;
  if (redirect.contacts.size() > most_contacts) redirect.contacts.resize(most_contacts);
  if (redirects_.size() >= most_ && !redirects_.contains(redirect.device)) {
    erase_if(redirects_, [&](const auto& entry) {
      if (!entry.second.is_over(now)) return false;
      outbox.change({Table::redirect, entry.first, {}});
      return true;
    });
    if (redirects_.size() >= most_) {
      outbox.note({"redirect_not_kept", {{"device", redirect.device}, {"why", "too many are remembered"}}, Severity::warning});
      return;
    }
  }
  outbox.note({"redirect_remembered",
               {{"aor", redirect.aor}, {"device", redirect.device}, {"status", redirect.status}, {"contacts", redirect.contacts.size()}}});
  outbox.change(put(redirect));
  Text key = redirect.device;
  redirects_.insert_or_assign(std::move(key), std::move(redirect));
}

bool RedirectMemory::forget(std::string_view device, std::string_view why, Outbox& outbox) {
  const auto found = redirects_.find(device);
  if (found == redirects_.end()) return false;
  outbox.note({"redirect_forgotten", {{"aor", found->second.aor}, {"device", device}, {"why", why}}});
  outbox.change({Table::redirect, Text{device}, {}});
  redirects_.erase(found);
  return true;
}

void RedirectMemory::failed(std::string_view device, std::string_view uri, bool is_gone, Outbox& outbox) {
  const auto found = redirects_.find(device);
  if (found == redirects_.end()) return;
  Redirect& redirect = found->second;
  const bool is_its_own = is_gone && std::erase_if(redirect.contacts, [&](const auto& contact) { return contact.uri == uri; }) > 0;
  if (is_its_own && redirect.contacts.empty()) return void(forget(device, "nobody is there", outbox));
  if (!is_its_own && ++redirect.failures >= most_failures) return void(forget(device, "it failed three times", outbox));
  outbox.change(put(redirect));
}

void RedirectMemory::succeeded(std::string_view device, Outbox& outbox) {
  const auto found = redirects_.find(device);
  if (found == redirects_.end() || found->second.failures == 0) return;
  found->second.failures = 0;
  outbox.change(put(found->second));
}

void RedirectMemory::ask_again(std::string_view device, Outbox& outbox) {
  const auto found = redirects_.find(device);
  if (found == redirects_.end() || found->second.asks_again) return;
  found->second.asks_again = true;
  outbox.change(put(found->second));
}

void RedirectMemory::was_asked(std::string_view device, std::string_view user_agent, Outbox& outbox) {
  const auto found = redirects_.find(device);
  if (found == redirects_.end() || (!found->second.asks_again && found->second.user_agent == user_agent)) return;
  found->second.asks_again = false;
  found->second.user_agent = user_agent;
  outbox.change(put(found->second));
}

void RedirectMemory::restore(const Row& row, Instant now, Outbox& outbox) {
  auto redirect = from_row(row);
  if (!redirect || redirect->is_over(now) || redirects_.size() >= most_) {
    if (const Text* const key = row.columns.empty() ? nullptr : std::get_if<Text>(&row.columns[0]))
      outbox.change({Table::redirect, *key, {}});
    return;
  }
  Text key = redirect->device;
  redirects_.insert_or_assign(std::move(key), *std::move(redirect));
}

}  // namespace ringhold::delivery
