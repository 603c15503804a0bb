//===- ContractTest.cpp - A distributed job against one machine -----------===//
//
// Synchronous training with N trainers on batch B each equals training on one
// machine with batch N*B: bit-identical for N = 1, and up to the order of
// summation otherwise. Ranks are threads of this process; plans are real.
//
//===----------------------------------------------------------------------===//

#include "runtime/base/Checksum.h"
#include "runtime/base/DataTypes.h"
#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/collective/inproc/InprocCollective.h"
#include "runtime/job/Run.h"
#include "runtime/plan/JobFile.h"
#include "runtime/transport/inproc/InprocTransport.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <thread>
#include <unistd.h>

using namespace fleet;

namespace {

using Tensors = std::map<std::string, std::vector<float>>;

/// The options of a run, less the batch size, which depends on the trainers.
struct Training {
  std::string data;
  int64_t globalBatch = 20;
  int64_t steps = 50;
  bool shuffle = false;
  std::string load;
  bool resume = false;
};

class Contract
    : public testing::TestWithParam<std::tuple<const char *, const char *>> {
protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fleet-contract-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory = pattern;
  }

  static constexpr const char *kIdColumns = "#user=0,words=1..3,title=4,y=5";

  std::string model() const { return std::get<0>(GetParam()); }
  std::string optimizer() const { return std::get<1>(GetParam()); }
  bool hasTables() const { return model() == "tables" || model() == "sparse"; }
  /// They refuse tables that need not be whole anywhere.
  bool hasCollectiveJobs() const { return model() != "tables"; }
  /// They refuse tables that are clipped together with other parameters.
  bool hasServerJobs() const {
    return model() != "sparse" || optimizer().rfind("global", 0) != 0;
  }
  std::string job(const std::string &kind) const {
    return fmt::format("{}/{}_{}_{}", FLEET_JOBS, model(), optimizer(), kind);
  }
  /// Of N trainers and S servers; `cut` is "whole" or "sliced".
  std::string job(int trainers, int servers, const char *cut) const {
    return job(fmt::format("ps_{}x{}_{}", trainers, servers, cut));
  }
  struct Kind {
    int servers;
    const char *cut;
  };
  /// The jobs of so many trainers that there are: of fit_a_line, all.
  std::vector<Kind> kinds(int trainers) const {
    if (!hasServerJobs())
      return {};
    if (model() == "fit_a_line")
      return {{1, "whole"},
              {2, "whole"},
              {2, "sliced"},
              {3, "whole"},
              {3, "sliced"}};
    switch (trainers) {
    case 1:
      return {{1, "whole"}, {3, "sliced"}};
    case 2:
      return {{2, "sliced"}};
    default:
      return {{3, "sliced"}};
    }
  }
  /// A norm over all gradients is added up block by block, so that cutting
  /// changes the order.
  bool dependsOnBlocks() const { return optimizer() == "global"; }

  /// Rows of an id below 60, times `spread`, four ids below 30 (0 is frequent
  /// among the first three), and a number that depends on them.
  std::string writeIds(uint64_t spread) const {
    std::string path = directory + "/ids.csv";
    FILE *file = std::fopen(path.c_str(), "w");
    if (!file)
      return path;
    uint64_t state = 1;
    auto draw = [&](uint64_t below) {
      state = checksum(&state, sizeof(state));
      return (state >> 20) % below;
    };
    for (int row = 0; row < 300; ++row) {
      uint64_t user = draw(60) * spread, title = draw(30);
      std::fprintf(file, "%llu,", static_cast<unsigned long long>(user));
      for (int word = 0; word < 3; ++word)
        std::fprintf(file, "%d,", static_cast<int>(draw(2) * draw(30)));
      std::fprintf(file, "%d,%.3f\n", static_cast<int>(title),
                   static_cast<double>(user % 7 + title % 5) / 6 - 1);
    }
    std::fclose(file);
    return path;
  }

  /// fit_a_line has its data; the MLP gets some that is as wide.
  Training training() const {
    Training result;
    result.data =
        fmt::format("{}/fit_a_line/housing.csv#x=0..12,y=13", FLEET_EXAMPLES);
    if (model() == "tables")
      // Users far apart: only rows that are used can be in memory.
      result.data = writeIds(16666666661u) + kIdColumns;
    if (model() == "sparse")
      result.data = writeIds(16) + kIdColumns;
    if (model() == "mlp") {
      std::string path = directory + "/mlp.csv";
      if (FILE *file = std::fopen(path.c_str(), "w")) {
        uint64_t state = 1;
        for (int row = 0; row < 300; ++row) {
          double sum = 0;
          for (int column = 0; column < 32; ++column) {
            state = checksum(&state, sizeof(state));
            double value = static_cast<double>(state >> 40) / (1 << 24);
            sum += column % 2 ? value : -value;
            std::fprintf(file, "%.6f,", value);
          }
          std::fprintf(file, "%d\n", sum > 0 ? 1 : 0);
        }
        std::fclose(file);
      }
      result.data = path + "#x=0..31,y=32";
    }
    return result;
  }

  /// Runs every process of the job in `folder` and returns what it saved.
  Tensors run(const std::string &folder, const Training &training,
              const std::string &name) {
    SystemFiles files;
    SystemClock clock;
    InprocTransport transport;
    Logger log(LogLevel::Off);
    auto job = loadJob(files, folder);
    EXPECT_TRUE(job.ok()) << job.status().message();
    if (!job.ok())
      return {};
    std::vector<RoleChoice> roles;
    auto add = [&](plan::Role role, uint32_t rank, std::string endpoint) {
      RoleChoice choice;
      choice.role = role;
      choice.rank = rank;
      choice.endpoint = std::move(endpoint);
      roles.push_back(choice);
    };
    for (int i = 0; i < job->pservers_size(); ++i)
      add(plan::PSERVER, static_cast<uint32_t>(i), job->pservers(i));
    bool isLocal = job->mode() == plan::SINGLE;
    uint32_t trainers = isLocal ? 1 : job->trainers();
    for (uint32_t rank = 0; rank < trainers; ++rank)
      add(isLocal ? plan::LOCAL : plan::TRAINER, rank, "");

    RunOptions options;
    options.jobDirectory = folder;
    options.data = training.data;
    options.batchSize = training.globalBatch / trainers;
    options.steps = training.steps;
    options.shuffle = training.shuffle;
    options.seed = 7;
    options.loadDirectory = training.load;
    options.resume = training.resume;
    options.saveDirectory = directory + "/" + name;
    options.threads = 1;
    options.poison = true;
    options.deadline = std::chrono::seconds(30);
    auto group = InprocGroup::create(trainers, options.deadline);
    std::vector<std::thread> threads;
    for (const RoleChoice &role : roles)
      threads.emplace_back([&, role] {
        RunEnvironment environment{files,
                                   clock,
                                   transport,
                                   StopToken(),
                                   log,
                                   [](const std::string &) {},
                                   /*showProgress=*/false};
        environment.collective = [&](uint32_t rank, uint32_t, Duration) {
          return group->join(rank);
        };
        Status status = runProcess(*job, role, options, environment);
        EXPECT_TRUE(status.ok()) << role.name() << ": " << status.message();
      });
    for (std::thread &thread : threads)
      thread.join();
    return read(options.saveDirectory);
  }

  static Tensors read(const std::string &folder) {
    SystemFiles files;
    Tensors tensors;
    auto checkpoint = Checkpoint::open(files, folder);
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    if (!checkpoint.ok())
      return tensors;
    for (const auto &[name, entry] : checkpoint->tensors()) {
      if (entry.dtype == plan::I64) { // ids of rows, compared as they are
        std::vector<int64_t> ids(entry.bytes / sizeof(int64_t));
        Status status =
            checkpoint->read(name, entry.dtype, entry.shape, ids.data());
        EXPECT_TRUE(status.ok()) << status.message();
        std::vector<float> &halves = tensors[name];
        for (int64_t id : ids)
          for (int64_t half : {id >> 20, id & 0xfffff})
            halves.push_back(static_cast<float>(half));
        continue;
      }
      std::vector<float> values(entry.bytes / sizeof(float));
      EXPECT_EQ(entry.dtype, plan::F32) << name;
      Status status =
          checkpoint->read(name, entry.dtype, entry.shape, values.data());
      EXPECT_TRUE(status.ok()) << status.message();
      tensors[name] = std::move(values);
    }
    return tensors;
  }

  static void expectSameBits(const Tensors &a, const Tensors &b) {
    ASSERT_EQ(a.size(), b.size());
    for (const auto &[name, values] : a) {
      ASSERT_EQ(b.count(name), 1u) << name;
      ASSERT_EQ(values.size(), b.at(name).size()) << name;
      EXPECT_EQ(std::memcmp(values.data(), b.at(name).data(),
                            values.size() * sizeof(float)),
                0)
          << name;
    }
  }

  /// Relative to the largest element of each tensor; differences below the
  /// resolution of a float near 1 do not count (a bias whose gradient cancels
  /// is close to zero).
  static void expectClose(const Tensors &a, const Tensors &b,
                          double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (const auto &[name, values] : a) {
      ASSERT_EQ(b.count(name), 1u) << name;
      ASSERT_EQ(values.size(), b.at(name).size()) << name;
      double scale = 1e-30, difference = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        scale = std::max(scale, std::abs(double(values[i])));
        difference =
            std::max(difference, std::abs(double(values[i]) - b.at(name)[i]));
      }
      EXPECT_LE(difference, tolerance * scale + 1e-7) << name;
    }
  }

  std::string directory;
};

} // namespace

TEST_P(Contract, OneTrainerGivesTheBitsOfOneMachine) {
  Tensors local = run(job("local"), training(), "local");
  ASSERT_FALSE(local.empty());
  for (auto [servers, cut] : kinds(1)) {
    SCOPED_TRACE(fmt::format("{} servers, {}", servers, cut));
    Tensors remote = run(job(1, servers, cut), training(), "remote");
    if (dependsOnBlocks() && std::string(cut) == "sliced")
      expectClose(local, remote, 1e-5);
    else
      expectSameBits(local, remote);
  }
  // Nobody else pushes, so it makes no difference when pushes are applied.
  if (hasServerJobs()) {
    Tensors half = run(job("half_1x3"), training(), "half");
    if (model() == "moving_mean") // adds what a step changed
      expectClose(local, half, 1e-5);
    else
      expectSameBits(local, half);
  }
  // Alone among equals.
  if (hasCollectiveJobs())
    expectSameBits(local, run(job("all_1"), training(), "all"));
}

TEST_P(Contract, TrainersWithPartsOfTheBatchGiveOneMachine) {
  Training whole = training();
  Tensors local = run(job("local"), whole, "local");
  ASSERT_FALSE(local.empty());
  for (int trainers : {2, 4})
    for (auto [servers, cut] : kinds(trainers)) {
      SCOPED_TRACE(
          fmt::format("{} trainers, {} servers, {}", trainers, servers, cut));
      expectClose(local, run(job(trainers, servers, cut), whole, "ps"), 1e-5);
    }
  if (!hasCollectiveJobs())
    return;
  expectClose(local, run(job("all_2"), whole, "all2"), 1e-5);
  expectClose(local, run(job("all_4"), whole, "all4"), 1e-5);
}

TEST_P(Contract, SmallerLastBatchesCountByTheirRows) {
  // 506 or 300 rows in batches of 33: the last one does not divide by 3, and
  // with 4 trainers' worth of rows missing some part may be empty.
  Training uneven = training();
  uneven.globalBatch = 33;
  uneven.shuffle = true;
  Tensors local = run(job("local"), uneven, "local");
  ASSERT_FALSE(local.empty());
  if (hasServerJobs())
    expectClose(local, run(job(3, 1, "whole"), uneven, "ps3"), 1e-5);
  if (!hasCollectiveJobs())
    return;
  // 506 rows leave 2 for 4 trainers: two of them have none.
  uneven.globalBatch = 8;
  uneven.steps = 70;
  expectClose(run(job("local"), uneven, "local8"),
              run(job("all_4"), uneven, "all4"), 1e-5);
}

TEST_P(Contract, CheckpointsLoadInAnyMode) {
  // Half the steps in one job, the other half in another that starts from what
  // the first one saved: one machine, and servers with blocks of different
  // sizes. Data begins anew in all of them.
  Training half = training();
  half.steps = 20;
  std::vector<std::string> kinds = {job("local")};
  if (hasServerJobs())
    kinds.insert(kinds.end(), {job(1, 1, "whole"), job(1, 2, "sliced"),
                               job(1, 3, "sliced")});
  if (hasCollectiveJobs())
    kinds.push_back(job("all_1"));
  Tensors first = run(job("local"), half, "0");
  for (size_t i = 1; i < kinds.size(); ++i)
    (void)run(kinds[i], half, std::to_string(i));
  half.load = directory + "/0";
  Tensors reference = run(job("local"), half, "reference");
  ASSERT_FALSE(reference.empty());
  for (size_t from = 0; from < kinds.size(); ++from)
    for (size_t to = 0; to < kinds.size(); ++to) {
      SCOPED_TRACE(kinds[from] + " to " + kinds[to]);
      half.load = fmt::format("{}/{}", directory, from);
      Tensors second = run(kinds[to], half, "second");
      if (dependsOnBlocks() && ((from > 1 && from < 4) || (to > 1 && to < 4)))
        expectClose(reference, second, 1e-5);
      else
        expectSameBits(reference, second);
    }
}

TEST_P(Contract, MergedStepsAreOneStepOfAllTheirRows) {
  if (hasTables())
    GTEST_SKIP() << "gradients of tables are not merged";
  // LAMB divides gradients of biases that are close to zero by their size.
  double tolerance = optimizer() == "lamb" ? 5e-4 : 1e-5;
  // Within an epoch, so that two batches are the one that is twice as large; an
  // odd number of steps, the last of which is merged with nothing.
  Training small = training();
  small.globalBatch = 12;
  small.steps = 25;
  Tensors merged = run(job("merge_local"), small, "merged");
  ASSERT_FALSE(merged.empty());
  expectClose(merged, run(job("merge_2"), small, "two"), tolerance);
  expectClose(merged, run(job("merge_4"), small, "four"), tolerance);
  if (model() == "moving_mean")
    return; // moves in every step
  small.steps = 24;
  merged = run(job("merge_local"), small, "merged");
  Training large = small;
  large.globalBatch = 24;
  large.steps = 12;
  expectClose(run(job("local"), large, "large"), merged, tolerance);
}

TEST_P(Contract, MergedStepsTravelInHalfPrecisionBetweenMachines) {
  if (hasTables())
    GTEST_SKIP() << "gradients of tables are not merged";
  if (model() == "mlp" && (optimizer() == "adam" || optimizer() == "lamb"))
    GTEST_SKIP() << "the rule divides gradients of biases that are close to "
                    "zero by their size, and with them what was rounded off";
  Training small = training();
  small.globalBatch = 12;
  small.steps = 24;
  expectClose(run(job("merge_local"), small, "merged"),
              run(job("bf16_merge_4"), small, "half"), 0x1p-4);
}

TEST_P(Contract, MergedStepsCountByTheirRows) {
  if (hasTables())
    GTEST_SKIP() << "gradients of tables are not merged";
  // The last batch of an epoch is smaller, and is merged with a first one.
  Training uneven = training();
  uneven.globalBatch = 8;
  uneven.steps = 131;
  expectClose(run(job("merge_local"), uneven, "one"),
              run(job("merge_4"), uneven, "four"), 1e-5);
}

TEST_P(Contract, NeighboursFirstIsAllTogether) {
  if (!hasCollectiveJobs())
    GTEST_SKIP() << "tables live on servers";
  for (int64_t batch :
       {20, 8}) { // 8: in the last one, two of four have no rows
    Training some = training();
    some.globalBatch = batch;
    some.steps = 70;
    expectClose(run(job("all_4"), some, "all"),
                run(job("levels_4"), some, "two"), 1e-5);
  }
}

class ShardContract : public Contract {};

TEST_P(ShardContract, PartsUpdatedByEachAreAllUpdatedByAll) {
  Tensors local = run(job("local"), training(), "local");
  ASSERT_FALSE(local.empty());
  // Parts of the square of a norm are added in another order.
  Tensors alone = run(job("shard_1"), training(), "shard1");
  if (dependsOnBlocks())
    expectClose(local, alone, 1e-5);
  else
    expectSameBits(local, alone);
  expectClose(local, run(job("shard_2"), training(), "shard2"), 1e-5);
  expectClose(local, run(job("shard_4"), training(), "shard4"), 1e-5);
  Training uneven = training();
  uneven.globalBatch = 8; // in the last one, two of four have no rows
  uneven.steps = 70;
  expectClose(run(job("local"), uneven, "local8"),
              run(job("shard_4"), uneven, "shard8"), 1e-5);
}

TEST_P(ShardContract, MergedStepsAreOneStep) {
  expectClose(run(job("merge_2"), training(), "merge"),
              run(job("shard_merge_2"), training(), "both"), 1e-5);
}

TEST_P(ShardContract, CheckpointsAreWhole) {
  // From one machine to parts, from parts to all together, to servers, and to
  // other parts.
  Training half = training();
  half.steps = 20;
  (void)run(job("local"), half, "local");
  (void)run(job("shard_4"), half, "shard");
  half.load = directory + "/local";
  Tensors reference = run(job("local"), half, "reference");
  ASSERT_FALSE(reference.empty());
  expectClose(reference, run(job("shard_4"), half, "there"), 1e-5);
  half.load = directory + "/shard";
  for (const char *kind : {"local", "all_2", "shard_2", "ps_1x1_whole"}) {
    SCOPED_TRACE(kind);
    expectClose(reference, run(job(kind), half, "back"), 1e-5);
  }
}

TEST_P(ShardContract, ResumingGivesTheBitsOfAnUninterruptedRun) {
  Training whole = training();
  whole.shuffle = true;
  Tensors reference = run(job("shard_2"), whole, "reference");
  ASSERT_FALSE(reference.empty());
  Training part = whole;
  part.resume = true;
  part.steps = 37;
  (void)run(job("shard_2"), part, "parts");
  part.steps = whole.steps;
  expectSameBits(reference, run(job("shard_2"), part, "parts"));
}

class LocalSGDContract : public Contract {};

// Of an optimizer that is linear in the gradient.
TEST_P(LocalSGDContract, AveragingAfterEachStepIsAddingGradients) {
  for (int64_t batch : {20, 8}) {
    Training some = training();
    some.globalBatch = batch; // 8: in the last one, two of four have no rows
    some.steps = 70;
    // Velocities that cancel are sums of what each trainer rounded.
    expectClose(run(job("all_2"), some, "all2"),
                run(job("each_2"), some, "two"), 1e-4);
    expectClose(run(job("all_4"), some, "all4"),
                run(job("each_4"), some, "four"), 1e-4);
  }
}

TEST_P(LocalSGDContract, AdaptiveTrainersEndEqual) {
  // What rank 0 saves is not what one machine has, but close to a minimum.
  Tensors local = run(job("local"), training(), "local");
  Tensors adaptive = run(job("adaptive_2"), training(), "adaptive");
  ASSERT_EQ(local.size(), adaptive.size());
  expectClose(local, adaptive, 0.5);
}

TEST_P(Contract, GradientsAddedInHalfPrecisionComeClose) {
  if (!hasCollectiveJobs())
    GTEST_SKIP() << "tables live on servers";
  // Numbers of 11 and of 8 bits: to within 8 times what one rounding may be
  // off.
  Training some = training();
  some.globalBatch = 8;
  Tensors local = run(job("local"), some, "local");
  ASSERT_FALSE(local.empty());
  struct Half {
    const char *job;
    double tolerance;
  };
  for (Half half : {Half{"f16_2", 0x1p-8}, Half{"bf16_4", 0x1p-5}}) {
    SCOPED_TRACE(half.job);
    Tensors rounded = run(job(half.job), some, half.job);
    expectClose(local, rounded, half.tolerance);
    // They have been rounded, but averages of what is assigned have not.
    EXPECT_NE(local, rounded);
    if (model() != "moving_mean")
      continue;
    for (const char *name : {"mean", "steps"})
      expectClose({{name, local.at(name)}}, {{name, rounded.at(name)}}, 1e-5);
  }
}

class TableContract : public Contract {};

// Of an optimizer that leaves a row without a gradient as it is.
TEST_P(TableContract, UpdatesByRowsAreDenseTraining) {
  Training small = training();
  small.data = writeIds(16) + kIdColumns;
  Tensors dense = run(job("dense"), small, "dense");
  ASSERT_FALSE(dense.empty());
  expectClose(dense, run(job("sparse"), small, "sparse"), 1e-5);
}

TEST_P(Contract, ResumingGivesTheBitsOfAnUninterruptedRun) {
  if (!hasCollectiveJobs())
    GTEST_SKIP() << "distributed tables live on servers";
  // Ends in the middle of an epoch of another order of rows.
  Training whole = training();
  whole.shuffle = true;
  Tensors reference = run(job("all_2"), whole, "reference");
  ASSERT_FALSE(reference.empty());
  Training part = whole;
  part.resume = true; // from nothing
  part.steps = 37;
  (void)run(job("all_2"), part, "parts");
  part.steps = whole.steps;
  expectSameBits(reference, run(job("all_2"), part, "parts"));
  // Nothing is left to do.
  expectSameBits(reference, run(job("all_2"), part, "parts"));
}

static std::string name(const testing::TestParamInfo<Contract::ParamType> &i) {
  return std::string(std::get<0>(i.param)) + "_" + std::get<1>(i.param);
}

INSTANTIATE_TEST_SUITE_P(
    Line, Contract,
    testing::Combine(testing::Values("fit_a_line"),
                     testing::Values("sgd", "momentum", "nesterov", "adam",
                                     "adamw", "adamax", "adagrad",
                                     "decayed_adagrad", "adadelta", "rmsprop",
                                     "centered_rmsprop", "ftrl", "lars", "lamb",
                                     "dpsgd", "clipped", "regularized",
                                     "global", "scheduled", "stepped")),
    name);
INSTANTIATE_TEST_SUITE_P(Assigned, Contract,
                         testing::Combine(testing::Values("moving_mean"),
                                          testing::Values("sgd", "adam")),
                         name);
INSTANTIATE_TEST_SUITE_P(Perceptron, Contract,
                         testing::Combine(testing::Values("mlp"),
                                          testing::Values("sgd", "momentum",
                                                          "nesterov", "adam",
                                                          "lamb", "global")),
                         name);
INSTANTIATE_TEST_SUITE_P(
    Tables, Contract,
    testing::Combine(testing::Values("tables"),
                     testing::Values("sgd", "momentum", "adam", "adagrad",
                                     "ftrl", "scheduled", "regularized")),
    name);
INSTANTIATE_TEST_SUITE_P(
    Line, ShardContract,
    testing::Combine(testing::Values("fit_a_line"),
                     testing::Values("sgd", "momentum", "nesterov", "adam",
                                     "adamw", "adamax", "adagrad",
                                     "decayed_adagrad", "adadelta", "rmsprop",
                                     "centered_rmsprop", "ftrl", "regularized",
                                     "global", "scheduled", "stepped")),
    name);
INSTANTIATE_TEST_SUITE_P(Assigned, ShardContract,
                         testing::Combine(testing::Values("moving_mean"),
                                          testing::Values("sgd", "adam")),
                         name);
INSTANTIATE_TEST_SUITE_P(Perceptron, ShardContract,
                         testing::Combine(testing::Values("mlp"),
                                          testing::Values("sgd", "momentum",
                                                          "nesterov", "adam",
                                                          "global")),
                         name);
INSTANTIATE_TEST_SUITE_P(
    Line, LocalSGDContract,
    testing::Combine(testing::Values("fit_a_line"),
                     testing::Values("sgd", "momentum", "nesterov", "stepped")),
    name);
INSTANTIATE_TEST_SUITE_P(
    SparseTables, Contract,
    testing::Combine(testing::Values("sparse"),
                     testing::Values("sgd", "momentum", "adam", "scheduled",
                                     "regularized", "global", "global_sgd")),
    name);
INSTANTIATE_TEST_SUITE_P(Tables, TableContract,
                         testing::Combine(testing::Values("tables"),
                                          testing::Values("sgd", "adagrad",
                                                          "global_sgd")),
                         name);
