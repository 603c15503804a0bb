//===- fleet-opt.cpp - mlir-opt with Fleet's dialects and passes ----------===//

#include "fleet/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::fleet::registerAllFleetDialects(registry);
  mlir::fleet::registerAllFleetPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "Fleet's optimizer driver: dialects and passes\n", registry));
}
