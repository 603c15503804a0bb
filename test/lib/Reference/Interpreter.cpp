//===- Interpreter.cpp - What nn operations mean --------------------------===//

#include "test/lib/Reference/Interpreter.h"

#include "llvm/ADT/DenseMap.h"

using namespace fleet::reference;

Interpreter::Interpreter() {
  addElementwise(*this);
  addPrimitives(*this);
  addComposites(*this);
}

mlir::FailureOr<std::vector<Tensor>>
Interpreter::evaluate(mlir::func::FuncOp function,
                      llvm::ArrayRef<Tensor> arguments) const {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitOpError("has no body of one block to evaluate");
  mlir::Block &block = function.getBody().front();
  if (block.getNumArguments() != arguments.size())
    return function.emitOpError("takes ")
           << block.getNumArguments() << " arguments, got " << arguments.size();
  llvm::DenseMap<mlir::Value, Tensor> known;
  for (auto [argument, tensor] :
       llvm::zip_equal(block.getArguments(), arguments))
    known[argument] = tensor;
  for (mlir::Operation &op : block.without_terminator()) {
    auto evaluator = evaluators.find(op.getName().getStringRef());
    if (evaluator == evaluators.end() || op.getNumResults() != 1)
      return op.emitOpError("is not known to the reference interpreter");
    std::vector<Tensor> operands;
    for (mlir::Value operand : op.getOperands())
      operands.push_back(known.at(operand));
    known[op.getResult(0)] = evaluator->second(&op, operands);
  }
  std::vector<Tensor> results;
  for (mlir::Value result : block.getTerminator()->getOperands())
    results.push_back(known.at(result));
  return results;
}
