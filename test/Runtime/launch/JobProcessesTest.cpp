//===- JobProcessesTest.cpp -----------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/JobProcesses.h"

#include <gmock/gmock.h>

using namespace fleet;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

plan::Job makeJob(uint32_t trainers, std::vector<std::string> pservers) {
  plan::Job job;
  job.set_mode(pservers.empty() ? plan::SINGLE : plan::PARAMETER_SERVER);
  job.set_trainers(trainers);
  plan::Job::Program *program = job.add_programs();
  program->set_role(pservers.empty() ? plan::LOCAL : plan::TRAINER);
  program->set_plan("trainer.plan");
  for (uint32_t i = 0; i < pservers.size(); ++i) {
    job.add_pservers(pservers[i]);
    program = job.add_programs();
    program->set_role(plan::PSERVER);
    program->set_index(i);
    program->set_endpoint(pservers[i]);
    program->set_plan("pserver.plan");
  }
  return job;
}

JobProcessOptions makeOptions(std::vector<std::string> options = {}) {
  JobProcessOptions result;
  result.directory = "out/job";
  result.program = "/bin/fleet-run";
  result.options = std::move(options);
  result.cores = 16;
  return result;
}

TEST(JobProcesses, ServersComeFirstEachWithItsPlaceInTheJob) {
  auto processes = describeProcesses(
      makeJob(2, {"127.0.0.1:6170", "[::1]:6171"}), makeOptions({"--seed=1"}));
  ASSERT_TRUE(processes.ok()) << processes.status().message();
  ASSERT_EQ(processes->size(), 4u);
  const char *list = "PADDLE_PSERVERS_IP_PORT_LIST=127.0.0.1:6170,[::1]:6171";
  EXPECT_EQ((*processes)[1].name, "pserver 1");
  EXPECT_THAT((*processes)[1].environment,
              ElementsAre(list, "PADDLE_TRAINERS_NUM=2",
                          "TRAINING_ROLE=PSERVER", "POD_IP=[::1]",
                          "PADDLE_PORT=6171"));
  EXPECT_EQ((*processes)[3].name, "trainer 1");
  EXPECT_THAT((*processes)[3].environment,
              ElementsAre(list, "PADDLE_TRAINERS_NUM=2",
                          "TRAINING_ROLE=TRAINER", "PADDLE_TRAINER_ID=1"));
  for (const JobProcess &process : *processes)
    EXPECT_THAT(process.arguments, ElementsAre("/bin/fleet-run", "out/job",
                                               "--seed=1", "--threads=4"));
}

TEST(JobProcesses, ThreadsThatTheUserChoseStay) {
  for (std::vector<std::string> given :
       {std::vector<std::string>{"--threads=9"}, {"--threads", "9"}}) {
    auto processes = describeProcesses(makeJob(1, {"a:1"}), makeOptions(given));
    ASSERT_TRUE(processes.ok());
    EXPECT_EQ((*processes)[0].arguments.size(), 2 + given.size());
  }
  JobProcessOptions few = makeOptions();
  few.cores = 1;
  auto processes = describeProcesses(makeJob(1, {"a:1"}), few);
  ASSERT_TRUE(processes.ok());
  EXPECT_THAT((*processes)[0].arguments, Contains("--threads=1"));
}

TEST(JobProcesses, AnotherJobsEnvironmentAndProxiesDoNotReachThem) {
  JobProcessOptions options = makeOptions();
  options.environment = {"HOME=/root",       "PADDLE_TRAINER_ID=7",
                         "TRAINING_ROLE=X",  "POD_IP=10.0.0.1",
                         "http_proxy=p:1",   "https_proxy=p:1",
                         "PADDLE_PORT=9999", "FLEET_ROLE=pserver",
                         "RANK=3",           "OMPI_COMM_WORLD_RANK=3",
                         "RANKING=1",        "PATH=/bin"};
  auto local = describeProcesses(makeJob(1, {}), options);
  ASSERT_TRUE(local.ok()) << local.status().message();
  ASSERT_EQ(local->size(), 1u);
  EXPECT_THAT((*local)[0].environment,
              ElementsAre("HOME=/root", "RANKING=1", "PATH=/bin"));
  auto job = describeProcesses(makeJob(1, {"a:1"}), options);
  ASSERT_TRUE(job.ok());
  EXPECT_THAT((*job)[0].environment,
              Not(Contains(StartsWith("PADDLE_TRAINER_ID"))));
  EXPECT_THAT((*job)[0].environment, Not(Contains("PADDLE_PORT=9999")));
}

TEST(JobProcesses, RoleAndRankAreNotTheUsersToChoose) {
  for (const char *option : {"--role=trainer", "--trainer-id=0", "--role",
                             "--current-endpoint=a:1"}) {
    auto processes =
        describeProcesses(makeJob(1, {"a:1"}), makeOptions({option}));
    ASSERT_FALSE(processes.ok()) << option;
    EXPECT_EQ(processes.status().code(), StatusCode::InvalidArgument);
    EXPECT_THAT(processes.status().message(), StartsWith("--"));
  }
}

TEST(JobProcesses, AFolderWithoutAPlanIsNamed) {
  plan::Job job = makeJob(1, {"a:1", "a:2"});
  job.mutable_programs(2)->clear_plan();
  auto processes = describeProcesses(job, makeOptions());
  ASSERT_FALSE(processes.ok());
  EXPECT_THAT(processes.status().message(), HasSubstr("out/job has no plan for "
                                                      "pserver 1"));
}

TEST(JobProcesses, ServersHaveToBeOnThisMachine) {
  EXPECT_TRUE(checkServersAreLocal(makeJob(1, {"127.0.0.1:1"})).ok());
  // TEST-NET-1 is nobody's.
  Status status =
      checkServersAreLocal(makeJob(1, {"127.0.0.1:1", "192.0.2.1:6170"}));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("pserver 1: 192.0.2.1:6170"));
}

TEST(JobProcesses, TrainersWithoutServersGetEndpointsOfTheirOwn) {
  plan::Job job = makeJob(3, {});
  job.set_mode(plan::PARAMETER_SERVER); // any that is not SINGLE
  job.set_trainers(3);
  job.mutable_programs(0)->set_role(plan::TRAINER);
  auto processes = describeProcesses(job, makeOptions());
  ASSERT_TRUE(processes.ok()) << processes.status().message();
  ASSERT_EQ(processes->size(), 3u);
  std::vector<std::string> first = (*processes)[0].place;
  for (size_t i = 0; i < 3; ++i) {
    const JobProcess &process = (*processes)[i];
    EXPECT_EQ(process.name, fmt::format("trainer {}", i));
    EXPECT_THAT(process.environment, Contains(fmt::format("FLEET_RANK={}", i)));
    EXPECT_THAT(process.environment, Contains("FLEET_TRAINERS=3"));
    EXPECT_THAT(process.environment, Contains("FLEET_LOCAL_SIZE=3"));
    // The same list and the same meeting point for all.
    EXPECT_EQ(process.place[5], first[5]);
    EXPECT_EQ(process.place[6], first[6]);
    EXPECT_THAT(first[5], HasSubstr(process.place[4].substr(11)));
  }
  EXPECT_THAT(first[6], StartsWith("FLEET_COORDINATOR=127.0.0.1:"));
}

TEST(JobProcesses, FreeEndpointsDiffer) {
  auto endpoints = freeEndpoints(50);
  ASSERT_TRUE(endpoints.ok()) << endpoints.status().message();
  std::sort(endpoints->begin(), endpoints->end());
  EXPECT_EQ(std::unique(endpoints->begin(), endpoints->end()),
            endpoints->end());
}

} // namespace
