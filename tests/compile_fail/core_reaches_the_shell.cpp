// expect: shell/net/worker.hpp: No such file
#include "shell/net/worker.hpp"
