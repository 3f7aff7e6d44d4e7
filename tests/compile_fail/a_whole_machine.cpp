// expect: compiles
#include "base/machine.hpp"

enum class Light { red, green };
enum class Press { button, timeout };
enum class Deed { ring };
using Lamp = ringhold::Machine<Light, Light::green, Press, Press::timeout, Deed>;

inline constexpr auto machine = Lamp{{
                                         {Light::red, Press::button, Light::green, {Deed::ring}},
                                         {Light::green, Press::timeout, Light::red, {}},
                                     },
                                     {
                                         {Light::red, {Press::timeout}},
                                         {Light::green, {Press::button}},
                                     }};
static_assert(machine.step(Light::red, Press::button).next == Light::green);
