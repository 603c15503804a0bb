# add_fleet_*: what every folder's CMakeLists.txt is made of.
include_guard(GLOBAL)

# add_fleet_tablegen(TD GENERATOR OUTPUT [ARGS...]): OUTPUT is made from TD by
# mlir-tblgen in the matching binary folder; the folder's library depends on it.
function(add_fleet_tablegen td output)
  set(LLVM_TARGET_DEFINITIONS ${td})
  mlir_tablegen(${output} ${ARGN}
    EXTRA_INCLUDES ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include ${MLIR_INCLUDE_DIRS})
  set_property(DIRECTORY APPEND PROPERTY FLEET_TABLEGEN_OUTPUTS
    ${CMAKE_CURRENT_BINARY_DIR}/${output})
endfunction()

# add_fleet_dialect_tablegen(NAME DIALECT): everything generated for a dialect
# in the current folder, from NAMEDialect.td and NAMEOps.td.
function(add_fleet_dialect_tablegen name dialect)
  add_fleet_tablegen(${name}Ops.td ${name}Dialect.h.inc -gen-dialect-decls -dialect=${dialect})
  add_fleet_tablegen(${name}Ops.td ${name}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect})
  add_fleet_tablegen(${name}Ops.td ${name}Ops.h.inc -gen-op-decls)
  add_fleet_tablegen(${name}Ops.td ${name}Ops.cpp.inc -gen-op-defs)
endfunction()

# add_fleet_pass_declarations(NAME): Passes.h.inc from the folder's Passes.td,
# for a folder of headers (its library lives under lib/).
function(add_fleet_pass_declarations name)
  add_fleet_tablegen(Passes.td Passes.h.inc -gen-pass-decls -name=${name})
  add_custom_target(tablegen.${name}Passes DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/Passes.h.inc)
  set_property(GLOBAL APPEND PROPERTY FLEET_TABLEGEN_TARGETS tablegen.${name}Passes)
endfunction()

# add_fleet_compiler_library(NAME SOURCES...): one library a folder. Objects of
# all of them make the one shared libFleetCompiler (one copy of every TypeID,
# whatever tool or plugin loads it).
function(add_fleet_compiler_library name)
  add_library(obj.${name} OBJECT ${ARGN})
  target_include_directories(obj.${name} SYSTEM PRIVATE
    ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_options(obj.${name} PRIVATE -fno-exceptions -Wno-unused-parameter)
  get_property(outputs DIRECTORY PROPERTY FLEET_TABLEGEN_OUTPUTS)
  if(outputs)
    add_custom_target(tablegen.${name} DEPENDS ${outputs})
    set_property(GLOBAL APPEND PROPERTY FLEET_TABLEGEN_TARGETS tablegen.${name})
  endif()
  # Generated headers of every library made so far: dependencies go one way,
  # so what was added before is what may be included.
  get_property(tablegen GLOBAL PROPERTY FLEET_TABLEGEN_TARGETS)
  if(tablegen)
    add_dependencies(obj.${name} ${tablegen})
  endif()
  set_property(GLOBAL APPEND PROPERTY FLEET_COMPILER_LIBRARIES obj.${name})
endfunction()

# add_fleet_compiler_tool(NAME SOURCES...): a program on libFleetCompiler.
function(add_fleet_compiler_tool name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE FleetCompiler)
  target_compile_options(${name} PRIVATE -fno-exceptions)
endfunction()

# add_fleet_runtime_library(NAME SOURCES... [LINK libs...]): one library a
# folder; no MLIR, no LLVM.
function(add_fleet_runtime_library name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${arg_LINK})
endfunction()

# add_fleet_runtime_tool(NAME SOURCES... [LINK libs...])
function(add_fleet_runtime_tool name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LINK})
endfunction()

# add_fleet_unit_test(NAME SOURCES... [LINK libs...]): a GoogleTest program that
# CTest runs as one test.
function(add_fleet_unit_test name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LINK} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/bin)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
