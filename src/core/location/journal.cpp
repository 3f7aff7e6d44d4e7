#include "location/journal.hpp"

#include "sip/uri.hpp"

namespace ringhold::location {

namespace {

constexpr std::string_view flow_mark = ";flow";

}  // namespace

Text binding_id(const Binding& binding) {
  Text id;
  id.reserve(binding.aor().size() + binding.contact().size() + 12);
  id.append(binding.aor()).append(" ").append(binding.contact());
  if (binding.reg_id != 0) id.append(" ").append(Decimal{binding.reg_id});
  return id;
}

Change put(const Binding& binding) {
  Change change{Table::binding, binding_id(binding), {}};
  auto& columns = change.columns;
  constexpr std::size_t usual_row_bytes = 512;
  columns.reserve(usual_row_bytes);
  const auto add = [&](std::string_view text) { columns.add(text); };
  add(change.key);
  add(binding.aor());
  add(binding.contact());
  add(binding.reach == Reach::flow ? Text{flow_mark}.append(binding.parameters()) : Text{binding.parameters()});
  add(binding.call_id());
  columns.add(static_cast<std::int64_t>(binding.cseq));
  columns.add(static_cast<std::int64_t>(binding.q));
  columns.add(to_unix_ms(binding.expires_at));
  columns.add(to_unix_ms(binding.registered_at));
  add(binding.path());
  add(name(binding.transport()));
  add(binding.local().text());
  add(binding.source.text());
  add(binding.user_agent());
  return change;
}

Change erase(const Binding& binding) { return Change{Table::binding, binding_id(binding), {}}; }

std::string_view aor_of_row(const Row& row) {
  const Text* aor = row.columns.size() > 1 ? std::get_if<Text>(&row.columns[1]) : nullptr;
  return aor != nullptr ? std::string_view{*aor} : std::string_view{};
}

std::optional<Registration> from_row(const Row& row) {
  if (row.table != Table::binding || row.columns.size() != binding_columns) return std::nullopt;
  const auto text = [&](std::size_t i) { return std::get_if<Text>(&row.columns[i]); };
  const auto number = [&](std::size_t i) { return std::get_if<std::int64_t>(&row.columns[i]); };
  for (const std::size_t i : {1U, 2U, 3U, 4U, 9U, 10U, 11U, 12U, 13U})
    if (text(i) == nullptr) return std::nullopt;
  for (const std::size_t i : {5U, 6U, 7U, 8U})
    if (number(i) == nullptr || *number(i) < 0) return std::nullopt;
  const auto transport = parse_transport(*text(10));
  const auto local = Endpoint::parse(*text(11), Port{5060});
  const auto source = Endpoint::parse(*text(12), Port{5060});
  if (!transport || !local || !source || *number(5) > UINT32_MAX || *number(6) > 1000) return std::nullopt;
  // A version before this one kept a text of its own there.
  std::string_view parameters = text(3)->starts_with(';') ? std::string_view{*text(3)} : std::string_view{};
  const bool by_flow = parameters.starts_with(flow_mark) && (parameters.size() == 5 || parameters[5] == ';');
  if (by_flow) parameters.remove_prefix(flow_mark.size());
  const auto reg_id = sip::Parameters{parameters}.find("reg-id");
  Registration registration{.aor = *text(1),
                            .contact = *text(2),
                            .parameters = parameters,
                            .call_id = *text(4),
                            .path = *text(9),
                            .user_agent = *text(13),
                            .cseq = static_cast<std::uint32_t>(*number(5)),
                            .reg_id = parse_number<std::uint32_t>(reg_id.value_or("0"), max_reg_id).value_or(0),
                            .q = static_cast<std::uint16_t>(*number(6)),
                            .expires_at = from_unix_ms(*number(7)),
                            .registered_at = from_unix_ms(*number(8)),
                            .reach = by_flow ? Reach::flow : Reach::contact,
                            .transport = *transport,
                            .flow = {},
                            .local = *local,
                            .source = *source};
  if (registration.text_size() > binding_text_max) return std::nullopt;
  return registration;
}

}  // namespace ringhold::location
