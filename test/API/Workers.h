//===- Workers.h - A job whose workers are threads --------------*- C++ -*-===//

#ifndef FLEET_TEST_API_WORKERS_H
#define FLEET_TEST_API_WORKERS_H

#include "fleet/API/Fleet.h"

#include <gtest/gtest.h>

#include <functional>

namespace fleet::api::test {

/// Runs `work` in a thread for each of `workers`, with a Fleet that is
/// initialized.
void runWorkers(uint32_t workers, const std::function<void(Fleet &)> &work,
                std::chrono::milliseconds deadline = std::chrono::seconds(30));

/// A line through 3 features: loss = mean((x w + b - y)^2), trained as `with`
/// says ("#optim.sgd<...> clip = ...").
Program line(const std::string &with = "#optim.sgd<learning_rate = 1.0e-1>");

/// Rows of x and y, and their gradients by hand.
struct Line {
  std::vector<float> x, y;
  std::vector<double> w = {0.5, 0.5, 0.5};
  double b = 0;

  explicit Line(int64_t rows);
  /// Inputs of rows [begin, end).
  Batch batch(int64_t begin, int64_t end) const;
  int64_t rows() const { return static_cast<int64_t>(y.size()); }
  /// The mean loss over rows [begin, end); its gradient by w and then b, times
  /// `weight`, is added to `gradient` (4 elements).
  double addGradient(int64_t begin, int64_t end, double weight,
                     std::vector<double> &gradient) const;
  void update(const std::vector<double> &gradient, double rate);
};

/// Holds a worker's parameters against those of `expected`.
void expectNear(const StateDict &states, const Line &expected,
                double tolerance = 1e-5);

} // namespace fleet::api::test

/// Fails, with the message, where a Status or StatusOr is an error.
#define ASSERT_OK(expr)                                                        \
  do {                                                                         \
    auto &&result = (expr);                                                    \
    ASSERT_TRUE(result.ok()) << fleet::api::test::messageOf(result);           \
  } while (false)
#define EXPECT_ERROR(expr, text)                                               \
  do {                                                                         \
    auto &&result = (expr);                                                    \
    EXPECT_FALSE(result.ok());                                                 \
    EXPECT_THAT(fleet::api::test::messageOf(result),                           \
                testing::HasSubstr(text));                                     \
  } while (false)

namespace fleet::api::test {
inline std::string messageOf(const Status &status) { return status.message(); }
template <typename T> std::string messageOf(const StatusOr<T> &value) {
  return value.status().message();
}
} // namespace fleet::api::test

#endif // FLEET_TEST_API_WORKERS_H
