//===- ForeignOpsTest.cpp - Ops that the passes have never heard of -------===//
//
// Passes ask interfaces, not op names: a dialect that is none of Fleet's brings
// a composite without a gradient of its own, and an optimizer op that gets its
// interface from an external model.
//
//===----------------------------------------------------------------------===//

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "fleet/InitAll.h"
#include "fleet/Pipelines/Distribute.h"
#include "fleet/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "test/lib/Reference/Interpreter.h"

#include <gtest/gtest.h>

using namespace mlir;
using ::fleet::reference::Interpreter;
using ::fleet::reference::Tensor;
namespace dist = mlir::fleet::dist;
namespace nn = mlir::fleet::nn;
namespace optim = mlir::fleet::optim;

namespace {

/// x * x * x, known only by what it is made of.
class CubeOp : public Op<CubeOp, OpTrait::OneOperand, OpTrait::OneResult,
                         OpTrait::ZeroRegions, OpTrait::ZeroSuccessors,
                         nn::DecomposableOpInterface::Trait> {
public:
  using Op::Op;
  static StringRef getOperationName() { return "foreign.cube"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  FailureOr<SmallVector<Value>> decompose(OpBuilder &b) {
    Value x = getOperation()->getOperand(0);
    Value square = nn::SquareOp::create(b, getLoc(), x);
    return SmallVector<Value>{nn::MulOp::create(b, getLoc(), square, x)};
  }
};

/// Updates `parameter` by its operand; knows nothing of optim.
class DescendOp
    : public Op<DescendOp, OpTrait::OneOperand, OpTrait::ZeroResults,
                OpTrait::ZeroRegions, OpTrait::ZeroSuccessors> {
public:
  using Op::Op;
  static StringRef getOperationName() { return "foreign.descend"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
};

struct DescendModel
    : public optim::OptimizerOpInterface::ExternalModel<DescendModel,
                                                        DescendOp> {
  FlatSymbolRefAttr getParameterAttr(Operation *op) const {
    return op->getAttrOfType<FlatSymbolRefAttr>("parameter");
  }
  Value getGradient(Operation *op) const { return op->getOperand(0); }
  OpOperand &getGradientMutable(Operation *op) const {
    return op->getOpOperand(0);
  }
  SmallVector<FlatSymbolRefAttr> getStateSymbols(Operation *) const {
    return {};
  }
  LogicalResult buildUpdate(Operation *, OpBuilder &b, Location loc,
                            Value param, Value grad, ValueRange,
                            Value &newParam, SmallVectorImpl<Value> &) const {
    newParam = nn::SubOp::create(b, loc, param, grad);
    return success();
  }
};

class ForeignDialect : public Dialect {
public:
  explicit ForeignDialect(MLIRContext *context)
      : Dialect(getDialectNamespace(), context, TypeID::get<ForeignDialect>()) {
    addOperations<CubeOp, DescendOp>();
    DescendOp::attachInterface<DescendModel>(*context);
  }
  static StringRef getDialectNamespace() { return "foreign"; }
};

class ForeignOps : public testing::Test {
protected:
  ForeignOps() {
    DialectRegistry registry;
    mlir::fleet::registerAllFleetDialects(registry);
    registry.insert<ForeignDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    return parseSourceString<ModuleOp>(text, &context);
  }

  MLIRContext context;
};

} // namespace

TEST_F(ForeignOps, aCompositeIsDifferentiatedByWhatItIsMadeOf) {
  auto module = parse(R"(
    optim.parameter @w : tensor<3xf64> init = #optim.ones
    func.func @main() {
      %w = optim.read @w : tensor<3xf64>
      %c = "foreign.cube"(%w) : (tensor<3xf64>) -> tensor<3xf64>
      %loss = nn.reduce sum %c dims = [0] : tensor<3xf64> -> tensor<f64>
      optim.minimize %loss : tensor<f64> with #optim.sgd<learning_rate = 1.0>
      return
    }
  )");
  ASSERT_TRUE(module);
  PassManager pm(&context);
  pm.addPass(mlir::fleet::createAppendBackwardPass());
  pm.addPass(mlir::createCanonicalizerPass()); // folds where gradients begin
  ASSERT_TRUE(succeeded(pm.run(*module)));

  // Make the gradient what the function returns, and the parameter what it
  // takes.
  auto main = module->lookupSymbol<func::FuncOp>("main");
  auto update = *main.getOps<optim::SgdOp>().begin();
  auto read = *main.getOps<optim::ReadOp>().begin();
  Type type = read.getValue().getType();
  main.setFunctionType(FunctionType::get(&context, {type}, {type}));
  read.getValue().replaceAllUsesWith(
      main.getBody().front().addArgument(type, main.getLoc()));
  main.getBody().front().getTerminator()->setOperands({update.getGradient()});
  update.erase();
  read.erase();
  ASSERT_TRUE(succeeded(verify(main)));

  Tensor w({3});
  w.values = {0.5, -1.0, 2.0};
  auto gradient = Interpreter().evaluate(main, {w});
  ASSERT_TRUE(succeeded(gradient));
  for (int i = 0; i < 3; ++i)
    EXPECT_DOUBLE_EQ((*gradient)[0].values[i], 3 * w.values[i] * w.values[i]);
}

TEST_F(ForeignOps, anOptimizerMovesToItsServer) {
  auto module = parse(R"(
    optim.parameter @w : tensor<3xf32> init = #optim.ones
    func.func @main(%g: tensor<3xf32>) {
      "foreign.descend"(%g) {parameter = @w} : (tensor<3xf32>) -> ()
      return
    }
  )");
  ASSERT_TRUE(module);
  mlir::fleet::DistributeOptions options;
  options.mode = mlir::fleet::DistributeOptions::Mode::ParameterServer;
  options.pservers = {"127.0.0.1:6170"};
  options.trainers = 2;
  PassManager pm(&context);
  mlir::fleet::buildDistributePipeline(pm, options);
  ASSERT_TRUE(succeeded(pm.run(*module)));

  int updates = 0;
  module->walk([&](DescendOp op) {
    ++updates;
    auto role = dist::getRole(op->getParentOfType<ModuleOp>());
    EXPECT_EQ(role.getKind(), dist::RoleKind::PServer);
  });
  EXPECT_EQ(updates, 1);
}
