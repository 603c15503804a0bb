//===- GradientTest.cpp - Gradients against central differences -----------===//
//
// Each differentiable operation, by itself: its gradient, evaluated by the
// reference interpreter, against differences of what the operation computes.
// A new operation joins with one line in GradientCases.cpp; a test fails while
// one that implements DifferentiableOpInterface has none.
//
//===----------------------------------------------------------------------===//

#include "test/lib/Cases/GradientCases.h"

#include "dialects/NN/IR/NN.h"
#include "dialects/NN/Transforms/Passes.h"
#include "fleet/InitAll.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "test/lib/Reference/Interpreter.h"
#include "llvm/ADT/StringSet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace ::fleet::test;
using ::fleet::reference::Interpreter;
using ::fleet::reference::Tensor;

namespace {

/// Differentiable in name only: asking for the gradient is an error.
const llvm::StringSet<> withoutGradient = {"nn.accuracy"};

std::string nameOf(const GradientCase &test) {
  return test.op.substr(0, test.op.find(' '));
}

class GradientTest : public ::testing::TestWithParam<size_t> {
protected:
  GradientTest() {
    DialectRegistry registry;
    mlir::fleet::registerAllFleetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  Tensor run(ModuleOp module, StringRef name, ArrayRef<Tensor> arguments) {
    std::vector<Tensor> results = runAll(module, name, arguments);
    return results.empty() ? Tensor() : results.front();
  }

  std::vector<Tensor> runAll(ModuleOp module, StringRef name,
                             ArrayRef<Tensor> arguments) {
    FailureOr<std::vector<Tensor>> results = interpreter.evaluate(
        module.lookupSymbol<func::FuncOp>(name), arguments);
    if (succeeded(results))
      return *results;
    ADD_FAILURE() << name.str() << " cannot be evaluated";
    return {};
  }

  MLIRContext context;
  Interpreter interpreter;
};

/// sum(result * weights): a scalar whose gradient by the result is `weights`.
double weigh(const Tensor &result, const Tensor &weights) {
  double sum = 0;
  for (auto [value, weight] : llvm::zip_equal(result.values, weights.values))
    sum += value * weight;
  return sum;
}

void expectNear(const Tensor &actual, const Tensor &expected, double tolerance,
                const std::string &what) {
  ASSERT_EQ(actual.shape, expected.shape) << what;
  for (size_t i = 0; i < actual.values.size(); ++i)
    EXPECT_NEAR(actual.values[i], expected.values[i],
                tolerance * std::max(1.0, std::fabs(expected.values[i])))
        << what << ", element " << i;
}

TEST_P(GradientTest, agreesWithCentralDifferences) {
  const GradientCase &test = getGradientCases()[GetParam()];
  FailureOr<GradientProgram> program = buildProgram(test, context);
  ASSERT_TRUE(succeeded(program)) << test.op;
  Tensor weights = run(*program->module, "forward", program->inputs);
  fill(weights, -1, 1, 5);
  std::vector<Tensor> arguments = program->inputs;
  arguments.push_back(weights);
  std::vector<Tensor> gradients =
      runAll(*program->module, "backward", arguments);

  constexpr double step = 1e-5;
  size_t next = 0;
  for (size_t input = 0; input < program->inputs.size(); ++input) {
    if (!program->isFloat[input]) {
      EXPECT_FALSE(program->hasGradient[input]) << "of integers";
      continue;
    }
    Tensor differences(program->inputs[input].shape);
    for (size_t i = 0; i < differences.values.size(); ++i) {
      auto shifted = [&](double by) {
        std::vector<Tensor> inputs = program->inputs;
        inputs[input].values[i] += by;
        return weigh(run(*program->module, "forward", inputs), weights);
      };
      differences.values[i] = (shifted(step) - shifted(-step)) / (2 * step);
    }
    // No gradient means that there is nothing to differentiate.
    Tensor gradient = program->hasGradient[input] ? gradients[next++]
                                                  : Tensor(differences.shape);
    expectNear(gradient, differences, 1e-8,
               "gradient of operand " + std::to_string(input));
  }
  EXPECT_EQ(next, gradients.size());
}

TEST_P(GradientTest, survivesDecompositionAndFolding) {
  const GradientCase &test = getGradientCases()[GetParam()];
  FailureOr<GradientProgram> program = buildProgram(test, context);
  ASSERT_TRUE(succeeded(program)) << test.op;
  std::vector<Tensor> arguments = program->inputs;
  Tensor result = run(*program->module, "forward", arguments);
  Tensor weights = result;
  fill(weights, -1, 1, 5);
  arguments.push_back(weights);
  std::vector<Tensor> gradients =
      runAll(*program->module, "backward", arguments);

  PassManager passes(&context);
  passes.addPass(mlir::fleet::nn::createDecomposePass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  ASSERT_TRUE(succeeded(passes.run(*program->module)));
  program->module->walk([](mlir::fleet::nn::DecomposableOpInterface op) {
    ADD_FAILURE() << op->getName().getStringRef().str() << " is left";
  });
  expectNear(run(*program->module, "forward", program->inputs), result, 1e-12,
             "result");
  std::vector<Tensor> decomposed =
      runAll(*program->module, "backward", arguments);
  ASSERT_EQ(decomposed.size(), gradients.size());
  for (size_t i = 0; i < gradients.size(); ++i)
    expectNear(decomposed[i], gradients[i], 1e-12, "gradient");
}

INSTANTIATE_TEST_SUITE_P(Ops, GradientTest,
                         ::testing::Range<size_t>(0, getGradientCases().size()),
                         [](const ::testing::TestParamInfo<size_t> &info) {
                           std::string name =
                               nameOf(getGradientCases()[info.param]).substr(3);
                           return name + "_" + std::to_string(info.param);
                         });

class GradientCoverageTest : public GradientTest {
protected:
  std::vector<RegisteredOperationName> getOperations() {
    std::vector<RegisteredOperationName> operations;
    for (RegisteredOperationName op : context.getRegisteredOperations())
      if (op.getDialectNamespace() == "nn")
        operations.push_back(op);
    EXPECT_FALSE(operations.empty());
    return operations;
  }
};

TEST_F(GradientCoverageTest, everyDifferentiableOperationHasACase) {
  llvm::StringSet<> covered;
  for (const GradientCase &test : getGradientCases())
    covered.insert(nameOf(test));
  size_t differentiable = 0;
  for (RegisteredOperationName op : getOperations()) {
    if (!op.hasInterface<mlir::fleet::nn::DifferentiableOpInterface>() ||
        withoutGradient.contains(op.getStringRef()))
      continue;
    ++differentiable;
    EXPECT_TRUE(covered.contains(op.getStringRef()))
        << "add a line for " << op.getStringRef().str();
  }
  EXPECT_GT(differentiable, 0u);
}

TEST_F(GradientCoverageTest, theInterpreterKnowsEveryOperation) {
  for (RegisteredOperationName op : getOperations())
    EXPECT_TRUE(interpreter.knows(op.getStringRef()))
        << op.getStringRef().str();
}

TEST_F(GradientCoverageTest, accuracySaysThatItHasNoGradient) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message += diagnostic.str();
    return success();
  });
  GradientCase test = {"nn.accuracy %a, %b : (tensor<?x3xf64>, "
                       "tensor<?x1xi64>) -> tensor<f64>",
                       {"tensor<?x3xf64>", "tensor<?x1xi64>"}};
  EXPECT_TRUE(failed(buildProgram(test, context)));
  EXPECT_THAT(message, ::testing::HasSubstr(
                           "'nn.accuracy' op has no gradient, since it changes "
                           "in steps; minimize a loss such as"));
}

// Where several elements are largest there is no derivative to compare with;
// they share the gradient.
TEST_F(GradientCoverageTest, largestElementsShareTheGradient) {
  GradientCase test = {
      "nn.reduce max %a dims = [0] : tensor<4xf64> -> tensor<f64>",
      {"tensor<4xf64>"}};
  FailureOr<GradientProgram> program = buildProgram(test, context);
  ASSERT_TRUE(succeeded(program));
  program->inputs[0].values = {2, 1, 2, 0};
  std::vector<Tensor> gradients = runAll(
      *program->module, "backward", {program->inputs[0], Tensor::scalar(3)});
  ASSERT_EQ(gradients.size(), 1u);
  EXPECT_THAT(gradients[0].values, ::testing::ElementsAre(1.5, 0.0, 1.5, 0.0));
}

TEST_F(GradientCoverageTest, crossEntropyIsSafeForExtremeLogits) {
  GradientCase test = {"nn.softmax_cross_entropy %a, %b : (tensor<?x3xf64>, "
                       "tensor<?x1xi64>) -> tensor<?x1xf64>",
                       {"tensor<?x3xf64>", "tensor<?x1xi64>"}};
  FailureOr<GradientProgram> program = buildProgram(test, context);
  ASSERT_TRUE(succeeded(program));
  PassManager passes(&context);
  passes.addPass(mlir::fleet::nn::createDecomposePass());
  ASSERT_TRUE(succeeded(passes.run(*program->module)));
  double infinity = std::numeric_limits<double>::infinity();
  Tensor logits(::fleet::reference::Shape{2, 3});
  logits.values = {1e4, -1e4, 0, -infinity, 1, 1};
  Tensor labels(::fleet::reference::Shape{2, 1});
  labels.values = {1, 2};
  Tensor loss = run(*program->module, "forward", {logits, labels});
  ASSERT_EQ(loss.values.size(), 2u);
  EXPECT_DOUBLE_EQ(loss.values[0], 2e4);
  EXPECT_DOUBLE_EQ(loss.values[1], std::log(2.0));
}

} // namespace
