#include "shell/net/system_random.hpp"

#include <openssl/rand.h>

#include "base/check.hpp"

namespace ringhold::net {

std::uint64_t SystemRandom::next() {
  if (used_ == page_.size()) {
    // Without chance, transaction IDs and tags could be guessed: stopping is the safe way.
    check(RAND_bytes(reinterpret_cast<unsigned char*>(page_.data()), static_cast<int>(sizeof page_)) == 1);
    used_ = 0;
  }
  return page_[used_++];
}

}  // namespace ringhold::net
