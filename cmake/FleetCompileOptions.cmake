# Warnings, hardening and sanitizers, for both halves.
include_guard(GLOBAL)

add_compile_options(-Wall -Wextra -Wno-unused-parameter
                    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-redundant-move>")
add_compile_definitions($<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include
                    ${PROJECT_BINARY_DIR} ${PROJECT_BINARY_DIR}/include)

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  find_program(FLEET_LLD NAMES ld.lld-22 ld.lld)
  if(FLEET_LLD)
    add_link_options(--ld-path=${FLEET_LLD})
  endif()
endif()

if(FLEET_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(FLEET_SANITIZER STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(NOT FLEET_SANITIZER STREQUAL "")
  message(FATAL_ERROR
    "FLEET_SANITIZER=${FLEET_SANITIZER}: expected address, thread or nothing")
endif()
