//===- OptimDialect.td - Parameters and how they are trained ---*- tablegen -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMDIALECT
#define FLEET_DIALECTS_OPTIM_IR_OPTIMDIALECT

include "mlir/IR/DialectBase.td"

def Optim_Dialect : Dialect {
  let name = "optim";
  let cppNamespace = "::mlir::fleet::optim";
  let summary = "Named parameters, optimizer state and update rules";
  let description = [{
    Training on one machine: tensors that outlive a step (`optim.parameter`,
    `optim.state`), how a step reads and writes them, what is minimized
    (`optim.minimize`) and, after `optim-append-backward`, one update op a
    parameter. It knows nothing of other machines; `docs/rationale/optim.md`
    says why.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::fleet::nn::NNDialect"];
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMDIALECT
