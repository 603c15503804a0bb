//===- Passes.td - Passes on the plan dialect -------------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_PLAN_TRANSFORMS_PASSES
#define FLEET_DIALECTS_PLAN_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def AssignBuffersPass : Pass<"plan-assign-buffers", "::mlir::fleet::plan::FunctionOp"> {
  let summary = "Give every temporary a slot of the arena";
  let description = [{
    Two temporaries share a slot when their lifetimes do not overlap. A lifetime
    runs from the first instruction that touches the buffer to the last; what is
    sent stays until the send barrier, what is received lives from the receive
    on, an output lives to the end. Temporaries take, in the order in which they
    are born, the free slot whose size is nearest, and a new one when there is
    none; buffers that grow with the batch compare by bytes a row and never share
    with static ones.

    Example:

    ```mlir
    plan.function @main {
      %a = plan.temporary : memref<?x4xf32>
      %b = plan.temporary : memref<?x4xf32>
      %c = plan.temporary : memref<?x4xf32>
      plan.copy %a, %b : memref<?x4xf32>
      plan.copy %b, %c : memref<?x4xf32>
    }
    // %a: slot 0, %b: slot 1, %c: slot 0 again
    ```
  }];
  let statistics = [
    Statistic<"numTemporaries", "temporaries", "Number of temporaries">,
    Statistic<"numSlots", "slots", "Number of arena slots">
  ];
}

#endif // FLEET_DIALECTS_PLAN_TRANSFORMS_PASSES
