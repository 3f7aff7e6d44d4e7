#include "shell/store/packed_changes.hpp"

namespace ringhold::store {

void PackedChanges::add(const Change& change) {
  const std::string_view columns = change.columns.packed();
  const Head head{change.table, static_cast<std::uint32_t>(change.key.size()), static_cast<std::uint32_t>(columns.size()),
                  change.columns.size()};
  append_bytes(bytes_, head);
  bytes_.append(change.key).append(columns);
  ++count_;
}

void PackedChanges::clear() {
  bytes_.clear();
  count_ = 0;
}

}  // namespace ringhold::store
