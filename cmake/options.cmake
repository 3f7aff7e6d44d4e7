# Warnings, sanitizers, the linker, and the assumptions that every target shares.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -D_GLIBCXX_ASSERTIONS")

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(ringhold_options INTERFACE)
target_compile_options(ringhold_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Werror)
if(RINGHOLD_SANITIZE)
  add_compile_options(-fsanitize=${RINGHOLD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${RINGHOLD_SANITIZE})
  if(RINGHOLD_SANITIZE MATCHES thread)
    add_compile_options(-Wno-tsan)  # Asio's fences, which g++ cannot instrument
  endif()
endif()
if(RINGHOLD_FUZZ)
  # clang calls what libstdc++ 12 uses inside of std::stable_sort deprecated.
  add_compile_options(-fsanitize=fuzzer-no-link -Wno-deprecated-declarations)
endif()
