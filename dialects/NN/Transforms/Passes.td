//===- Passes.td - Passes on the nn dialect ----------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_NN_TRANSFORMS_PASSES
#define FLEET_DIALECTS_NN_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def DecomposePass : Pass<"nn-decompose"> {
  let summary = "Rewrite composites in terms of primitives";
  let description = [{
    Replaces every operation that implements `DecomposableOpInterface` by what
    it decomposes into, until none is left. Composites that a backend has
    something better for stay when `keep` names them.

    The parts that two composites have in common are written the same way, so
    that `cse` afterwards leaves one: a softmax cross entropy and its gradient
    share maximum, exponentials and their sum.

    Example:

    ```mlir
    %0 = nn.linear %x, %w, %b
      : (tensor<?x32xf32>, tensor<32x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
    // becomes
    %m = nn.matmul %x, %w
      : (tensor<?x32xf32>, tensor<32x128xf32>) -> tensor<?x128xf32>
    %0 = nn.add %m, %b : (tensor<?x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
    ```
  }];
  let options = [
    ListOption<"keep", "keep", "std::string",
               "Names of operations that stay as they are, e.g. nn.softmax">
  ];
  let statistics = [
    Statistic<"numDecomposed", "decomposed", "Number of operations decomposed">
  ];
  let dependentDialects = ["::mlir::fleet::nn::NNDialect"];
}

#endif // FLEET_DIALECTS_NN_TRANSFORMS_PASSES
