//===- Passes.td - Conversions ----------------------------------*- tablegen -*-===//

#ifndef FLEET_CONVERSION_PASSES
#define FLEET_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ConvertKernelsToLinalgPass : Pass<"convert-kernels-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Lower kernels to one loop over rows of linalg on buffers";
  let description = [{
    Replaces every function with the attribute `plan.rows` by its code: what does
    not depend on rows, a loop over rows, and what depends on sums over all
    rows. Elementwise ops become scalar trees inside few `linalg.generic`; the
    exported function has the C ABI of `plan.proto`.

    Example:

    ```mlir
    func.func private @k(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {plan.rows = -1 : i64} {
      %0 = nn.tanh %x : tensor<?x4xf32>
      return %0 : tensor<?x4xf32>
    }
    // becomes
    func.func private @k_body(%x: !llvm.ptr, %y: !llvm.ptr, %batch: i64, %begin: i64, %end: i64) {
      ...
      scf.for %i = %b to %e step %c1 {
        linalg.generic {...} ins(%row) outs(%out_row) { math.tanh ... }
      }
    }
    func.func @k(%buffers: !llvm.ptr, %symbols: !llvm.ptr, %begin: i64, %end: i64) {...}
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect"];
}

def ConvertProgramsToPlanPass : Pass<"convert-programs-to-plan", "::mlir::ModuleOp"> {
  let summary = "Turn the programs of a job into plans";
  let description = [{
    For every role module of a job: gives each tensor a buffer, turns kernel
    calls, matrix products and transfers into instructions of a `plan.program`,
    and leaves beside it only the kernels. A value that would be overwritten
    before its last use is copied; nothing else is. Equal kernels become one.

    Example:

    ```mlir
    func.func @main(%x: tensor<?x13xf32> {fleet.name = "x"}) -> (tensor<f32> {fleet.name = "loss"}) {
      %w = optim.read @w : tensor<13x1xf32>
      %0 = call @main_k0(%x, %w) : (...) -> tensor<f32>
      return %0 : tensor<f32>
    }
    // becomes
    plan.function @main {
      %x = plan.input 0 "x" : memref<?x13xf32>
      %w = plan.state_ref @w : memref<13x1xf32>
      %0 = plan.temporary : memref<f32>
      plan.launch @main_k0(%x, %w, %0) outputs = 1 inplace = [] rows = -1 : ...
      plan.output "loss" %0 : memref<f32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::fleet::plan::PlanDialect", "::mlir::memref::MemRefDialect"];
}

#endif // FLEET_CONVERSION_PASSES
