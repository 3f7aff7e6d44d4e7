#include "base/team.hpp"

namespace ringhold {

Text worker_mark(WorkerNumber worker) { return "w" + Text{Decimal{worker}.text()} + "~"; }

MarkedUser read_worker_mark(std::string_view user) {
  const std::size_t end = user.find('~');
  if (!user.starts_with('w') || end == std::string_view::npos) return {{}, user};
  const auto worker = parse_number<unsigned>(user.substr(1, end - 1), most_workers - 1U);
  if (!worker) return {{}, user};
  return {static_cast<WorkerNumber>(*worker), user.substr(end + 1)};
}

}  // namespace ringhold
