//===- ModelTest.cpp - Training call by call ------------------------------===//
//
// N workers with parts of a batch against the gradients of the whole batch,
// computed by hand in double precision.
//
//===----------------------------------------------------------------------===//

#include "test/API/Workers.h"

#include <gmock/gmock.h>

#include <cmath>
#include <mutex>

using namespace fleet;
using namespace fleet::api;
using namespace fleet::api::test;

namespace {

constexpr int64_t kRows = 13;

/// Where worker `index` of `workers` begins in kRows rows: parts are uneven.
int64_t beginOf(uint32_t index, uint32_t workers) {
  return kRows * index / workers;
}

Batch partOf(const Line &data, const Fleet &fleet) {
  return data.batch(beginOf(fleet.workerIndex(), fleet.workerNum()),
                    beginOf(fleet.workerIndex() + 1, fleet.workerNum()));
}

/// `model` of `program` with `optimizer`.
#define MAKE_MODEL(model, fleet, program, optimizer, ...)                      \
  auto chosen = (fleet).distributedOptimizer(optimizer);                       \
  ASSERT_OK(chosen);                                                           \
  auto model = (fleet).distributedModel(program, *chosen, ##__VA_ARGS__);      \
  ASSERT_OK(model)

class Model : public testing::TestWithParam<uint32_t> {};

/// States that every worker ended with; all have to be the same bits.
class Ends {
public:
  void add(const StateDict &states) {
    std::lock_guard<std::mutex> lock(mutex);
    if (first.empty())
      first = states;
    ASSERT_EQ(first.size(), states.size());
    for (const auto &[name, tensor] : states)
      EXPECT_EQ(first.at(name).bytes, tensor.bytes) << name;
  }
  StateDict first;

private:
  std::mutex mutex;
};

} // namespace

TEST_P(Model, TrainsAsOneMachine) {
  Line expected(kRows);
  for (int step = 0; step < 20; ++step) {
    std::vector<double> gradient(4);
    expected.addGradient(0, kRows, 1, gradient);
    expected.update(gradient, 0.1);
  }
  Program program = line();
  Ends ends;
  runWorkers(GetParam(), [&](Fleet &fleet) {
    Line data(kRows);
    MAKE_MODEL(model, fleet, program, Optimizer());
    for (int step = 0; step < 20; ++step) {
      auto loss = model->forwardBackward(partOf(data, fleet));
      ASSERT_OK(loss);
      EXPECT_TRUE(std::isfinite(*loss));
      ASSERT_OK(model->step());
      ASSERT_OK(model->clearGrad());
    }
    auto states = model->stateDict();
    ASSERT_OK(states);
    EXPECT_EQ(states->size(), 2u);
    expectNear(*states, expected);
    ends.add(*states);
  });
}

TEST_P(Model, UsesTheOptimizerThatIsGiven) {
  Line expected(kRows);
  std::vector<double> velocity(4);
  for (int step = 0; step < 10; ++step) {
    std::vector<double> gradient(4);
    expected.addGradient(0, kRows, 1, gradient);
    for (size_t i = 0; i < 4; ++i)
      velocity[i] = 0.5 * velocity[i] + gradient[i];
    expected.update(velocity, 0.05);
  }
  Program program = line();
  runWorkers(GetParam(), [&](Fleet &fleet) {
    Line data(kRows);
    MAKE_MODEL(model, fleet, program, optim::momentum(0.05, 0.5));
    for (int step = 0; step < 10; ++step) {
      ASSERT_OK(model->forwardBackward(partOf(data, fleet)));
      ASSERT_OK(model->step());
    }
    auto states = model->stateDict();
    ASSERT_OK(states);
    EXPECT_EQ(states->count("w/velocity"), 1u);
    expectNear(*states, expected);
  });
}

TEST_P(Model, AddsGradientsUp) {
  for (auto how :
       {ModelOptions::Accumulation::Sum, ModelOptions::Accumulation::Mean}) {
    bool isSum = how == ModelOptions::Accumulation::Sum;
    // A step of the whole batch, and one of its first 8 rows.
    Line expected(kRows);
    for (int step = 0; step < 5; ++step) {
      std::vector<double> gradient(4);
      expected.addGradient(0, kRows, isSum ? 1 : kRows / (kRows + 8.0),
                           gradient);
      expected.addGradient(0, 8, isSum ? 1 : 8 / (kRows + 8.0), gradient);
      expected.update(gradient, 0.1);
    }
    Program program = line();
    runWorkers(GetParam(), [&](Fleet &fleet) {
      Line data(kRows);
      MAKE_MODEL(model, fleet, program, Optimizer(), ModelOptions{how});
      int64_t each = 8 / fleet.workerNum(), begin = each * fleet.workerIndex();
      for (int step = 0; step < 5; ++step) {
        ASSERT_OK(model->forwardBackward(partOf(data, fleet)));
        ASSERT_OK(model->forwardBackward(data.batch(begin, begin + each)));
        ASSERT_OK(model->step());
      }
      auto states = model->stateDict();
      ASSERT_OK(states);
      expectNear(*states, expected);
    });
  }
}

TEST_P(Model, ClearsGradients) {
  Line expected(kRows);
  std::vector<double> gradient(4);
  expected.addGradient(0, kRows, 1, gradient);
  expected.update(gradient, 0.1);
  Program program = line();
  runWorkers(GetParam(), [&](Fleet &fleet) {
    Line data(kRows);
    MAKE_MODEL(model, fleet, program, Optimizer());
    EXPECT_ERROR(model->step(), "call forwardBackward() first");
    ASSERT_OK(model->forwardBackward(data.batch(0, 5)));
    ASSERT_OK(model->clearGrad());
    EXPECT_ERROR(model->step(), "call forwardBackward() first");
    ASSERT_OK(model->forwardBackward(partOf(data, fleet)));
    ASSERT_OK(model->step());
    EXPECT_ERROR(model->step(), "call forwardBackward() first");
    auto states = model->stateDict();
    ASSERT_OK(states);
    expectNear(*states, expected);
  });
}

TEST_P(Model, SetsTheLearningRate) {
  Line expected(kRows);
  for (double rate : {0.1, 0.03, 0.2}) {
    std::vector<double> gradient(4);
    expected.addGradient(0, kRows, 1, gradient);
    expected.update(gradient, rate);
  }
  Program program = line();
  runWorkers(GetParam(), [&](Fleet &fleet) {
    Line data(kRows);
    MAKE_MODEL(model, fleet, program, Optimizer());
    EXPECT_EQ(*model->getLr(), 0.1);
    for (double rate : {0.1, 0.03, 0.2}) {
      ASSERT_OK(model->setLr(rate));
      EXPECT_EQ(*model->getLr(), rate);
      ASSERT_OK(model->forwardBackward(partOf(data, fleet)));
      ASSERT_OK(model->step());
    }
    EXPECT_ERROR(model->setLr(0), "expected a number greater than 0, got 0");
    auto states = model->stateDict();
    ASSERT_OK(states);
    expectNear(*states, expected);
    EXPECT_EQ(states->count("w/rate_factor"), 0u);
    if (fleet.workerNum() > 1) {
      EXPECT_ERROR(model->setLr(0.1 * (1 + fleet.workerIndex())),
                   "worker 1 says 0.2, worker 0 says 0.1");
      EXPECT_EQ(*model->getLr(), 0.2);
    }
  });
}

TEST_P(Model, GoesOnFromStates) {
  Program program = line();
  Ends straight, resumed;
  runWorkers(GetParam(), [&](Fleet &fleet) {
    Line data(kRows);
    MAKE_MODEL(model, fleet, program, optim::adam(1e-2));
    auto second = fleet.distributedModel(program, *chosen);
    ASSERT_OK(second);
    auto train = [&](DistributedModel &trained, int steps) {
      for (int step = 0; step < steps; ++step) {
        ASSERT_OK(trained.forwardBackward(partOf(data, fleet)));
        ASSERT_OK(trained.step());
      }
    };
    train(*model, 4);
    auto states = model->stateDict();
    ASSERT_OK(states);
    // All get what worker 0 has; what a worker has added up is gone.
    StateDict given = *states;
    if (!fleet.isFirstWorker())
      given["b"] = Tensor(std::vector<float>{7}, {1});
    ASSERT_OK(second->forwardBackward(partOf(data, fleet)));
    ASSERT_OK(second->setStateDict(given));
    train(*model, 3);
    train(*second, 3);
    auto one = model->stateDict(), other = second->stateDict();
    ASSERT_OK(one);
    ASSERT_OK(other);
    straight.add(*one);
    resumed.add(*other);
  });
  EXPECT_GT(straight.first.size(), 2u);
  resumed.add(straight.first);
}

TEST_P(Model, RefusesStatesOfAnotherProgram) {
  Program program = line();
  runWorkers(GetParam(), [&](Fleet &fleet) {
    MAKE_MODEL(model, fleet, program, Optimizer());
    auto states = model->stateDict();
    ASSERT_OK(states);
    StateDict wrong = *states;
    wrong["v"] = wrong["w"];
    EXPECT_ERROR(model->setStateDict(wrong),
                 "'v' is no parameter or state of the program");
    wrong = *states;
    wrong["w"] = Tensor(std::vector<float>(3), {3});
    EXPECT_ERROR(model->setStateDict(wrong), "the program has [3, 1] of f32");
    wrong = *states;
    wrong["w"] = Tensor(std::vector<double>(3), {3, 1});
    EXPECT_ERROR(model->setStateDict(wrong), "'w' is [3, 1] of f64");
    wrong = *states;
    wrong["w"].bytes.resize(8);
    EXPECT_ERROR(model->setStateDict(wrong), "'w' has 8 bytes");
    wrong = *states;
    wrong.erase("b");
    EXPECT_ERROR(model->setStateDict(wrong), "'b' is missing");
    if (fleet.workerNum() > 1) {
      // At one worker only: nothing changes anywhere.
      StateDict other = *states;
      other["w"] = Tensor(std::vector<float>(3, 9), {3, 1});
      EXPECT_ERROR(
          model->setStateDict(fleet.workerIndex() == 1 ? wrong : other),
          fleet.workerIndex() == 1 ? "'b' is missing"
                                   : "setStateDict failed at worker 1");
    }
    auto after = model->stateDict();
    ASSERT_OK(after);
    EXPECT_EQ(after->at("w").bytes, states->at("w").bytes);
  });
}

TEST_P(Model, RefusesOtherBatches) {
  Program program = line();
  runWorkers(GetParam(), [&](Fleet &fleet) {
    Line data(kRows);
    MAKE_MODEL(model, fleet, program, Optimizer());
    Batch batch = data.batch(0, 4);
    batch.erase("y");
    EXPECT_ERROR(model->forwardBackward(batch), "the batch has no input 'y'");
    batch = data.batch(0, 4);
    batch["z"] = batch["y"];
    EXPECT_ERROR(model->forwardBackward(batch), "no input 'z'");
    batch = data.batch(0, 4);
    batch["y"] = TensorView(data.y.data(), {5, 1});
    EXPECT_ERROR(model->forwardBackward(batch), "'y' has 5 rows, 'x' has 4");
    batch["y"] = TensorView(data.y.data(), {4});
    EXPECT_ERROR(model->forwardBackward(batch),
                 "'y' is [4] of f32, expected rows of [1] of f32");
    batch["y"] = TensorView(data.w.data(), {3, 1});
    EXPECT_ERROR(model->forwardBackward(batch), "[3, 1] of f64");
    batch["y"] = TensorView(static_cast<const float *>(nullptr), {4, 1});
    EXPECT_ERROR(model->forwardBackward(batch), "'y' has no data");
    // None of these was a step.
    EXPECT_ERROR(model->step(), "call forwardBackward() first");
  });
}

TEST_P(Model, ComputesTheLoss) {
  Line expected(kRows);
  std::vector<double> gradient(4);
  double loss = expected.addGradient(0, kRows, 1, gradient);
  Program program = line();
  runWorkers(GetParam(), [&](Fleet &fleet) {
    Line data(kRows);
    MAKE_MODEL(model, fleet, program, Optimizer());
    auto forward = model->forward(data.batch(0, kRows));
    ASSERT_OK(forward);
    EXPECT_NEAR(*forward, loss, 1e-5);
    EXPECT_ERROR(model->forward(data.batch(0, 0)), "no rows");
  });
}

INSTANTIATE_TEST_SUITE_P(Workers, Model, testing::Values(1, 2, 4));

TEST(ModelOfSomeWorkers, TrainsWithoutRows) {
  Line expected(kRows);
  std::vector<double> gradient(4);
  expected.addGradient(0, kRows, 1, gradient);
  expected.update(gradient, 0.1);
  Program program = line();
  for (auto how :
       {ModelOptions::Accumulation::Sum, ModelOptions::Accumulation::Mean})
    runWorkers(2, [&](Fleet &fleet) {
      Line data(kRows);
      MAKE_MODEL(model, fleet, program, Optimizer(), ModelOptions{how});
      ASSERT_OK(model->forwardBackward(data.batch(0, 0)));
      EXPECT_ERROR(model->step(), "no worker had rows");
      ASSERT_OK(model->clearGrad());
      auto loss = model->forwardBackward(
          data.batch(0, fleet.isFirstWorker() ? kRows : 0));
      ASSERT_OK(loss);
      EXPECT_EQ(std::isnan(*loss), !fleet.isFirstWorker());
      ASSERT_OK(model->step());
      auto states = model->stateDict();
      ASSERT_OK(states);
      expectNear(*states, expected);
    });
}

/// Each worker keeps a part of the optimizer state; dictionaries have the
/// whole.
TEST(ModelOfSomeWorkers, TrainsParts) {
  Program program = line();
  StateDict one;
  for (uint32_t workers : {1, 2, 3})
    runWorkers(workers, [&](Fleet &fleet) {
      Line data(kRows);
      auto strategy =
          DistributedStrategy::parse(workers == 1 ? "" : "sharding: true");
      ASSERT_OK(strategy);
      auto chosen = fleet.distributedOptimizer(optim::adam(1e-2), *strategy);
      ASSERT_OK(chosen);
      auto model = fleet.distributedModel(program, *chosen);
      ASSERT_OK(model);
      auto second = fleet.distributedModel(program, *chosen);
      ASSERT_OK(second);
      auto train = [&](DistributedModel &trained, int steps) {
        for (int step = 0; step < steps; ++step) {
          ASSERT_OK(trained.setLr(1e-2 * (step + 1)));
          ASSERT_OK(trained.forwardBackward(partOf(data, fleet)));
          ASSERT_OK(trained.forwardBackward(partOf(data, fleet)));
          ASSERT_OK(trained.step());
        }
      };
      train(*model, 4);
      auto middle = model->stateDict();
      ASSERT_OK(middle);
      ASSERT_OK(second->setStateDict(*middle));
      train(*model, 3);
      train(*second, 3);
      auto states = model->stateDict(), others = second->stateDict();
      ASSERT_OK(states);
      ASSERT_OK(others);
      if (workers == 1)
        one = *states;
      EXPECT_EQ(states->size(), one.size());
      for (const auto &[name, tensor] : *states) {
        EXPECT_EQ(tensor.bytes, others->at(name).bytes) << name;
        EXPECT_EQ(tensor.shape, one.at(name).shape) << name;
        for (size_t i = 0; i < tensor.values<float>().size(); ++i)
          EXPECT_NEAR(tensor.values<float>()[i],
                      one.at(name).values<float>()[i], 1e-4)
              << name;
      }
    });
}

/// What looks at all gradients at once, and what counts updates.
TEST(ModelOfSomeWorkers, ClipsAndSchedulesAsOne) {
  Program program =
      line("#optim.momentum<learning_rate = 0.1, momentum = 0.5>\n"
           "schedule = #optim.exponential_decay<steps = 2, rate = 0.5>\n"
           "clip = #optim.clip_by_global_norm<max = 0.3>\n"
           "regularizer = #optim.l2<1.0e-2>");
  StateDict one;
  for (uint32_t workers : {1, 3})
    runWorkers(workers, [&](Fleet &fleet) {
      Line data(kRows);
      MAKE_MODEL(model, fleet, program, Optimizer());
      EXPECT_ERROR(model->setLr(0.1), "the program has a schedule");
      EXPECT_ERROR(model->getLr(), "the program has a schedule");
      for (int step = 0; step < 6; ++step) {
        ASSERT_OK(model->forwardBackward(partOf(data, fleet)));
        ASSERT_OK(model->forwardBackward(partOf(data, fleet)));
        ASSERT_OK(model->step());
      }
      auto states = model->stateDict();
      ASSERT_OK(states);
      EXPECT_EQ(states->at("w/count").values<float>().at(0), 6);
      if (workers == 1)
        one = *states;
      for (const auto &[name, tensor] : *states)
        for (size_t i = 0; i < tensor.values<float>().size(); ++i)
          EXPECT_NEAR(tensor.values<float>()[i],
                      one.at(name).values<float>()[i], 1e-5)
              << name;
    });
}

/// Variables that a program assigns itself are means over all workers' rows.
TEST(ModelOfSomeWorkers, SharesMovingMeans) {
  auto program =
      Program::readFile(FLEET_SOURCE "/test/Contract/Inputs/moving_mean.mlir");
  ASSERT_OK(program);
  std::vector<float> x(kRows * 13), y(kRows);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(std::sin(static_cast<double>(i)));
  for (size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<float>(i % 3);
  StateDict one;
  for (uint32_t workers : {1, 3})
    runWorkers(workers, [&](Fleet &fleet) {
      MAKE_MODEL(model, fleet, *program, Optimizer());
      int64_t begin = beginOf(fleet.workerIndex(), workers);
      int64_t count = beginOf(fleet.workerIndex() + 1, workers) - begin;
      for (int step = 0; step < 4; ++step) {
        ASSERT_OK(model->forwardBackward(
            {{"x", TensorView(x.data() + 13 * begin, {count, 13})},
             {"y", TensorView(y.data() + begin, {count, 1})}}));
        ASSERT_OK(model->step());
      }
      auto states = model->stateDict();
      ASSERT_OK(states);
      if (workers == 1)
        one = *states;
      EXPECT_EQ(one.size(), states->size());
      for (const auto &[name, tensor] : *states)
        for (size_t i = 0; i < tensor.values<float>().size(); ++i)
          EXPECT_NEAR(tensor.values<float>()[i],
                      one.at(name).values<float>()[i], 1e-4)
              << name;
    });
}
