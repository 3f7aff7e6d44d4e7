#include "location/journal.hpp"

namespace ringhold::location {

Text binding_id(const Binding& binding) { return binding.aor + " " + binding.contact; }

Change put(const Binding& binding) {
  return Change{
      Table::binding,
      binding_id(binding),
      {binding_id(binding), binding.aor, binding.contact, binding.device, binding.call_id, static_cast<std::int64_t>(binding.cseq),
       static_cast<std::int64_t>(binding.q), to_unix_ms(binding.expires_at), to_unix_ms(binding.registered_at), binding.path,
       Text{name(binding.transport)}, binding.local.text(), binding.source.text(), binding.user_agent}};
}

Change erase(const Binding& binding) { return Change{Table::binding, binding_id(binding), {}}; }

std::optional<Binding> from_row(const Row& row) {
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
  Binding binding;
  binding.aor = *text(1);
  binding.contact = *text(2);
  binding.device = *text(3);
  binding.call_id = *text(4);
  binding.cseq = static_cast<std::uint32_t>(*number(5));
  binding.q = static_cast<std::uint16_t>(*number(6));
  binding.expires_at = from_unix_ms(*number(7));
  binding.registered_at = from_unix_ms(*number(8));
  binding.path = *text(9);
  binding.transport = *transport;
  binding.local = *local;
  binding.source = *source;
  binding.user_agent = *text(13);
  return binding;
}

}  // namespace ringhold::location
