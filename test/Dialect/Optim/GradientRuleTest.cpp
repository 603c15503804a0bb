//===- GradientRuleTest.cpp - Clipping and regularization by formulas -----===//
//
// Several steps of sgd with what is done to its gradient, evaluated by the
// reference interpreter in doubles, against the formula written in C++.
//
//===----------------------------------------------------------------------===//

#include "test/Dialect/Optim/UpdateRule.h"

namespace {
class GradientRule : public UpdateRule {};
} // namespace

/// One after the other, sgd with the gradient that `change` makes of it.
template <typename Change>
static void expectDescent(const std::vector<Tensor> &values,
                          const Tensor &parameter,
                          const std::vector<Tensor> &gradients, Change change) {
  ASSERT_EQ(values.size(), 1u);
  std::vector<double> w = parameter.values;
  for (int step = 0; step < kSteps; ++step) {
    std::vector<double> g = change(w, gradients[step].values);
    for (int64_t i = 0; i < kElements; ++i)
      w[i] -= 0.1 * g[i];
  }
  for (int64_t i = 0; i < kElements; ++i)
    EXPECT_NEAR(values[0].values[i], w[i], 1e-12);
}

using Doubles = std::vector<double>;

TEST_F(GradientRule, l1) {
  rules = "[#optim.l1<0.25>]";
  expectDescent(train("#optim.sgd<learning_rate = 0.1>"), parameter, gradients,
                [](const Doubles &w, Doubles g) {
                  for (size_t i = 0; i < g.size(); ++i)
                    g[i] += 0.25 * ((w[i] > 0) - (w[i] < 0));
                  return g;
                });
}

TEST_F(GradientRule, l1LeavesZerosAlone) {
  rules = "[#optim.l1<0.25>]";
  parameter.values.assign(kElements, 0.0);
  for (Tensor &gradient : gradients)
    gradient.values.assign(kElements, 0.0);
  auto values = train("#optim.sgd<learning_rate = 0.1>");
  ASSERT_EQ(values.size(), 1u);
  for (double value : values[0].values)
    EXPECT_EQ(value, 0.0);
}

TEST_F(GradientRule, l2) {
  rules = "[#optim.l2<0.25>]";
  expectDescent(train("#optim.sgd<learning_rate = 0.1>"), parameter, gradients,
                [](const Doubles &w, Doubles g) {
                  for (size_t i = 0; i < g.size(); ++i)
                    g[i] += 0.25 * w[i];
                  return g;
                });
}

TEST_F(GradientRule, clipByValue) {
  rules = "[#optim.clip_by_value<min = -0.3, max = 0.2>]";
  expectDescent(train("#optim.sgd<learning_rate = 0.1>"), parameter, gradients,
                [](const Doubles &, Doubles g) {
                  for (double &x : g)
                    x = std::min(std::max(x, -0.3), 0.2);
                  return g;
                });
}

/// The gradients are both shorter and longer than the limit.
static Doubles clipByNorm(Doubles g, double limit) {
  double sum = 0;
  for (double x : g)
    sum += x * x;
  double norm = std::sqrt(sum);
  for (double &x : g)
    x *= norm > limit ? limit / norm : 1.0;
  return g;
}

TEST_F(GradientRule, clipByNorm) {
  rules = "[#optim.clip_by_norm<max = 1.0>]";
  isSplittable = false;
  expectDescent(
      train("#optim.sgd<learning_rate = 0.1>"), parameter, gradients,
      [](const Doubles &, const Doubles &g) { return clipByNorm(g, 1.0); });
}

TEST_F(GradientRule, rulesApplyInTheirOrder) {
  rules = "[#optim.clip_by_norm<max = 1.0>, #optim.l2<0.25>]";
  isSplittable = false;
  expectDescent(train("#optim.sgd<learning_rate = 0.1>"), parameter, gradients,
                [](const Doubles &w, const Doubles &raw) {
                  Doubles g = clipByNorm(raw, 1.0);
                  for (size_t i = 0; i < g.size(); ++i)
                    g[i] += 0.25 * w[i];
                  return g;
                });
}
