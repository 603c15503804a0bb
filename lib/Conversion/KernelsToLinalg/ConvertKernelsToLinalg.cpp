//===- ConvertKernelsToLinalg.cpp - The pass ------------------------------===//

#include "fleet/Conversion/KernelsToLinalg.h"
#include "fleet/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_CONVERTKERNELSTOLINALGPASS
#include "fleet/Conversion/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;

namespace {

struct ConvertKernelsToLinalgPass
    : fleet::impl::ConvertKernelsToLinalgPassBase<ConvertKernelsToLinalgPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels;
    getOperation().walk([&](func::FuncOp function) {
      if (function->hasAttr(fleet::kRowsAttr))
        kernels.push_back(function);
    });
    for (func::FuncOp kernel : kernels)
      if (failed(fleet::convertKernelToLinalg(kernel)))
        return signalPassFailure();
  }
};

} // namespace
