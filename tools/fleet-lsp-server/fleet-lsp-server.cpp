//===- fleet-lsp-server.cpp - Language server for Fleet's programs --------===//
//
// Errors, definitions, references and hover for .mlir files in an editor.
//
//===----------------------------------------------------------------------===//

#include "fleet/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::fleet::registerAllFleetDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
