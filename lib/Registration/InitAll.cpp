//===- InitAll.cpp - Register everything of the compiler ------------------===//

#include "fleet/InitAll.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/NN/Transforms/Passes.h"
#include "dialects/Optim/IR/Optim.h"
#include "dialects/Plan/IR/Plan.h"
#include "dialects/Plan/Transforms/Passes.h"
#include "fleet/Conversion/Passes.h"
#include "fleet/Kernels/Passes.h"
#include "fleet/Pipelines/Compile.h"
#include "fleet/Pipelines/Distribute.h"
#include "fleet/Transforms/Passes.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void fleet::registerFleetDialects(DialectRegistry &registry) {
  registry.insert<nn::NNDialect, optim::OptimDialect, dist::FleetDialect,
                  plan::PlanDialect>();
}

void fleet::registerAllFleetDialects(DialectRegistry &registry) {
  registerFleetDialects(registry);
  registry.insert<affine::AffineDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, cf::ControlFlowDialect,
                  func::FuncDialect, linalg::LinalgDialect, LLVM::LLVMDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  tensor::TensorDialect, ub::UBDialect>();
  // What convert-to-llvm asks of each dialect.
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  registerConvertFuncToLLVMInterface(registry);
  registerConvertMathToLLVMInterface(registry);
  registerConvertMemRefToLLVMInterface(registry);
  ub::registerConvertUBToLLVMInterface(registry);
  func::registerInlinerExtension(registry);
}

void fleet::registerFleetPasses() {
  nn::registerFleetNNPasses();
  plan::registerFleetPlanPasses();
  registerFleetTransformsPasses();
  registerFleetKernelsPasses();
  registerFleetConversionPasses();
  registerDistributePipeline();
  registerCompilePipeline();
}

void fleet::registerAllFleetPasses() {
  registerFleetPasses();
  registerTransformsPasses();
  memref::registerMemRefPasses(); // resolve-ranked-shaped-type-result-dims
}
