# Options of every target of ours: warnings as errors under gcc and clang, the banned functions, sanitizers, hardening.
add_library(pgd1_options INTERFACE)
target_include_directories(pgd1_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_definitions(pgd1_options INTERFACE _GNU_SOURCE PGD1_VERSION="${PROJECT_VERSION}")
target_compile_options(pgd1_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wconversion -Wformat=2 -Wvla
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  -fno-common -fstack-protector-strong
  "$<$<COMPILE_LANGUAGE:C>:SHELL:-include ${CMAKE_SOURCE_DIR}/proxy/base/banned.h>")
if(PGD1_SANITIZE)
  add_compile_options(-fsanitize=${PGD1_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PGD1_SANITIZE})
endif()
if(PGD1_FUZZ)
  # Without it a fuzzer sees its own few lines only, and not the code that it calls.
  target_compile_options(pgd1_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(pgd1_options INTERFACE -D_FORTIFY_SOURCE=2 -fPIE)
  target_link_options(pgd1_options INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR PGD1_SANITIZE STREQUAL "thread")
  # There gcc inlines far enough to lose that err_set() answers false, and takes outputs for unset. The dev build keeps it.
  target_compile_options(pgd1_options INTERFACE $<$<COMPILE_LANG_AND_ID:C,GNU>:-Wno-maybe-uninitialized>)
endif()

# pgd1_library(name sources… LINK edges…): a static library of this project. Its link line is the list of edges it may have.
function(pgd1_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC pgd1_options ${ARG_LINK})
endfunction()
