//===- JobFileTest.cpp ----------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/JobFile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using testing::HasSubstr;

namespace {

const char *goodJob() {
  return R"(schema_version: 1
name: "fit_a_line"
program_hash: "abc"
mode: PARAMETER_SERVER
sync_mode: SYNC
trainers: 2
pservers: "127.0.0.1:6170"
pservers: "127.0.0.1:6171"
programs { role: TRAINER plan: "trainer.plan" source: "trainer.mlir" }
programs { role: PSERVER endpoint: "127.0.0.1:6170" plan: "pserver-0.plan" }
programs {
  role: PSERVER index: 1 endpoint: "127.0.0.1:6171" plan: "pserver-1.plan"
}
)";
}

std::string replaced(const std::string &from, const std::string &to) {
  std::string text = goodJob();
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string errorOf(const std::string &text) {
  testing::internal::CaptureStderr();
  StatusOr<plan::Job> job = parseJob(text, "job.textproto");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  if (job.ok())
    return "";
  EXPECT_EQ(job.status().message().find('\n'), std::string::npos);
  return job.status().message();
}

TEST(JobFile, ReadsAJob) {
  StatusOr<plan::Job> job = parseJob(goodJob(), "job.textproto");
  ASSERT_TRUE(job.ok()) << job.status().message();
  const plan::Job::Program *server = findProgram(*job, plan::PSERVER, 1);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(server->plan(), "pserver-1.plan");
  EXPECT_EQ(findProgram(*job, plan::LOCAL, 0), nullptr);
}

TEST(JobFile, NamesLineAndColumn) {
  EXPECT_THAT(errorOf(replaced("trainers: 2", "trainers: two")),
              HasSubstr("job.textproto:6:11: "));
  EXPECT_THAT(errorOf("no_such_field: 1"), HasSubstr("job.textproto:1:"));
  EXPECT_THAT(errorOf(std::string("\0\1\2", 3)), HasSubstr("job.textproto:1:"));
  EXPECT_THAT(errorOf("name: \"\xff\xfe\""), HasSubstr("job.textproto:"));
}

TEST(JobFile, RefusesAnEmptyFile) {
  EXPECT_THAT(errorOf(""), HasSubstr("schema version 0"));
}

TEST(JobFile, RefusesOtherVersions) {
  EXPECT_THAT(errorOf(replaced("schema_version: 1", "schema_version: 3")),
              HasSubstr("schema version 3, this program reads version 1"));
}

TEST(JobFile, RefusesPathsOutOfTheFolder) {
  EXPECT_THAT(errorOf(replaced("trainer.plan", "../../etc/passwd")),
              HasSubstr("is not the name of a file in the job folder"));
}

TEST(JobFile, RefusesDuplicateEndpoints) {
  EXPECT_THAT(errorOf(replaced("pservers: \"127.0.0.1:6171\"",
                               "pservers: \"127.0.0.1:6170\"")),
              HasSubstr("two pservers have the endpoint 127.0.0.1:6170"));
}

TEST(JobFile, RefusesMalformedEndpoints) {
  EXPECT_THAT(
      errorOf(replaced("pservers: \"127.0.0.1:6171\"", "pservers: \"x\"")),
      HasSubstr("endpoint 'x' is not HOST:PORT"));
}

TEST(JobFile, RefusesNoTrainers) {
  EXPECT_THAT(errorOf(replaced("trainers: 2", "trainers: 0")),
              HasSubstr("0 trainers"));
}

TEST(JobFile, RefusesTwoProgramsOfARole) {
  EXPECT_THAT(errorOf(std::string(goodJob()) +
                      "programs { role: TRAINER plan: \"b.plan\" }"),
              HasSubstr("a second one for TRAINER 0"));
}

TEST(JobFile, RefusesAServerOutOfRange) {
  EXPECT_THAT(errorOf(replaced("index: 1", "index: 2")),
              HasSubstr("server 2, the job has 2 servers"));
}

TEST(JobFile, RefusesAnotherEndpointThanListed) {
  EXPECT_THAT(errorOf(replaced("endpoint: \"127.0.0.1:6171\"",
                               "endpoint: \"127.0.0.1:7000\"")),
              HasSubstr("has the endpoint '127.0.0.1:7000' here"));
}

TEST(JobFile, RefusesALocalProgramInAServerJob) {
  EXPECT_THAT(errorOf(replaced("role: TRAINER", "role: LOCAL")),
              HasSubstr("role LOCAL does not exist in mode PARAMETER_SERVER"));
}

TEST(JobFile, NamesAFolderThatIsNone) {
  SystemFiles files;
  StatusOr<plan::Job> job = loadJob(files, "/nonexistent");
  ASSERT_FALSE(job.ok());
  EXPECT_THAT(job.status().message(),
              HasSubstr("/nonexistent is not a job folder of fleet-transpile"));
}

TEST(JobFile, ServersMoveTogether) {
  StatusOr<plan::Job> job = parseJob(goodJob(), "job.textproto");
  ASSERT_TRUE(job.ok());
  Status moved = moveServers(*job, "node1:7000,node2:7000");
  ASSERT_TRUE(moved.ok()) << moved.message();
  EXPECT_EQ(job->pservers(1), "node2:7000");
  EXPECT_EQ(findProgram(*job, plan::PSERVER, 1)->endpoint(), "node2:7000");
  EXPECT_EQ(moveServers(*job, "a:1").message(),
            "1 endpoints, the job has 2 servers");
  EXPECT_EQ(moveServers(*job, "a:1,a:1").message(), "two servers at a:1");
  EXPECT_THAT(moveServers(*job, "a:1,b").message(),
              HasSubstr("endpoint 'b' is not HOST:PORT"));
  EXPECT_EQ(job->pservers(1), "node2:7000"); // nothing happened
}

} // namespace
