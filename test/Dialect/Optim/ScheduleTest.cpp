//===- ScheduleTest.cpp - Learning-rate schedules against their formulas --===//

#include "dialects/Optim/IR/Optim.h"
#include "fleet/InitAll.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "test/lib/Reference/Interpreter.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using ::fleet::reference::Interpreter;
using ::fleet::reference::Tensor;
namespace optim = mlir::fleet::optim;

namespace {

/// What a schedule multiplies the learning rate by, at update k.
using Formula = std::function<double(double k)>;

class Schedule : public testing::Test {
protected:
  Schedule() {
    DialectRegistry registry;
    mlir::fleet::registerAllFleetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// Holds the first 100 factors of `text` against `formula`.
  void expect(llvm::StringRef text, const Formula &formula) {
    SCOPED_TRACE(text.str());
    auto schedule = dyn_cast_or_null<optim::ScheduleAttrInterface>(
        parseAttribute(text, &context));
    ASSERT_TRUE(schedule);
    OpBuilder b(&context);
    OwningOpRef<ModuleOp> module = ModuleOp::create(b.getUnknownLoc());
    b.setInsertionPointToEnd(module->getBody());
    auto scalar = RankedTensorType::get({}, b.getF64Type());
    auto function = func::FuncOp::create(b, module->getLoc(), "factor",
                                         b.getFunctionType({scalar}, {scalar}));
    b.setInsertionPointToStart(function.addEntryBlock());
    Value factor =
        schedule.buildFactor(b, function.getLoc(), function.getArgument(0));
    func::ReturnOp::create(b, function.getLoc(), factor);
    ASSERT_TRUE(succeeded(verify(*module)));
    for (int k = 0; k < 100; ++k) {
      Tensor count{std::vector<int64_t>{}};
      count.values = {static_cast<double>(k)};
      auto result = Interpreter().evaluate(function, {count});
      ASSERT_TRUE(succeeded(result));
      EXPECT_NEAR((*result)[0].values[0], formula(k), 1e-12) << "k = " << k;
    }
  }

  MLIRContext context;
};

TEST_F(Schedule, ExponentialDecay) {
  expect("#optim.exponential_decay<steps = 7, rate = 0.9>",
         [](double k) { return std::pow(0.9, k / 7); });
  expect("#optim.exponential_decay<steps = 7, rate = 0.9, staircase = true>",
         [](double k) { return std::pow(0.9, std::floor(k / 7)); });
}

TEST_F(Schedule, NaturalExpDecay) {
  expect("#optim.natural_exp_decay<steps = 7, rate = 0.3>",
         [](double k) { return std::exp(-0.3 * k / 7); });
  expect("#optim.natural_exp_decay<steps = 7, rate = 0.3, staircase = true>",
         [](double k) { return std::exp(-0.3 * std::floor(k / 7)); });
}

TEST_F(Schedule, InverseTimeDecay) {
  expect("#optim.inverse_time_decay<steps = 7, rate = 0.3>",
         [](double k) { return 1 / (1 + 0.3 * k / 7); });
  expect("#optim.inverse_time_decay<steps = 7, rate = 0.3, staircase = true>",
         [](double k) { return 1 / (1 + 0.3 * std::floor(k / 7)); });
}

TEST_F(Schedule, PolynomialDecay) {
  expect("#optim.polynomial_decay<steps = 40>",
         [](double k) { return 1 - std::min(k, 40.0) / 40; });
  expect("#optim.polynomial_decay<steps = 40, end = 0.1, power = 2.5>",
         [](double k) {
           return 0.9 * std::pow(1 - std::min(k, 40.0) / 40, 2.5) + 0.1;
         });
  expect("#optim.polynomial_decay<steps = 30, end = 0.1, cycle = true>",
         [](double k) {
           double steps = 30 * std::max(1.0, std::ceil(k / 30));
           return 0.9 * (1 - k / steps) + 0.1;
         });
}

TEST_F(Schedule, PiecewiseDecay) {
  expect("#optim.piecewise_decay<boundaries = [10, 20], factors = [1.0, 0.5, "
         "0.1]>",
         [](double k) { return k < 10   ? 1.0
                               : k < 20 ? 0.5
                                        : 0.1; });
}

TEST_F(Schedule, CosineDecay) {
  expect("#optim.cosine_decay<steps_per_epoch = 5, epochs = 12>", [](double k) {
    double epoch = std::min(std::floor(k / 5), 12.0);
    return (std::cos(M_PI * epoch / 12) + 1) / 2;
  });
}

TEST_F(Schedule, NoamDecay) {
  expect("#optim.noam_decay<d_model = 64, warmup_steps = 30>", [](double k) {
    return std::pow(64, -0.5) *
           std::min(std::pow(k + 1, -0.5), (k + 1) * std::pow(30, -1.5));
  });
}

TEST_F(Schedule, VariableRate) {
  expect("#optim.variable_rate", [](double factor) { return factor; });
}

TEST_F(Schedule, LinearWarmup) {
  expect("#optim.linear_warmup<steps = 20>",
         [](double k) { return std::min(k / 20, 1.0); });
  expect("#optim.linear_warmup<steps = 20, start = 0.2, end = 0.8, after = "
         "#optim.exponential_decay<steps = 7, rate = 0.9>>",
         [](double k) {
           return k < 20 ? 0.2 + 0.6 * k / 20 : std::pow(0.9, k / 7);
         });
}

} // namespace
