//===- GradientProgram.cpp - An operation and its gradient ----------------===//

#include "test/lib/Cases/GradientProgram.h"

#include "dialects/NN/IR/NN.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace ::fleet::test;
namespace nn = mlir::fleet::nn;

/// @forward, with the operation's result returned.
static FailureOr<func::FuncOp> parseForward(const GradientCase &test,
                                            OwningOpRef<ModuleOp> &module,
                                            MLIRContext &context) {
  std::string text = "func.func @forward(";
  for (size_t i = 0; i < test.types.size(); ++i) {
    text += i ? ", %" : "%";
    text += static_cast<char>('a' + i);
    text += ": " + test.types[i];
  }
  text += ") {\n  %result = " + test.op + "\n  return\n}\n";
  module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return failure();
  auto forward = module->lookupSymbol<func::FuncOp>("forward");
  Operation *terminator = forward.getBody().front().getTerminator();
  Value result = terminator->getPrevNode()->getResult(0);
  terminator->setOperands(result);
  forward.setFunctionType(FunctionType::get(
      &context, forward.getArgumentTypes(), result.getType()));
  return forward;
}

/// @backward beside @forward. An input that is used twice gets the sum.
static LogicalResult buildBackward(func::FuncOp forward,
                                   GradientProgram &program) {
  func::FuncOp backward = forward.clone();
  backward.setName("backward");
  program.module->push_back(backward);
  Block &block = backward.getBody().front();
  Operation *terminator = block.getTerminator();
  Operation *op = terminator->getPrevNode();
  Type type = op->getResult(0).getType();
  Value resultGradient = block.addArgument(type, op->getLoc());
  auto differentiable = dyn_cast<nn::DifferentiableOpInterface>(op);
  if (!differentiable)
    return op->emitOpError("does not implement DifferentiableOpInterface");

  OpBuilder b(terminator);
  SmallVector<Value> operandGradients;
  if (failed(differentiable.buildGradient(b, resultGradient, operandGradients)))
    return failure();
  if (operandGradients.size() != op->getNumOperands())
    return op->emitOpError("gives ")
           << operandGradients.size() << " gradients of "
           << op->getNumOperands() << " operands";

  SmallVector<Value> results;
  for (BlockArgument input : block.getArguments().drop_back()) {
    Value sum;
    for (auto [operand, gradient] :
         llvm::zip_equal(op->getOperands(), operandGradients)) {
      if (operand != input || !gradient)
        continue;
      if (gradient.getType() != operand.getType())
        return op->emitOpError("gives a gradient of type ")
               << gradient.getType() << " for an operand of type "
               << operand.getType();
      sum = sum ? nn::AddOp::create(b, op->getLoc(), sum, gradient).getResult()
                : gradient;
    }
    program.hasGradient.push_back(sum != nullptr);
    if (sum)
      results.push_back(sum);
  }
  terminator->setOperands(results);
  backward.setFunctionType(FunctionType::get(op->getContext(),
                                             block.getArgumentTypes(),
                                             ValueRange(results).getTypes()));
  return success();
}

OwningOpRef<ModuleOp>(::fleet::test::buildForward)(const GradientCase &test,
                                                   MLIRContext &context) {
  OwningOpRef<ModuleOp> module;
  if (failed(parseForward(test, module, context)) || failed(verify(*module)))
    return nullptr;
  return module;
}

void ::fleet::test::fill(::fleet::reference::Tensor &tensor, double low,
                         double high, unsigned seed) {
  std::mt19937 generator(seed);
  for (double &value : tensor.values) {
    do
      value = low + (high - low) * (generator() / 4294967296.0);
    while (std::fabs(value) < 0.05);
  }
}

::fleet::reference::Tensor(::fleet::test::makeInput)(RankedTensorType type,
                                                     const GradientCase &test,
                                                     unsigned seed,
                                                     int64_t batch) {
  SmallVector<int64_t> shape(type.getShape());
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = batch;
  ::fleet::reference::Tensor tensor(shape);
  if (isa<FloatType>(type.getElementType())) {
    fill(tensor, test.low, test.high, seed);
    return tensor;
  }
  bool isBool = type.getElementType().isInteger(1);
  for (auto [i, value] : llvm::enumerate(tensor.values))
    value = isBool ? static_cast<double>((i + seed) % 2)
                   : static_cast<double>(test.lowInteger) +
                         static_cast<double>((i + seed) % test.numIntegers);
  return tensor;
}

FailureOr<GradientProgram>(::fleet::test::buildProgram)(
    const GradientCase &test, MLIRContext &context) {
  GradientProgram program;
  FailureOr<func::FuncOp> forward = parseForward(test, program.module, context);
  if (failed(forward) || failed(buildBackward(*forward, program)) ||
      failed(verify(*program.module)))
    return failure();
  for (auto [i, type] : llvm::enumerate(forward->getArgumentTypes())) {
    auto tensorType = cast<RankedTensorType>(type);
    program.inputs.push_back(makeInput(tensorType, test, 17 + i));
    program.isFloat.push_back(isa<FloatType>(tensorType.getElementType()));
  }
  return program;
}
