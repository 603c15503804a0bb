//===- SplitJointRows.cpp - Gradients of tables that change with others ---===//

#include "fleet/Transforms/Passes.h"

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::fleet {
#define GEN_PASS_DEF_SPLITJOINTROWSPASS
#include "fleet/Transforms/Passes.h.inc"
} // namespace mlir::fleet

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

namespace {
struct SplitJointRowsPass
    : public fleet::impl::SplitJointRowsPassBase<SplitJointRowsPass> {
  void runOnOperation() override;
};
} // namespace

/// An empty function of some rows of the table of `rows`, beside the one that
/// `joint` is in.
static func::FuncOp createFunction(JointGradientOpInterface joint,
                                   RowGradientOp rows, StringRef suffix,
                                   ArrayRef<Type> arguments, Type result) {
  OpBuilder b(joint->getContext());
  auto function =
      func::FuncOp::create(joint.getLoc(), (rows.getParameter() + suffix).str(),
                           b.getFunctionType(arguments, result));
  auto beside = joint->getParentOfType<func::FuncOp>();
  SymbolTable(beside->getParentOp()).insert(function, beside->getIterator());
  function.addEntryBlock();
  return function;
}

static Value createPart(OpBuilder &b, JointGradientOpInterface joint,
                        Value gradient) {
  RowGradientOp rows = findRowGradient(gradient);
  if (!rows)
    return joint.buildPart(b, joint.getLoc(), gradient);
  RankedTensorType type = getSomeRows(gradient.getType());
  auto scalar = RankedTensorType::get({}, type.getElementType());
  func::FuncOp function = createFunction(joint, rows, "_part", type, scalar);
  function.setArgAttr(0, "fleet.name", b.getStringAttr("gradients"));
  function.setResultAttr(0, "fleet.name", b.getStringAttr("part"));
  OpBuilder body = OpBuilder::atBlockBegin(&function.getBody().front());
  func::ReturnOp::create(
      body, joint.getLoc(),
      joint.buildPart(body, joint.getLoc(), function.getArgument(0)));
  return RowPartOp::create(b, joint.getLoc(), scalar, gradient,
                           function.getSymName());
}

static Value createChange(OpBuilder &b, JointGradientOpInterface joint,
                          Value gradient, Value sum) {
  RowGradientOp rows = findRowGradient(gradient);
  if (!rows)
    return joint.buildChange(b, joint.getLoc(), gradient, sum);
  RankedTensorType type = getSomeRows(gradient.getType());
  func::FuncOp function =
      createFunction(joint, rows, "_change", {type, sum.getType()}, type);
  OpBuilder body = OpBuilder::atBlockBegin(&function.getBody().front());
  func::ReturnOp::create(body, joint.getLoc(),
                         joint.buildChange(body, joint.getLoc(),
                                           function.getArgument(0),
                                           function.getArgument(1)));
  return RowChangeOp::create(b, joint.getLoc(), gradient, sum,
                             function.getSymName());
}

static void split(JointGradientOpInterface joint) {
  OpBuilder b(joint);
  Value sum;
  for (Value gradient : joint->getOperands()) {
    Value part = createPart(b, joint, gradient);
    sum = sum ? Value(nn::AddOp::create(b, joint.getLoc(), sum, part)) : part;
  }
  for (auto [gradient, result] :
       llvm::zip_equal(joint->getOperands(), joint->getResults()))
    result.replaceAllUsesWith(createChange(b, joint, gradient, sum));
  joint->erase();
}

void SplitJointRowsPass::runOnOperation() {
  SmallVector<JointGradientOpInterface> joints;
  getOperation().walk([&](JointGradientOpInterface joint) {
    if (llvm::any_of(joint->getOperands(), findRowGradient))
      joints.push_back(joint);
  });
  llvm::for_each(joints, split);
}
