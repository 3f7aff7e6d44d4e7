// Whatever is taken for STUN is answered shortly or not at all, and what is answered can be read (X1).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "stun/binding.hpp"

using namespace ringhold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view datagram{reinterpret_cast<const char*>(data), size};
  const Endpoint source{*Address::parse(size % 2 == 0 ? "192.0.2.1" : "2001:db8::1"), Port{5060}};
  std::string answer = "before";
  if (!stun::append_answer(answer, datagram, source)) return answer == "before" ? 0 : (std::abort(), 0);
  const std::string_view made = std::string_view{answer}.substr(6);
  if (!stun::is_stun(datagram) || !stun::is_stun(made) || made.size() > 100) std::abort();
  if (made.substr(4, 16) != datagram.substr(4, 16)) std::abort();
  if (static_cast<std::size_t>(static_cast<unsigned char>(made[3])) != made.size() - 20) std::abort();
  // An answer is no request: two of us cannot keep each other busy.
  std::string again;
  if (stun::append_answer(again, made, source)) std::abort();
  return 0;
}
