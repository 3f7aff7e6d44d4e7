#include "base/outbox.hpp"

namespace ringhold {

void Outbox::sent(std::size_t begin, const Destination& destination) {
  sends_.push_back({destination, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(bytes_.size() - begin)});
}

void Outbox::send(const Destination& destination, std::string_view message) {
  const auto begin = bytes_.size();
  bytes_.append(message);
  sent(begin, destination);
}

void Outbox::hand_over(WorkerNumber to, const Packet& packet) {
  hand_overs_.push_back({to, packet, static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(packet.bytes.size())});
  hand_overs_.back().packet.bytes = {};
  ++hand_overs_.back().packet.handed_over;
  bytes_.append(packet.bytes);
}

void Outbox::note(const Fact& fact) {
  notes_.push_back({fact.name, fact.severity, static_cast<std::uint32_t>(fields_.size()), static_cast<std::uint32_t>(fact.fields.size())});
  for (const Field& field : fact.fields) {
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      fields_.push_back({field.key, true, *number, 0, 0});
    } else {
      const auto text = std::get<std::string_view>(field.value);
      fields_.push_back({field.key, false, 0, static_cast<std::uint32_t>(note_text_.size()), static_cast<std::uint32_t>(text.size())});
      note_text_.append(text);
    }
  }
}

void Outbox::clear() {
  bytes_.clear();
  sends_.clear();
  closes_.clear();
  hand_overs_.clear();
  told_.clear();
  notes_.clear();
  fields_.clear();
  note_text_.clear();
  changes_.clear();
  promised_.reset();
  settled_.clear();
  hand_outs_.clear();
}

}  // namespace ringhold
