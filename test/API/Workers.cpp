//===- Workers.cpp - A job whose workers are threads ----------------------===//

#include "test/API/Workers.h"

#include <cmath>
#include <thread>

using namespace fleet;
using namespace fleet::api;
using namespace fleet::api::test;

void test::runWorkers(uint32_t workers,
                      const std::function<void(Fleet &)> &work,
                      std::chrono::milliseconds deadline) {
  auto group = ThreadGroup::create(workers, deadline);
  ASSERT_OK(group);
  std::vector<std::thread> threads;
  for (uint32_t index = 0; index < workers; ++index)
    threads.emplace_back([&, index] {
      Fleet fleet;
      FleetOptions options;
      options.threadGroup = *group;
      Place place;
      place.index = index;
      place.workers = workers;
      ASSERT_OK(fleet.init(UserDefinedRoleMaker(place), true, options));
      work(fleet);
    });
  for (std::thread &thread : threads)
    thread.join();
}

Program test::line(const std::string &with) {
  auto program = Program::parse(
      R"(module @line {
  optim.parameter @w : tensor<3x1xf32> init = #optim.constant<0.5>
  optim.parameter @b : tensor<1xf32> init = #optim.zeros
  func.func @main(%x: tensor<?x3xf32>, %y: tensor<?x1xf32>) -> tensor<f32> {
    %w = optim.read @w : tensor<3x1xf32>
    %b = optim.read @b : tensor<1xf32>
    %0 = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
    %p = nn.add %0, %b : (tensor<?x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>
    %d = nn.square_error %p, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %loss = nn.mean %d : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with )" +
          with + R"(
    return %loss : tensor<f32>
  }
})",
      "line.mlir");
  EXPECT_TRUE(program.ok()) << program.status().message();
  return *program;
}

Line::Line(int64_t rows) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int column = 0; column < 3; ++column)
      x.push_back(static_cast<float>(
          std::sin(static_cast<double>(3 * row + column) * 1.7)));
    y.push_back(static_cast<float>(std::cos(static_cast<double>(row))));
  }
}

Batch Line::batch(int64_t begin, int64_t end) const {
  return {{"x", TensorView(x.data() + 3 * begin, {end - begin, 3})},
          {"y", TensorView(y.data() + begin, {end - begin, 1})}};
}

double Line::addGradient(int64_t begin, int64_t end, double weight,
                         std::vector<double> &gradient) const {
  double loss = 0, count = static_cast<double>(end - begin);
  for (int64_t row = begin; row < end; ++row) {
    double error = b - static_cast<double>(y[static_cast<size_t>(row)]);
    auto feature = [&](size_t column) {
      return static_cast<double>(x[3 * static_cast<size_t>(row) + column]);
    };
    for (size_t column = 0; column < 3; ++column)
      error += feature(column) * w[column];
    loss += error * error / count;
    for (size_t column = 0; column < 3; ++column)
      gradient[column] += weight * 2 * error * feature(column) / count;
    gradient[3] += weight * 2 * error / count;
  }
  return loss;
}

void Line::update(const std::vector<double> &gradient, double rate) {
  for (size_t column = 0; column < 3; ++column)
    w[column] -= rate * gradient[column];
  b -= rate * gradient[3];
}

void test::expectNear(const StateDict &states, const Line &expected,
                      double tolerance) {
  ASSERT_EQ(states.count("w") + states.count("b"), 2u);
  std::vector<float> w = states.at("w").values<float>();
  ASSERT_EQ(w.size(), 3u);
  for (size_t column = 0; column < 3; ++column)
    EXPECT_NEAR(w[column], expected.w[column], tolerance);
  EXPECT_NEAR(states.at("b").values<float>().at(0), expected.b, tolerance);
}
