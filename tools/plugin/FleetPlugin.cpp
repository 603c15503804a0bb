//===- FleetPlugin.cpp - Fleet for stock mlir-opt -------------------------===//
//
// mlir-opt --load-dialect-plugin=FleetPlugin.so
// --load-pass-plugin=FleetPlugin.so
//     --pass-pipeline='builtin.module(nn-decompose)'
//
// Passes of a plug-in are only reachable through --pass-pipeline, since
// mlir-opt reads its flags before it loads plug-ins.
//
//===----------------------------------------------------------------------===//

#include "fleet/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Fleet", "0.1",
          [](mlir::DialectRegistry *registry) {
            mlir::fleet::registerFleetDialects(*registry);
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Fleet", "0.1",
          [] { mlir::fleet::registerFleetPasses(); }};
}
