# MLIR, LLVM and lld as Debian packages them (outside CMake's default path;
# their version file refuses a bare major, so the major is checked here).
include_guard(GLOBAL)

list(APPEND CMAKE_PREFIX_PATH /usr/lib/llvm-22)
find_package(ZLIB REQUIRED) # the exported lld targets refer to ZLIB::ZLIB
find_package(MLIR REQUIRED CONFIG)
find_package(LLD REQUIRED CONFIG)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "Fleet needs MLIR/LLVM 22, found ${LLVM_PACKAGE_VERSION}; "
    "install libmlir-22-dev or set CMAKE_PREFIX_PATH")
endif()
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddMLIR)
