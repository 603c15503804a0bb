//===- RunTest.cpp --------------------------------------------------------===//
//
// Part of the Fleet project.
//
// Whole jobs with plans made by hand: what the loops do around the steps.
//
//===----------------------------------------------------------------------===//

#include "runtime/checkpoint/Checkpoint.h"
#include "test/Runtime/job/TestJob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

using namespace fleet;
using fleet::test::TestJob;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;

namespace {

/// The parameter that a run saved.
std::vector<float> savedWeights(const TestJob &job,
                                const std::string &folder = "saved") {
  SystemFiles files;
  auto checkpoint = Checkpoint::open(files, job.path(folder));
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  std::vector<float> w(3);
  if (checkpoint.ok()) {
    Status status = checkpoint->read("w", plan::F32, {3, 1}, w.data());
    EXPECT_TRUE(status.ok()) << status.message();
  }
  return w;
}

void expectAllOk(const std::vector<TestJob::Outcome> &outcomes) {
  for (const TestJob::Outcome &outcome : outcomes)
    EXPECT_TRUE(outcome.status.ok())
        << outcome.name << ": " << outcome.status.message();
}

int countLines(const std::string &text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

TEST(LocalJob, LearnsAndReports) {
  TestJob job;
  job.writeLocal();
  job.writeData(30);
  RunOptions options = job.options();
  options.steps = 0;
  options.epochs = 100;
  options.saveDirectory = job.path("saved");
  auto outcomes = job.run(options);
  expectAllOk(outcomes);
  ASSERT_THAT(outcomes[0].printed, SizeIs(1));
  // 30 rows in batches of 4 are 8 steps an epoch, the last one of 2 rows
  EXPECT_THAT(outcomes[0].printed[0],
              MatchesRegex("final loss [0-9.e-]+ over 30 examples .100 epochs, "
                           "800 steps, [0-9.]+ s."));
  EXPECT_THAT(outcomes[0].log, IsEmpty());
  std::vector<float> w = savedWeights(job);
  EXPECT_NEAR(w[0], 1, 1e-3);
  EXPECT_NEAR(w[1], -2, 1e-3);
  EXPECT_NEAR(w[2], 0.5, 1e-3);
}

TEST(LocalJob, WithoutEvaluateItReportsTheLastEpoch) {
  TestJob job;
  job.writeLocal(
      [](plan::Plan &plan) { plan.mutable_functions()->RemoveLast(); });
  job.writeData(8);
  auto outcomes = job.run(job.options());
  expectAllOk(outcomes);
  EXPECT_THAT(outcomes[0].printed[0], HasSubstr("(mean of the last epoch)"));
}

TEST(LocalJob, EvaluateFindsItsInputsByName) {
  TestJob job;
  // y before x: the columns were loaded in the order of "main"
  job.writeLocal([](plan::Plan &plan) {
    plan::Function &evaluate = *plan.mutable_functions(1);
    evaluate.mutable_buffers(0)->mutable_input()->set_argument(1);
    evaluate.mutable_buffers(1)->mutable_input()->set_argument(0);
  });
  job.writeData(8);
  RunOptions options = job.options();
  options.steps = 500;
  auto outcomes = job.run(options);
  expectAllOk(outcomes);
  double loss = 1;
  EXPECT_EQ(
      std::sscanf(outcomes[0].printed[0].c_str(), "final loss %lf", &loss), 1);
  EXPECT_LT(loss, 1e-4);
}

TEST(LocalJob, EvaluateMayNotReadWhatMainDoesNot) {
  TestJob job;
  job.writeLocal([](plan::Plan &plan) {
    plan.mutable_functions(1)->mutable_buffers(1)->set_name("z");
  });
  job.writeData(8);
  EXPECT_THAT(job.run(job.options())[0].status.message(),
              HasSubstr("'evaluate' reads the input 'z', which 'main' does not "
                        "read"));
}

TEST(LocalJob, MainNeedsALoss) {
  TestJob job;
  job.writeLocal(
      [](plan::Plan &plan) { plan.mutable_functions(0)->clear_outputs(); });
  job.writeData(8);
  EXPECT_THAT(job.run(job.options())[0].status.message(),
              HasSubstr("function 'main' has no output"));
}

TEST(LocalJob, MoreEpochsThanCanBeCounted) {
  TestJob job;
  job.writeLocal();
  job.writeData(30);
  RunOptions options = job.options();
  options.steps = 0;
  options.epochs = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(job.run(options)[0].status.message(),
              HasSubstr("are more than can be counted"));
}

TEST(LocalJob, TheSameSeedGivesTheSameBits) {
  TestJob job;
  job.writeLocal();
  job.writeData(30);
  std::vector<std::string> checkpoints;
  for (uint64_t seed : {1, 1, 2}) {
    RunOptions options = job.options();
    options.shuffle = true;
    options.seed = seed;
    options.saveDirectory = job.path("saved");
    expectAllOk(job.run(options));
    std::vector<float> w = savedWeights(job);
    checkpoints.emplace_back(reinterpret_cast<const char *>(w.data()), 12);
  }
  EXPECT_EQ(checkpoints[0], checkpoints[1]);
  EXPECT_NE(checkpoints[0], checkpoints[2]);
}

TEST(LocalJob, ContinuesFromACheckpoint) {
  TestJob job;
  job.writeLocal();
  job.writeData(20);
  RunOptions options = job.options();
  options.saveDirectory = job.path("whole");
  expectAllOk(job.run(options)); // two epochs of five steps
  options.steps = 5;
  options.saveDirectory = job.path("half");
  expectAllOk(job.run(options));
  options.loadDirectory = job.path("half");
  options.saveDirectory = job.path("resumed");
  expectAllOk(job.run(options));
  EXPECT_EQ(savedWeights(job, "whole"), savedWeights(job, "resumed"));
  EXPECT_NE(savedWeights(job, "whole"), savedWeights(job, "half"));
}

TEST(LocalJob, WritesMetricsAndATrace) {
  TestJob job;
  job.writeLocal();
  job.writeData(10);
  RunOptions options = job.options();
  options.metricsFile = job.path("metrics.jsonl");
  options.traceFile = job.path("trace.json");
  expectAllOk(job.run(options));
  std::string metrics = job.read("metrics.jsonl");
  EXPECT_EQ(countLines(metrics), 10);
  EXPECT_THAT(metrics, HasSubstr("\"step\":9,\"epoch\":3,"));
  EXPECT_THAT(metrics, HasSubstr("\"examples\":2,"));
  EXPECT_THAT(job.read("trace.json"),
              HasSubstr("function 'main', instruction 3"));
}

TEST(LocalJob, WarnsOnceOfALossThatIsNoNumber) {
  TestJob job;
  job.writeLocal([](plan::Plan &plan) {
    plan.mutable_states(0)
        ->mutable_initializer()
        ->mutable_constant()
        ->set_value(1e38);
  });
  job.writeData(10);
  auto outcomes = job.run(job.options());
  expectAllOk(outcomes);
  EXPECT_EQ(countLines(outcomes[0].log), 1);
  EXPECT_THAT(outcomes[0].log, HasSubstr("warning: the loss is inf at step 0"));
}

TEST(LocalJob, StopsAtAStepAndKeepsWhatItHas) {
  TestJob job;
  job.writeLocal();
  job.writeData(10);
  StatusOr<StopSource> source = StopSource::create();
  ASSERT_TRUE(source.ok());
  source->requestStop("SIGTERM");
  job.stop = source->token();
  RunOptions options = job.options();
  options.saveDirectory = job.path("saved");
  auto outcomes = job.run(options);
  EXPECT_EQ(outcomes[0].status.code(), StatusCode::Aborted);
  EXPECT_EQ(outcomes[0].status.message(), "stopped by SIGTERM at step 0");
  EXPECT_THAT(outcomes[0].printed, IsEmpty());
  savedWeights(job);
}

TEST(LocalJob, RefusesThePlanOfAnotherProgram) {
  TestJob job;
  job.writeLocal([](plan::Plan &plan) { plan.set_program_hash("other"); });
  job.writeData(10);
  EXPECT_THAT(job.run(job.options())[0].status.message(),
              HasSubstr("does not belong to"));
}

TEST(LocalJob, InputsNeedABatchDimension) {
  TestJob job;
  job.writeLocal([](plan::Plan &plan) {
    plan::Function &main = *plan.mutable_functions(0);
    main.clear_instructions();
    main.clear_outputs();
    main.mutable_buffers(0)->mutable_type()->mutable_dims(0)->set_extent(4);
  });
  job.writeData(10);
  EXPECT_THAT(job.run(job.options())[0].status.message(),
              HasSubstr("input 'x' of 'main' has no batch dimension"));
}

TEST(ServerJob, OneTrainerHasTheBitsOfALocalJob) {
  TestJob local, server;
  local.writeLocal();
  server.writeParameterServer(1);
  std::vector<std::vector<float>> weights;
  for (TestJob *job : {&local, &server}) {
    job->writeData(30);
    RunOptions options = job->options();
    options.steps = 50;
    options.shuffle = true;
    options.saveDirectory = job->path("saved");
    expectAllOk(job->run(options));
    weights.push_back(savedWeights(*job));
  }
  EXPECT_EQ(weights[0], weights[1]);
}

TEST(ServerJob, ThreeTrainersDoWhatOneDoesEvenWithEmptyParts) {
  // 31 rows and 6 a step leave a last step of one row: ranks 1 and 2 have none.
  TestJob local, server;
  local.writeLocal();
  server.writeParameterServer(3);
  std::vector<std::vector<float>> weights;
  for (TestJob *job : {&local, &server}) {
    job->writeData(31);
    RunOptions options = job->options();
    options.steps = 0;
    options.epochs = 5;
    options.batchSize = job == &local ? 6 : 2;
    options.saveDirectory = job->path("saved");
    auto outcomes = job->run(options);
    expectAllOk(outcomes);
    weights.push_back(savedWeights(*job));
    // Only rank 0 reports.
    if (job == &server) {
      EXPECT_THAT(outcomes[0].printed,
                  ElementsAre("Server listening on server:1"));
      EXPECT_THAT(outcomes[1].printed, SizeIs(1));
      EXPECT_THAT(outcomes[1].printed[0],
                  HasSubstr("over 31 examples (5 epochs, 30 steps"));
      EXPECT_THAT(outcomes[2].printed, IsEmpty());
      EXPECT_THAT(outcomes[3].printed, IsEmpty());
    }
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_NEAR(weights[0][i], weights[1][i], 1e-5);
}

TEST(ServerJob, MetricsOfEachRank) {
  TestJob job;
  job.writeParameterServer(2);
  job.writeData(9); // 2, 2, then 1 and 0 rows
  RunOptions options = job.options();
  options.batchSize = 2;
  options.steps = 3;
  options.metricsFile = job.path("metrics.jsonl");
  expectAllOk(job.run(options));
  EXPECT_THAT(job.read("metrics.jsonl"), HasSubstr("\"examples\":1,"));
  EXPECT_EQ(countLines(job.read("metrics.jsonl")), 3);
  EXPECT_EQ(countLines(job.read("metrics.jsonl.1")), 2);
}

/// What a trainer says of another one that ended the job by `reason`; or that
/// nobody is there any more, when it came later than that.
testing::Matcher<const std::string &> endedBy(const char *reason) {
  return AnyOf(HasSubstr(reason),
               HasSubstr("nobody listened there before the deadline"));
}

TEST(ServerJob, AStoppedTrainerEndsTheOthers) {
  TestJob job;
  job.writeParameterServer(2);
  job.writeData(20);
  StatusOr<StopSource> source = StopSource::create();
  ASSERT_TRUE(source.ok());
  source->requestStop("SIGINT");
  job.stop = source->token(); // of trainer 0
  RunOptions options = job.options();
  options.deadline = std::chrono::seconds(5);
  auto outcomes = job.run(options);
  EXPECT_EQ(outcomes[1].status.message(), "stopped by SIGINT at step 0");
  EXPECT_FALSE(outcomes[0].status.ok());
  EXPECT_THAT(outcomes[0].status.message(), HasSubstr("trainer 0"));
  EXPECT_THAT(outcomes[0].status.message(), HasSubstr("SIGINT"));
  EXPECT_FALSE(outcomes[2].status.ok());
  EXPECT_THAT(outcomes[2].status.message(), endedBy("SIGINT"));
}

TEST(ServerJob, AnErrorOfOneRankReachesAll) {
  TestJob job;
  job.writeParameterServer(2);
  job.writeData(20);
  auto outcomes =
      job.run(job.options(), [&](const RoleChoice &role, RunOptions &options) {
        options.deadline = std::chrono::seconds(5);
        if (role.role == plan::TRAINER && role.rank == 1)
          options.metricsFile = "/nonexistent/metrics.jsonl";
      });
  for (int i : {0, 1, 2})
    EXPECT_FALSE(outcomes[i].status.ok()) << outcomes[i].name;
  for (int i : {0, 2}) // the server, and who has failed
    EXPECT_THAT(outcomes[i].status.message(), HasSubstr("/nonexistent/"))
        << outcomes[i].name;
  EXPECT_THAT(outcomes[1].status.message(), endedBy("/nonexistent/"));
}

TEST(ServerJob, SeedsMustAgree) {
  TestJob job;
  job.writeParameterServer(1);
  job.writeData(20);
  auto outcomes =
      job.run(job.options(), [](const RoleChoice &role, RunOptions &options) {
        options.deadline = std::chrono::seconds(1);
        if (role.role == plan::TRAINER)
          options.seed = 2;
      });
  EXPECT_THAT(outcomes[1].status.message(), HasSubstr("--seed=2"));
  EXPECT_FALSE(outcomes[0].status.ok());
}

TEST(ServerJob, StartupMayNotReadData) {
  TestJob job;
  job.writeParameterServer(1, [](plan::Plan &plan) {
    plan::Buffer &buffer = *plan.mutable_functions(1)->add_buffers();
    buffer = plan.functions(0).buffers(0);
  });
  job.writeData(20);
  EXPECT_THAT(job.run(job.options())[1].status.message(),
              HasSubstr("function 'startup' reads data"));
}

TEST(ServerJob, RefusesThePlanOfAnotherServer) {
  TestJob job;
  job.writeParameterServer(1, {}, [](plan::Plan &plan) {
    plan.mutable_servers(0)->set_endpoint("other:1");
  });
  job.writeData(20);
  auto outcomes =
      job.run(job.options(), [](const RoleChoice &, RunOptions &options) {
        options.deadline = std::chrono::milliseconds(500);
      });
  EXPECT_THAT(outcomes[0].status.message(),
              HasSubstr("the plan is of server 0 at other:1, this is server 0 "
                        "at server:1"));
}

TEST(Options, MissingAndContradictingFlags) {
  RoleChoice trainer, server;
  trainer.role = plan::TRAINER;
  server.role = plan::PSERVER;
  RunOptions options;
  EXPECT_TRUE(checkOptions(options, server).ok());
  EXPECT_THAT(checkOptions(options, trainer).message(), HasSubstr("--data"));
  options.data = "a.npz";
  EXPECT_THAT(checkOptions(options, trainer).message(),
              HasSubstr("--batch-size"));
  options.batchSize = 1;
  EXPECT_THAT(checkOptions(options, trainer).message(), HasSubstr("--epochs"));
  options.epochs = options.steps = 1;
  EXPECT_THAT(checkOptions(options, trainer).message(), HasSubstr("--steps"));
  options.steps = -1;
  EXPECT_FALSE(checkOptions(options, trainer).ok());
  options.steps = 0;
  EXPECT_TRUE(checkOptions(options, trainer).ok());
}

} // namespace
