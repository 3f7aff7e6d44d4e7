// Boost.JSON without a library of its own: compiled once, here.
#include <boost/json/src.hpp>
