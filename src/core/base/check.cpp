#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace ringhold {

void check_failed(std::source_location where) {
  std::fprintf(stderr, "level=critical msg=\"broken promise\" file=%s line=%u function=\"%s\"\n", where.file_name(), where.line(),
               where.function_name());
  std::abort();
}

}  // namespace ringhold
