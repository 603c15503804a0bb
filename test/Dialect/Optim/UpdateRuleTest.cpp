//===- UpdateRuleTest.cpp - Update rules against their formulas -----------===//
//
// Several steps of each rule that an optimizer writes in nn ops, evaluated by
// the reference interpreter in doubles, against the formula written in C++.
//
//===----------------------------------------------------------------------===//

#include "dialects/Optim/IR/Optim.h"
#include "fleet/InitAll.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "test/lib/Reference/Interpreter.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using ::fleet::reference::Interpreter;
using ::fleet::reference::Tensor;
namespace optim = mlir::fleet::optim;

namespace {

constexpr int64_t kElements = 3;
constexpr int kSteps = 4;

/// A program of one parameter and the update op of an optimizer.
class UpdateRule : public testing::Test {
protected:
  UpdateRule() {
    DialectRegistry registry;
    mlir::fleet::registerAllFleetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The values of parameter and states after kSteps, from the values that
  /// initializers give to states and `parameter`; `gradients` one a step.
  std::vector<Tensor> train(llvm::StringRef optimizer,
                            llvm::StringRef element = "f64") {
    std::string text = ("optim.parameter @w : tensor<3x" + element +
                        "> init = #optim.ones\n"
                        "func.func @main(%g: tensor<3x" +
                        element + ">) {\n  return\n}\n")
                           .str();
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      return {};
    auto main = module->lookupSymbol<func::FuncOp>("main");
    auto parameter = module->lookupSymbol<optim::ParameterOp>("w");
    OpBuilder states(&context), b(main.getBody().front().getTerminator());
    states.setInsertionPointAfter(parameter);
    auto attr = cast<optim::OptimizerAttrInterface>(
        parseAttribute(optimizer, &context));
    auto created =
        attr.createUpdate(states, b, module->getLoc(),
                          FlatSymbolRefAttr::get(parameter.getSymNameAttr()),
                          main.getArgument(0));
    if (failed(created) || failed(verify(*module)))
      return {};
    auto update = cast<optim::OptimizerOpInterface>(*created);
    EXPECT_TRUE(update.isRowSplittable());
    EXPECT_EQ(update.getGradientReduction(), optim::GradientReduction::Mean);
    return run(update, writeRule(update));
  }

  Tensor parameter = vector({0.5, -1.5, 2.0});
  std::vector<Tensor> gradients = {
      vector({0.1, -0.2, 3.0}), vector({-0.4, 0.0, 1.0}),
      vector({0.25, 1.0, -2.0}), vector({0.0, -0.5, 0.125})};

private:
  static Tensor vector(std::vector<double> values) {
    Tensor tensor({kElements});
    tensor.values = std::move(values);
    return tensor;
  }

  /// A function from parameter, gradient and states to their new values.
  func::FuncOp writeRule(optim::OptimizerOpInterface update) {
    Type type = update.getGradient().getType();
    SmallVector<Type> inputs = {type, type}, outputs = {type};
    for (FlatSymbolRefAttr name : update.getStateSymbols()) {
      Type state =
          module->lookupSymbol<optim::StateOp>(name.getAttr()).getType();
      inputs.push_back(state);
      outputs.push_back(state);
    }
    OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
    auto rule = func::FuncOp::create(b, module->getLoc(), "rule",
                                     b.getFunctionType(inputs, outputs));
    b.setInsertionPointToStart(rule.addEntryBlock());
    ValueRange arguments = rule.getArguments();
    Value newParameter;
    SmallVector<Value> newStates;
    EXPECT_TRUE(succeeded(
        update.buildUpdate(b, rule.getLoc(), arguments[0], arguments[1],
                           arguments.drop_front(2), newParameter, newStates)));
    SmallVector<Value> results = {newParameter};
    results.append(newStates);
    func::ReturnOp::create(b, rule.getLoc(), results);
    EXPECT_TRUE(succeeded(verify(*module)));
    return rule;
  }

  std::vector<Tensor> run(optim::OptimizerOpInterface update,
                          func::FuncOp rule) {
    std::vector<Tensor> values = {parameter};
    for (FlatSymbolRefAttr name : update.getStateSymbols()) {
      auto state = module->lookupSymbol<optim::StateOp>(name.getAttr());
      auto initial = cast<optim::ConstantAttr>(
          state.getInit().resolve(state.getOriginShape()));
      Tensor tensor(state.getType().getShape());
      tensor.values.assign(tensor.values.size(),
                           initial.getValue().getValueAsDouble());
      values.push_back(tensor);
    }
    Interpreter interpreter;
    for (int step = 0; step < kSteps; ++step) {
      std::vector<Tensor> arguments = {values[0], gradients[step]};
      arguments.insert(arguments.end(), values.begin() + 1, values.end());
      auto results = interpreter.evaluate(rule, arguments);
      if (failed(results))
        return {};
      values = *results;
    }
    return values;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

} // namespace

TEST_F(UpdateRule, sgd) {
  auto values = train("#optim.sgd<learning_rate = 0.1>");
  ASSERT_EQ(values.size(), 1u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i];
    for (int step = 0; step < kSteps; ++step)
      w -= 0.1 * gradients[step].values[i];
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
  }
}

TEST_F(UpdateRule, momentum) {
  for (bool nesterov : {false, true}) {
    auto values = train(
        nesterov ? "#optim.momentum<learning_rate = 0.1, momentum = 0.8, "
                   "nesterov = true>"
                 : "#optim.momentum<learning_rate = 0.1, momentum = 0.8>");
    ASSERT_EQ(values.size(), 2u);
    for (int64_t i = 0; i < kElements; ++i) {
      double w = parameter.values[i], v = 0;
      for (int step = 0; step < kSteps; ++step) {
        double g = gradients[step].values[i];
        v = 0.8 * v + g;
        w -= 0.1 * (nesterov ? g + 0.8 * v : v);
      }
      EXPECT_NEAR(values[0].values[i], w, 1e-12) << "nesterov " << nesterov;
      EXPECT_NEAR(values[1].values[i], v, 1e-12) << "nesterov " << nesterov;
    }
  }
}

TEST_F(UpdateRule, adam) {
  auto values = train("#optim.adam<learning_rate = 0.1, beta1 = 0.8, "
                      "beta2 = 0.95, epsilon = 1.0e-6>");
  ASSERT_EQ(values.size(), 5u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], m = 0, v = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      m = 0.8 * m + 0.2 * g;
      v = 0.95 * v + 0.05 * g * g;
      double rate = 0.1 * std::sqrt(1 - std::pow(0.95, step + 1)) /
                    (1 - std::pow(0.8, step + 1));
      w -= rate * m / (std::sqrt(v) + 1e-6);
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], m, 1e-12);
    EXPECT_NEAR(values[2].values[i], v, 1e-12);
  }
  EXPECT_NEAR(values[3].values[0], std::pow(0.8, kSteps), 1e-12);
  EXPECT_NEAR(values[4].values[0], std::pow(0.95, kSteps), 1e-12);
}

TEST_F(UpdateRule, constantsHaveTheElementTypeOfTheParameter) {
  // The interpreter takes constants as the program has them: rounded to f32.
  auto values = train("#optim.sgd<learning_rate = 0.1>", "f32");
  ASSERT_EQ(values.size(), 1u);
  double w = parameter.values[0];
  for (int step = 0; step < kSteps; ++step)
    w -= static_cast<double>(0.1f) * gradients[step].values[0];
  EXPECT_NEAR(values[0].values[0], w, 1e-12);
}
