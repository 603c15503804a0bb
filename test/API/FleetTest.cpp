//===- FleetTest.cpp - Places, programs, strategies and jobs --------------===//

#include "test/API/Workers.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <sys/stat.h>

using namespace fleet;
using namespace fleet::api;
using namespace fleet::api::test;

namespace {

using Environment = std::map<std::string, std::string>;

StatusOr<Place> placeIn(const Environment &environment) {
  return PaddleCloudRoleMaker([&](const char *name) {
           auto it = environment.find(name);
           return it == environment.end() ? nullptr : it->second.c_str();
         })
      .place(/*isCollective=*/true);
}

std::string makeDirectory() {
  std::string pattern = testing::TempDir() + "fleet-api-XXXXXX";
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  return pattern;
}

bool exists(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

/// 24 rows of x0,x1,x2,y.
std::string writeData(const std::string &directory, const Line &data) {
  std::string path = directory + "/data.csv";
  std::ofstream file(path);
  file.precision(9);
  for (size_t row = 0; row < data.y.size(); ++row)
    file << data.x[3 * row] << ',' << data.x[3 * row + 1] << ','
         << data.x[3 * row + 2] << ',' << data.y[row] << '\n';
  return path + "#x=0..2,y=3";
}

} // namespace

TEST(RoleMakers, AskTheEnvironment) {
  auto place = placeIn({});
  ASSERT_OK(place);
  EXPECT_EQ(place->index, 0u);
  EXPECT_EQ(place->workers, 1u);

  place = placeIn({{"PADDLE_TRAINER_ID", "1"},
                   {"PADDLE_TRAINERS_NUM", "2"},
                   {"PADDLE_CURRENT_ENDPOINT", "h:2"},
                   {"PADDLE_TRAINER_ENDPOINTS", "h:1,h:2"}});
  ASSERT_OK(place);
  EXPECT_EQ(place->index, 1u);
  EXPECT_EQ(place->workers, 2u);
  EXPECT_THAT(place->workerEndpoints, testing::ElementsAre("h:1", "h:2"));

  // Its number follows from the endpoints.
  place = placeIn({{"PADDLE_CURRENT_ENDPOINT", "h:3"},
                   {"PADDLE_TRAINER_ENDPOINTS", "h:1,h:2,h:3"}});
  ASSERT_OK(place);
  EXPECT_EQ(place->index, 2u);
  EXPECT_EQ(place->workers, 3u);

  place = placeIn({{"RANK", "3"},
                   {"WORLD_SIZE", "4"},
                   {"LOCAL_RANK", "1"},
                   {"MASTER_ADDR", "h"},
                   {"MASTER_PORT", "7"}});
  ASSERT_OK(place);
  EXPECT_EQ(place->index, 3u);
  EXPECT_EQ(place->workers, 4u);
  EXPECT_EQ(place->localIndex, 1u);
  EXPECT_EQ(place->coordinator, "h:7");
}

TEST(RoleMakers, RefuseAnEnvironmentThatContradictsItself) {
  EXPECT_ERROR(placeIn({{"PADDLE_TRAINERS_NUM", "many"}}),
               "PADDLE_TRAINERS_NUM=many: expected a number of workers");
  EXPECT_ERROR(placeIn({{"PADDLE_TRAINERS_NUM", "2"}}), "PADDLE_TRAINER_ID");
  EXPECT_ERROR(
      placeIn({{"PADDLE_TRAINERS_NUM", "2"}, {"PADDLE_TRAINER_ID", "2"}}),
      "PADDLE_TRAINER_ID=2");
  EXPECT_ERROR(placeIn({{"PADDLE_TRAINERS_NUM", "2"},
                        {"PADDLE_TRAINER_ID", "0"},
                        {"PADDLE_TRAINER_ENDPOINTS", "h:1,h:2,h:3"}}),
               "3 endpoints");
  EXPECT_ERROR(placeIn({{"TRAINING_ROLE", "PSERVER"}}),
               "TRAINING_ROLE=PSERVER");
}

TEST(RoleMakers, CheckWhatTheyAreTold) {
  auto place = [](auto change) {
    Place told;
    told.workers = 2;
    change(told);
    return UserDefinedRoleMaker(told).place(/*isCollective=*/true);
  };
  ASSERT_OK(place([](Place &p) { p.index = 1; }));
  EXPECT_ERROR(place([](Place &p) { p.index = 2; }),
               "index: expected 0 to 1, got 2");
  EXPECT_ERROR(place([](Place &p) { p.workers = 0; }), "workers: expected 1");
  EXPECT_ERROR(place([](Place &p) { p.role = Role::Server; }),
               "a collective job has workers only");
  EXPECT_ERROR(place([](Place &p) { p.workerEndpoints = {"h:1"}; }),
               "expected one for each of 2 workers, got 1");
  EXPECT_ERROR(place([](Place &p) {
                 p.workerEndpoints = {"h:1", "h:1"};
               }),
               "h:1 is there twice");
  EXPECT_ERROR(place([](Place &p) { p.coordinator = "h"; }), "coordinator: ");
}

TEST(Fleet, IsInitializedOnce) {
  Fleet fleet;
  EXPECT_EQ(fleet.workerNum(), 0u);
  EXPECT_FALSE(fleet.isWorker() || fleet.isServer() || fleet.isFirstWorker());
  EXPECT_ERROR(fleet.barrierWorker(), "call init() first");
  EXPECT_ERROR(fleet.distributedOptimizer(), "call init() first");
  EXPECT_ERROR(fleet.init(UserDefinedRoleMaker({}), /*isCollective=*/false),
               "isCollective: false asks for parameter servers");
  Place two;
  two.workers = 2;
  EXPECT_ERROR(fleet.init(UserDefinedRoleMaker(two), true),
               "nothing says where the 2 workers meet");
  FleetOptions options;
  options.threads = 0;
  EXPECT_ERROR(fleet.init(UserDefinedRoleMaker({}), true, options),
               "threads: expected 1 to 1024");
  // A failed one does not count.
  ASSERT_OK(fleet.init(UserDefinedRoleMaker({}), true));
  EXPECT_TRUE(fleet.isWorker() && fleet.isFirstWorker());
  EXPECT_FALSE(fleet.isServer());
  EXPECT_EQ(fleet.workerNum(), 1u);
  EXPECT_ERROR(fleet.init(UserDefinedRoleMaker({}), true),
               "init: this fleet is worker 0 of 1 already");
}

TEST(Fleet, TalksToTheOtherWorkers) {
  runWorkers(3, [](Fleet &fleet) {
    double index = fleet.workerIndex();
    ASSERT_OK(fleet.barrierWorker());
    std::vector<double> values = {index, 1};
    ASSERT_OK(fleet.allReduce(values));
    EXPECT_THAT(values, testing::ElementsAre(3, 3));
    values = {index};
    ASSERT_OK(fleet.allReduce(values, ReduceOp::Max));
    EXPECT_THAT(values, testing::ElementsAre(2));
    auto all = fleet.allGather(10 * index);
    ASSERT_OK(all);
    EXPECT_THAT(*all, testing::ElementsAre(0, 10, 20));
    auto files = fleet.splitFiles({"a", "b", "c", "d", "e"});
    ASSERT_OK(files);
    std::vector<std::vector<std::string>> parts = {
        {"a", "b"}, {"c", "d"}, {"e"}};
    EXPECT_EQ(*files, parts[fleet.workerIndex()]);
    files = fleet.splitFiles({"a"});
    ASSERT_OK(files);
    EXPECT_EQ(files->size(), fleet.isFirstWorker() ? 1u : 0u);
  });
}

TEST(Fleet, WaitsNoLongerThanTheDeadline) {
  runWorkers(
      2,
      [](Fleet &fleet) {
        if (fleet.isFirstWorker())
          EXPECT_ERROR(fleet.barrierWorker(), "barrier");
      },
      std::chrono::milliseconds(200));
}

TEST(Programs, AreReadWithTheirErrors) {
  EXPECT_ERROR(api::Program::readFile("/nowhere/train.mlir"),
               "/nowhere/train.mlir:1:1: cannot read the program");
  EXPECT_ERROR(api::Program::parse("module {", "train.mlir"), "train.mlir:1:");
  EXPECT_ERROR(api::Program::parse("module {\n  optim.read @w\n}", "a.mlir"),
               "a.mlir:2:");
  EXPECT_THAT(line().text(), testing::HasSubstr("optim.minimize"));
}

TEST(Strategies, AreCheckedBeforeThereIsAProgram) {
  runWorkers(1, [](Fleet &fleet) {
    auto optimizer = [&](const char *text) {
      auto strategy = DistributedStrategy::parse(text, "s.textproto");
      EXPECT_TRUE(strategy.ok());
      return fleet.distributedOptimizer(Optimizer(), *strategy);
    };
    ASSERT_OK(optimizer("fuse_grad_size_in_MB: 8"));
    ASSERT_OK(optimizer("mode: COLLECTIVE"));
    EXPECT_ERROR(optimizer("fuse: 8"), "s.textproto:1:");
    EXPECT_ERROR(optimizer("fuse_grad_size_in_MB: 0"), "fuse_grad_size_in_MB");
    EXPECT_ERROR(optimizer("mode: LOCAL"), "initialized with isCollective");
    EXPECT_ERROR(optimizer("mode: COLLECTIVE trainers: 4"),
                 "trainers: 4, but the fleet has 1 workers");
    EXPECT_ERROR(DistributedStrategy::readFile("/nowhere/s"), "/nowhere/s");

    auto model = [&](const char *text) {
      return fleet.distributedModel(line(), *optimizer(text));
    };
    EXPECT_ERROR(model("gradient_merge: true "
                       "gradient_merge_configs { k_steps: 4 }"),
                 "a model updates when step() is called");
    EXPECT_ERROR(model("localsgd: true localsgd_configs { k_steps: 4 }"),
                 "use minimize() and train()");
  });
}

TEST(Optimizers, AreCheckedWithTheProgram) {
  runWorkers(1, [](Fleet &fleet) {
    auto wrong = fleet.distributedOptimizer({"#optim.zeros"});
    ASSERT_OK(wrong);
    EXPECT_ERROR(wrong->minimize(line()), "'#optim.zeros' is no optimizer");
    auto negative = fleet.distributedOptimizer({"#optim.sgd<"});
    ASSERT_OK(negative);
    EXPECT_ERROR(negative->minimize(line()), "'#optim.sgd<' is no optimizer");

    Fleet other;
    ASSERT_OK(other.init(UserDefinedRoleMaker({}), true));
    auto others = other.distributedOptimizer();
    ASSERT_OK(others);
    EXPECT_ERROR(fleet.distributedModel(line(), *others),
                 "the optimizer is another Fleet's");
  });
}

TEST(Optimizers, AreTheSameOnAllWorkers) {
  runWorkers(2, [](Fleet &fleet) {
    auto optimizer =
        fleet.distributedOptimizer(optim::sgd(fleet.isFirstWorker() ? 1 : 2));
    ASSERT_OK(optimizer);
    EXPECT_ERROR(optimizer->minimize(line()),
                 "worker 1 has another program, optimizer or strategy");
  });
}

/// A job that is trained at once against a model that is trained call by call,
/// and what it saves.
TEST(Jobs, TrainOverData) {
  std::string directory = makeDirectory();
  Line data(24);
  std::string spec = writeData(directory, data);
  Line expected(24);
  for (int step = 0; step < 6; ++step) {
    std::vector<double> gradient(4);
    int64_t begin = step % 3 * 8;
    expected.addGradient(begin, begin + 8, 1, gradient);
    expected.update(gradient, 0.1);
  }
  for (uint32_t workers : {1, 2, 4}) {
    std::string printed;
    runWorkers(workers, [&](Fleet &fleet) {
      auto optimizer = fleet.distributedOptimizer();
      ASSERT_OK(optimizer);
      auto job = optimizer->minimize(line());
      ASSERT_OK(job);
      TrainOptions options;
      EXPECT_ERROR(job->train(options), "--data=SPEC is missing");
      options.data = spec;
      options.batchSize = 8 / workers;
      options.epochs = 2;
      options.print = [&](const std::string &text) { printed = text; };
      ASSERT_OK(job->train(options));
      auto states = job->stateDict();
      ASSERT_OK(states);
      expectNear(*states, expected);
      ASSERT_OK(job->savePersistables(directory + "/saved"));
      if (fleet.isFirstWorker())
        ASSERT_OK(job->writeJob(directory + "/job"));
    });
    EXPECT_THAT(printed, testing::HasSubstr("2 epochs, 6 steps"));
    EXPECT_TRUE(exists(directory + "/saved/model.safetensors"));
    EXPECT_TRUE(exists(directory + "/job/job.textproto"));
    EXPECT_TRUE(exists(directory + "/job/trainer.plan"));
  }
}
