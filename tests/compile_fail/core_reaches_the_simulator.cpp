// expect: sim/world.hpp: No such file
#include "sim/world.hpp"
