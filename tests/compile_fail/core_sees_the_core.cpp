// expect: compiles
#include "base/time.hpp"
#include "sip/message.hpp"
