//===- RoleTest.cpp -------------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/job/Role.h"

#include "runtime/environment/WorldLayout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

using namespace fleet;
using testing::HasSubstr;

namespace {

using Environment = std::map<std::string, std::string>;

plan::Job serverJob(uint32_t trainers = 2) {
  plan::Job job;
  job.set_mode(plan::PARAMETER_SERVER);
  job.set_trainers(trainers);
  job.add_pservers("10.0.0.1:6170");
  job.add_pservers("10.0.0.2:6170");
  return job;
}

StatusOr<RoleChoice> resolve(const plan::Job &job, const RoleFlags &flags,
                             const Environment &environment = {}) {
  return resolveRole(job, flags, [&](const char *name) -> const char * {
    auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

std::string errorOf(const plan::Job &job, const RoleFlags &flags,
                    const Environment &environment) {
  StatusOr<RoleChoice> choice = resolve(job, flags, environment);
  return choice.ok() ? "" : choice.status().message();
}

std::string errorOf(const RoleFlags &flags, const Environment &environment) {
  return errorOf(serverJob(), flags, environment);
}

/// A job without servers, in which every process is a trainer.
plan::Job trainersJob(uint32_t trainers) {
  plan::Job job;
  job.set_mode(plan::PARAMETER_SERVER); // any that is not SINGLE
  job.set_trainers(trainers);
  return job;
}

RoleFlags trainerFlags(int64_t id) {
  RoleFlags flags;
  flags.role = "trainer";
  flags.trainerId = id;
  return flags;
}

TEST(Role, TrainerFromFlags) {
  StatusOr<RoleChoice> choice = resolve(serverJob(), trainerFlags(1));
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  EXPECT_EQ(choice->name(), "trainer 1");
  EXPECT_EQ(choice->roleRule, "--role=trainer");
  EXPECT_EQ(choice->rankRule, "--trainer-id=1");
}

TEST(Role, TrainerFromTheEnvironment) {
  for (const char *name : {"TRAINING_ROLE", "PADDLE_TRAINING_ROLE"}) {
    StatusOr<RoleChoice> choice = resolve(
        serverJob(), {}, {{name, "TRAINER"}, {"PADDLE_TRAINER_ID", "1"}});
    ASSERT_TRUE(choice.ok()) << choice.status().message();
    EXPECT_EQ(choice->name(), "trainer 1");
    EXPECT_EQ(choice->roleRule, std::string(name) + "=TRAINER");
    EXPECT_EQ(choice->rankRule, "PADDLE_TRAINER_ID=1");
  }
}

TEST(Role, FlagsGoBeforeTheEnvironment) {
  StatusOr<RoleChoice> choice =
      resolve(serverJob(), trainerFlags(0),
              {{"TRAINING_ROLE", "PSERVER"}, {"PADDLE_TRAINER_ID", "1"}});
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  EXPECT_EQ(choice->name(), "trainer 0");
}

TEST(Role, ServerFromFlags) {
  RoleFlags flags;
  flags.role = "pserver";
  flags.endpoint = "10.0.0.2:6170";
  StatusOr<RoleChoice> choice = resolve(serverJob(), flags);
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  EXPECT_EQ(choice->name(), "pserver 1");
  EXPECT_EQ(choice->endpoint, "10.0.0.2:6170");
}

TEST(Role, ServerFromTheEnvironment) {
  for (const Environment &place :
       {Environment{{"POD_IP", "10.0.0.2"}, {"PADDLE_PORT", "6170"}},
        Environment{{"PADDLE_CURRENT_ENDPOINT", "10.0.0.2:6170"}}}) {
    Environment environment = place;
    environment["TRAINING_ROLE"] = "PSERVER";
    environment["PADDLE_TRAINERS_NUM"] = "2";
    environment["PADDLE_PSERVERS_IP_PORT_LIST"] = "10.0.0.1:6170,10.0.0.2:6170";
    StatusOr<RoleChoice> choice = resolve(serverJob(), {}, environment);
    ASSERT_TRUE(choice.ok()) << choice.status().message();
    EXPECT_EQ(choice->rank, 1u);
  }
}

TEST(Role, OneTrainerNeedsNoId) {
  RoleFlags flags;
  flags.role = "trainer";
  EXPECT_TRUE(resolve(serverJob(1), flags).ok());
  EXPECT_FALSE(resolve(serverJob(2), flags).ok());
}

TEST(Role, ALocalJobLooksAtNoEnvironment) {
  plan::Job job;
  job.set_mode(plan::SINGLE);
  StatusOr<RoleChoice> choice = resolve(job, {}, {{"TRAINING_ROLE", "BOSS"}});
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  EXPECT_EQ(choice->name(), "local");
  RoleFlags flags;
  flags.role = "trainer";
  EXPECT_THAT(resolve(job, flags).status().message(),
              HasSubstr("this is a local job"));
}

TEST(Role, MissingRoleSaysWhatToSet) {
  EXPECT_THAT(errorOf({}, {}), HasSubstr("TRAINING_ROLE (TRAINER or PSERVER)"));
}

TEST(Role, WrongValuesAreNamed) {
  EXPECT_THAT(errorOf({}, {{"TRAINING_ROLE", "BOSS"}}),
              HasSubstr("TRAINING_ROLE=BOSS: expected trainer or pserver"));
  for (const char *id : {"one", "1x", "-", "99999999999999999999"})
    EXPECT_THAT(
        errorOf({}, {{"TRAINING_ROLE", "TRAINER"}, {"PADDLE_TRAINER_ID", id}}),
        HasSubstr(fmt::format("PADDLE_TRAINER_ID={}: expected a number", id)));
  EXPECT_THAT(errorOf(trainerFlags(2), {}),
              HasSubstr("--trainer-id=2: the job has 2 trainers, 0 to 1"));
  EXPECT_THAT(errorOf(trainerFlags(-1), {}), HasSubstr("--trainer-id=-1"));
}

TEST(Role, AServerThatTheJobDoesNotHave) {
  EXPECT_THAT(errorOf({}, {{"TRAINING_ROLE", "PSERVER"},
                           {"PADDLE_CURRENT_ENDPOINT", "10.0.0.3:6170"}}),
              HasSubstr("PADDLE_CURRENT_ENDPOINT=10.0.0.3:6170: the servers of "
                        "the job are 10.0.0.1:6170, 10.0.0.2:6170"));
}

TEST(Role, HalfAnEndpointIsNamed) {
  EXPECT_THAT(
      errorOf({}, {{"TRAINING_ROLE", "PSERVER"}, {"POD_IP", "10.0.0.1"}}),
      HasSubstr("PADDLE_PORT is missing beside POD_IP"));
  EXPECT_THAT(
      errorOf({}, {{"TRAINING_ROLE", "PSERVER"}, {"PADDLE_PORT", "6170"}}),
      HasSubstr("POD_IP is missing beside PADDLE_PORT"));
}

TEST(Role, EverythingThatIsWrongIsListedAtOnce) {
  std::string error =
      errorOf({}, {{"TRAINING_ROLE", "TRAINER"},
                   {"PADDLE_TRAINERS_NUM", "3"},
                   {"PADDLE_PSERVERS_IP_PORT_LIST", "10.0.0.9:6170"}});
  EXPECT_THAT(error, HasSubstr("which trainer is this?"));
  EXPECT_THAT(error, HasSubstr("PADDLE_TRAINERS_NUM=3: the job was transpiled "
                               "with --trainers=2"));
  EXPECT_THAT(error, HasSubstr("PADDLE_PSERVERS_IP_PORT_LIST=10.0.0.9:6170"));
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

/// The process that `environment` makes this of a job with 2 servers and 2
/// trainers, e.g. "pserver 1 by A=b, C=d"; or the error.
std::string placeOf(const Environment &environment,
                    const plan::Job &job = serverJob()) {
  StatusOr<RoleChoice> choice = resolve(job, {}, environment);
  if (!choice.ok())
    return choice.status().message();
  return fmt::format("{} by {}, {}", choice->name(), choice->roleRule,
                     choice->rankRule);
}

TEST(Role, FleetsOwnVariables) {
  EXPECT_EQ(placeOf({{"FLEET_ROLE", "pserver"},
                     {"FLEET_RANK", "1"},
                     {"FLEET_TRAINERS", "2"},
                     {"FLEET_PSERVERS", "10.0.0.1:6170,10.0.0.2:6170"}}),
            "pserver 1 by FLEET_ROLE=pserver, FLEET_RANK=1");
  EXPECT_EQ(
      placeOf({{"FLEET_ROLE", "pserver"}, {"FLEET_SELF", "10.0.0.2:6170"}}),
      "pserver 1 by FLEET_ROLE=pserver, FLEET_SELF=10.0.0.2:6170");
  EXPECT_EQ(placeOf({{"FLEET_ROLE", "trainer"}, {"FLEET_RANK", "1"}}),
            "trainer 1 by FLEET_ROLE=trainer, FLEET_RANK=1");
  EXPECT_EQ(placeOf({{"FLEET_ROLE", "pserver"}, {"FLEET_RANK", "2"}}),
            "FLEET_RANK=2: the job has 2 servers, 0 to 1");
  EXPECT_THAT(placeOf({{"FLEET_ROLE", "trainer"},
                       {"FLEET_RANK", "1"},
                       {"FLEET_TRAINERS", "3"}}),
              HasSubstr("FLEET_TRAINERS=3: the job was transpiled with "
                        "--trainers=2"));
}

TEST(Role, TheNamesOfOldScripts) {
  Environment script = {{"PADDLE_TRAINING_ROLE", "PSERVER"},
                        {"PADDLE_PSERVER_IPS", "10.0.0.1,10.0.0.2"},
                        {"PADDLE_PSERVER_PORT", "6170"},
                        {"PADDLE_TRAINERS", "2"},
                        {"PADDLE_TRAINER_ID", "1"},
                        {"PADDLE_CURRENT_IP", "10.0.0.2"}};
  EXPECT_EQ(placeOf(script),
            "pserver 1 by PADDLE_TRAINING_ROLE=PSERVER, "
            "PADDLE_CURRENT_IP:PADDLE_PSERVER_PORT=10.0.0.2:6170");
  script["PADDLE_TRAINERS"] = "4";
  script["PADDLE_PSERVER_IPS"] = "10.0.0.1";
  std::string error = placeOf(script);
  EXPECT_THAT(error, HasSubstr("PADDLE_TRAINERS=4: the job was transpiled"));
  EXPECT_THAT(error, HasSubstr("PADDLE_PSERVER_IPS=10.0.0.1 with "
                               "PADDLE_PSERVER_PORT=6170: the job was "
                               "transpiled with --pservers="));
  EXPECT_THAT(errorOf({}, {{"TRAINING_ROLE", "PSERVER"},
                           {"PADDLE_CURRENT_IP", "10.0.0.2"}}),
              HasSubstr("PADDLE_PORT is missing beside PADDLE_CURRENT_IP"));
}

TEST(Role, TwoNamesOfOneThingHaveToAgree) {
  EXPECT_THAT(
      placeOf({{"TRAINING_ROLE", "TRAINER"},
               {"PADDLE_TRAINING_ROLE", "PSERVER"},
               {"PADDLE_TRAINER_ID", "0"}}),
      HasSubstr("TRAINING_ROLE=TRAINER and PADDLE_TRAINING_ROLE=PSERVER "
                "contradict each other"));
  EXPECT_EQ(placeOf({{"TRAINING_ROLE", "TRAINER"},
                     {"PADDLE_TRAINING_ROLE", "trainer"},
                     {"PADDLE_TRAINER_ID", "0"}}),
            "trainer 0 by TRAINING_ROLE=TRAINER, PADDLE_TRAINER_ID=0");
}

/// Launchers that number all processes.
struct World {
  const char *rank, *size;
};
constexpr World kWorlds[] = {{"RANK", "WORLD_SIZE"},
                             {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                             {"PMI_RANK", "PMI_SIZE"},
                             {"SLURM_PROCID", "SLURM_NTASKS"},
                             {"PET_NODE_RANK", "PET_NNODES"},
                             {"JAX_PROCESS_ID", "JAX_NUM_PROCESSES"}};

TEST(Role, ServersAndTrainersAlternateInAWorld) {
  const char *expected[] = {"pserver 0", "trainer 0", "pserver 1", "trainer 1"};
  for (const World &world : kWorlds)
    for (int i = 0; i < 4; ++i) {
      std::string rule = fmt::format("{}={}", world.rank, i);
      EXPECT_EQ(placeOf({{world.rank, std::to_string(i)}, {world.size, "4"}}),
                fmt::format("{} by {}, {}", expected[i], rule, rule));
    }
}

TEST(Role, InAWorldWithoutServersAllTrain) {
  for (const World &world : kWorlds)
    EXPECT_EQ(placeOf({{world.rank, "2"}, {world.size, "3"}}, trainersJob(3)),
              fmt::format("trainer 2 by the job has trainers only, {}=2",
                          world.rank));
}

TEST(Role, TheWorldHasToBeAsLargeAsTheJob) {
  for (const World &world : kWorlds) {
    EXPECT_EQ(placeOf({{world.rank, "0"}, {world.size, "3"}}),
              fmt::format("{}=3: the job has 2 servers and 2 trainers; start 4 "
                          "processes",
                          world.size));
    EXPECT_EQ(placeOf({{world.rank, "0"}, {world.size, "2"}}, trainersJob(3)),
              fmt::format("{}=2: the job has 3 trainers; start as many "
                          "processes, or transpile again with --trainers=2",
                          world.size));
    EXPECT_EQ(
        placeOf({{world.rank, "4"}, {world.size, "4"}}),
        fmt::format("{}=4: expected 0 to 3, below {}", world.rank, world.size));
    EXPECT_EQ(placeOf({{world.rank, "x"}, {world.size, "4"}}),
              fmt::format("{}=x: expected a number", world.rank));
    EXPECT_THAT(placeOf({{world.rank, "0"}}),
                HasSubstr(fmt::format("{} is missing beside {}", world.size,
                                      world.rank)));
  }
}

TEST(Role, WhatIsLeftOfTheLargerKindComesLast) {
  for (auto [trainers, expected] :
       {std::pair<uint32_t, std::string>{1, "p0 t0 p1 "},
        {2, "p0 t0 p1 t1 "},
        {4, "p0 t0 p1 t1 t2 t3 "}}) {
    plan::Job job = serverJob(trainers);
    std::string order;
    for (uint32_t i = 0; i < 2 + trainers; ++i) {
      auto [role, rank] = placeOfWorldRank(job, i);
      order += fmt::format("{}{} ", role == plan::TRAINER ? 't' : 'p', rank);
      EXPECT_EQ(worldRankOf(job, role, rank), i);
    }
    EXPECT_EQ(order, expected);
  }
}

TEST(Role, ARoleOfItsOwnMakesTheWorldOneOfThatRole) {
  EXPECT_EQ(placeOf({{"FLEET_ROLE", "trainer"},
                     {"SLURM_PROCID", "1"},
                     {"SLURM_NTASKS", "2"}}),
            "trainer 1 by FLEET_ROLE=trainer, SLURM_PROCID=1");
  EXPECT_EQ(placeOf({{"TRAINING_ROLE", "PSERVER"},
                     {"OMPI_COMM_WORLD_RANK", "1"},
                     {"OMPI_COMM_WORLD_SIZE", "2"}}),
            "pserver 1 by TRAINING_ROLE=PSERVER, OMPI_COMM_WORLD_RANK=1");
  EXPECT_EQ(placeOf({{"TRAINING_ROLE", "PSERVER"},
                     {"OMPI_COMM_WORLD_RANK", "1"},
                     {"OMPI_COMM_WORLD_SIZE", "4"}}),
            "OMPI_COMM_WORLD_RANK=1 (Open MPI) is trainer 0 of the job, but "
            "TRAINING_ROLE=PSERVER: leave that out, or start the 2 pservers by "
            "themselves");
}

TEST(Role, AnIndexedJobTellsTheRankInItsRole) {
  EXPECT_EQ(placeOf({{"FLEET_ROLE", "pserver"}, {"JOB_COMPLETION_INDEX", "1"}}),
            "pserver 1 by FLEET_ROLE=pserver, JOB_COMPLETION_INDEX=1");
  EXPECT_EQ(placeOf({{"JOB_COMPLETION_INDEX", "1"}}, trainersJob(2)),
            "trainer 1 by the job has trainers only, JOB_COMPLETION_INDEX=1");
}

TEST(Role, WorkersAndServersOfATracker) {
  EXPECT_EQ(placeOf({{"DMLC_ROLE", "server"},
                     {"DMLC_SERVER_ID", "1"},
                     {"DMLC_NUM_SERVER", "2"},
                     {"DMLC_NUM_WORKER", "2"}}),
            "pserver 1 by DMLC_ROLE=server, DMLC_SERVER_ID=1");
  EXPECT_EQ(placeOf({{"DMLC_ROLE", "worker"}, {"DMLC_TASK_ID", "1"}}),
            "trainer 1 by DMLC_ROLE=worker, DMLC_TASK_ID=1");
  EXPECT_THAT(placeOf({{"DMLC_ROLE", "scheduler"}}),
              HasSubstr("DMLC_ROLE=scheduler: expected trainer or pserver"));
  EXPECT_THAT(placeOf({{"DMLC_ROLE", "worker"},
                       {"DMLC_WORKER_ID", "1"},
                       {"DMLC_NUM_SERVER", "1"}}),
              HasSubstr("DMLC_NUM_SERVER=1: the job was transpiled with"));
}

TEST(Role, TheFirstLauncherWins) {
  // torchrun inside of an MPI process inside of a Slurm task.
  Environment nested = {{"SLURM_PROCID", "0"},
                        {"SLURM_NTASKS", "1"},
                        {"OMPI_COMM_WORLD_RANK", "3"},
                        {"OMPI_COMM_WORLD_SIZE", "4"},
                        {"JOB_COMPLETION_INDEX", "0"}};
  EXPECT_EQ(placeOf(nested), "trainer 1 by OMPI_COMM_WORLD_RANK=3, "
                             "OMPI_COMM_WORLD_RANK=3");
  nested["RANK"] = "0";
  nested["WORLD_SIZE"] = "4";
  EXPECT_EQ(placeOf(nested), "pserver 0 by RANK=0, RANK=0");
  nested["TRAINING_ROLE"] = "TRAINER";
  nested["PADDLE_TRAINER_ID"] = "1";
  EXPECT_EQ(placeOf(nested),
            "trainer 1 by TRAINING_ROLE=TRAINER, PADDLE_TRAINER_ID=1");
  nested["FLEET_ROLE"] = "trainer";
  nested["FLEET_RANK"] = "0";
  EXPECT_EQ(placeOf(nested), "trainer 0 by FLEET_ROLE=trainer, FLEET_RANK=0");
}

TEST(Role, TrainersOfACollectiveJobByTheirEndpoints) {
  Environment paddle = {{"PADDLE_TRAINER_ENDPOINTS", "a:1,b:1"},
                        {"PADDLE_CURRENT_ENDPOINT", "b:1"}};
  EXPECT_EQ(placeOf(paddle, trainersJob(2)),
            "trainer 1 by the job has trainers only, "
            "PADDLE_CURRENT_ENDPOINT=b:1");
  paddle["PADDLE_TRAINER_ID"] = "0";
  EXPECT_THAT(placeOf(paddle, trainersJob(2)),
              HasSubstr("PADDLE_CURRENT_ENDPOINT=b:1: trainer 0 (by "
                        "PADDLE_TRAINER_ID=0) is a:1"));
  EXPECT_THAT(placeOf(paddle, trainersJob(3)), HasSubstr("2 endpoints, the job "
                                                         "has 3 trainers"));
  paddle["PADDLE_CURRENT_ENDPOINT"] = "c:1";
  paddle.erase("PADDLE_TRAINER_ID");
  EXPECT_THAT(placeOf(paddle, trainersJob(2)),
              HasSubstr("PADDLE_CURRENT_ENDPOINT=c:1 is not in "
                        "PADDLE_TRAINER_ENDPOINTS=a:1,b:1"));
  EXPECT_THAT(errorOf(trainersJob(1), {}, {{"TRAINING_ROLE", "PSERVER"}}),
              HasSubstr("TRAINING_ROLE=PSERVER: this job has trainers and no "
                        "servers"));
}

TEST(Role, SurroundingsOfACollectiveJob) {
  auto choice = resolve(trainersJob(4), {},
                        {{"RANK", "3"},
                         {"WORLD_SIZE", "4"},
                         {"LOCAL_RANK", "1"},
                         {"LOCAL_WORLD_SIZE", "2"},
                         {"MASTER_ADDR", "10.0.0.1"},
                         {"MASTER_PORT", "29500"}});
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  EXPECT_EQ(choice->localRank, 1u);
  EXPECT_EQ(choice->localSize, 2u);
  EXPECT_EQ(choice->coordinator, "10.0.0.1:29500");
  choice = resolve(trainersJob(1), {},
                   {{"FLEET_COORDINATOR", "h:1"},
                    {"JAX_COORDINATOR_ADDRESS", "other:1"},
                    {"FLEET_TRAINER_ENDPOINTS", "a:1"}});
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  EXPECT_EQ(choice->coordinator, "h:1");
  EXPECT_EQ(choice->trainerEndpoints, std::vector<std::string>{"a:1"});
}

TEST(Role, SurroundingsThatMakeNoSenseAreNamed) {
  EXPECT_THAT(placeOf({{"RANK", "0"},
                       {"WORLD_SIZE", "1"},
                       {"LOCAL_RANK", "2"},
                       {"LOCAL_WORLD_SIZE", "2"}},
                      trainersJob(1)),
              HasSubstr("LOCAL_RANK=2 and LOCAL_WORLD_SIZE=2 contradict"));
  EXPECT_THAT(placeOf({{"SLURM_LOCALID", "one"}}, trainersJob(1)),
              HasSubstr("SLURM_LOCALID=one: expected a number"));
  EXPECT_THAT(placeOf({{"FLEET_COORDINATOR", "nowhere"}}, trainersJob(1)),
              HasSubstr("Fleet: endpoint 'nowhere' has no port"));
  EXPECT_THAT(placeOf({{"PET_NODE_RANK", "0"},
                       {"PET_NNODES", "1"},
                       {"PET_NPROC_PER_NODE", "4"}},
                      trainersJob(1)),
              HasSubstr("PET_NPROC_PER_NODE=4: fleet-run is one process"));
  EXPECT_THAT(placeOf({{"FLEET_TRAINER_ENDPOINTS", "a:1,b"}}, trainersJob(2)),
              HasSubstr("FLEET_TRAINER_ENDPOINTS: endpoint 'b' has no port"));
}

TEST(Role, TheReportHasEveryRuleAndMarksTheOneThatDecided) {
  Environment environment = {{"OMPI_COMM_WORLD_RANK", "1"},
                             {"OMPI_COMM_WORLD_SIZE", "4"},
                             {"SLURM_PROCID", "7\n8"}};
  auto getenv = [&](const char *name) -> const char * {
    auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  auto choice = resolve(serverJob(), {}, environment);
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  std::string report = describeRules({}, getenv, choice);
  EXPECT_THAT(report, testing::ContainsRegex(
                          "OMPI_COMM_WORLD_RANK +1  <- role and rank\n"));
  EXPECT_THAT(report, testing::ContainsRegex("OMPI_COMM_WORLD_SIZE +4\n"));
  EXPECT_THAT(report, testing::ContainsRegex("SLURM_PROCID +7\\\\n8\n"));
  EXPECT_THAT(report, testing::ContainsRegex(
                          "  RANK +not set: which process, from 0\n"));
  EXPECT_THAT(report, testing::ContainsRegex(
                          "FLEET_ROLE +not set: trainer or pserver\n"));
  EXPECT_THAT(report, testing::ContainsRegex("--role +not set: "));
  EXPECT_EQ(report.find("<-"), report.rfind("<-"));
  environment = {{"TRAINING_ROLE", "PSERVER"},
                 {"POD_IP", "10.0.0.2"},
                 {"PADDLE_PORT", "6170"}};
  choice = resolve(serverJob(), {}, environment);
  report = describeRules({}, getenv, choice);
  EXPECT_THAT(report, testing::ContainsRegex("POD_IP +10.0.0.2  <- rank\n"));
  EXPECT_THAT(report, testing::ContainsRegex("PADDLE_PORT +6170  <- rank\n"));
  EXPECT_THAT(report,
              testing::ContainsRegex("TRAINING_ROLE +PSERVER  <- role\n"));
}

} // namespace
