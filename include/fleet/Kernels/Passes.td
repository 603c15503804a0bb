//===- Passes.td - Choosing kernels -----------------------------*- tablegen -*-===//

#ifndef FLEET_KERNELS_PASSES
#define FLEET_KERNELS_PASSES

include "mlir/Pass/PassBase.td"

def OutlineKernelsPass : Pass<"fleet-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Fuse operations into kernels and outline them";
  let description = [{
    Groups the nn ops of every function that trains or evaluates into kernels,
    each of which sweeps the rows of its tensors once, and outlines every group
    into a private function with the attribute `plan.rows` (the extent of the
    sweep, -1 for the batch). An operation joins the first group that has all its
    operands ready and sweeps the same rows, so that a chain of elementwise ops,
    row-wise softmax, column sums and a small product become one kernel. Larger
    matrix products stay: they are library calls.

    Each optimizer op (`OptimizerOpInterface`) becomes a kernel of its own that
    updates parameter and state in place, so that it is the same code on one
    machine and on a parameter server. For the optimizer op of a table, two
    functions are made instead: one that updates some rows, which it overwrites,
    and one for the scalars among the optimizer's state. The attributes
    `plan.update` and `plan.advance` of the table name them, and the op stays.

    Example:

    ```mlir
    func.func @main(%x: tensor<?x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
      %0 = nn.add %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
      %1 = nn.tanh %0 : tensor<?x4xf32>
      return %1 : tensor<?x4xf32>
    }
    // becomes
    func.func @main(%x: tensor<?x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
      %0 = call @main_k0(%x, %b) : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
      return %0 : tensor<?x4xf32>
    }
    func.func private @main_k0(...) -> tensor<?x4xf32> attributes {plan.rows = -1 : i64} {...}
    ```
  }];
  let dependentDialects = ["::mlir::fleet::nn::NNDialect", "::mlir::func::FuncDialect"];
  let statistics = [
    Statistic<"numKernels", "kernels", "Number of kernels outlined">,
    Statistic<"numFused", "fused-ops", "Number of operations in them">
  ];
}

#endif // FLEET_KERNELS_PASSES
