//===- RoleTest.cpp -------------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/job/Role.h"

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

std::string errorOf(const RoleFlags &flags, const Environment &environment) {
  StatusOr<RoleChoice> choice = resolve(serverJob(), flags, environment);
  return choice.ok() ? "" : choice.status().message();
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

} // namespace
