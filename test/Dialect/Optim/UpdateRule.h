//===- UpdateRule.h - Some steps of an optimizer, in doubles ----*- C++ -*-===//

#ifndef FLEET_TEST_DIALECT_OPTIM_UPDATERULE_H
#define FLEET_TEST_DIALECT_OPTIM_UPDATERULE_H

#include "dialects/Optim/IR/Optim.h"
#include "fleet/InitAll.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "test/lib/Reference/Interpreter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace {

using namespace mlir;
using ::fleet::reference::Interpreter;
using ::fleet::reference::Tensor;
namespace optim = mlir::fleet::optim;

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
    SymbolTable symbols(*module);
    optim::StateBuilder states(symbols);
    OpBuilder b(main.getBody().front().getTerminator());
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
    if (!rules.empty())
      EXPECT_TRUE(succeeded(update.setGradientRules(
          cast<ArrayAttr>(parseAttribute(rules, &context)))));
    if (!schedule.empty())
      EXPECT_TRUE(succeeded(
          update.setSchedule(states, cast<optim::ScheduleAttrInterface>(
                                         parseAttribute(schedule, &context)))));
    EXPECT_EQ(update.isRowSplittable(), isSplittable);
    EXPECT_EQ(update.getGradientReduction(), optim::GradientReduction::Mean);
    return run(update, writeRule(update));
  }

  bool isSplittable = true; ///< what the op has to say
  std::string rules;        ///< what is done to the gradient first
  std::string schedule;     ///< of the learning rate
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

#endif // FLEET_TEST_DIALECT_OPTIM_UPDATERULE_H
