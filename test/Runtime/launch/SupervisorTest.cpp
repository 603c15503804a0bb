//===- SupervisorTest.cpp -------------------------------------------------===//
//
// Part of the Fleet project.
//
// Jobs of shell scripts, so that a process can misbehave in every way.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/Supervisor.h"
#include "test/Runtime/base/TemporaryDirectory.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fleet;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

class SupervisorTest : public testing::Test {
protected:
  void SetUp() override {
    options.out = ::open(directory.file("out").c_str(),
                         O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    options.err = ::open(directory.file("err").c_str(),
                         O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    ASSERT_GE(options.out, 0);
    ASSERT_GE(options.err, 0);
    // No test waits this long: what is awaited happens, or a test fails.
    options.serverStart = options.ownEnd = options.termination = 60s;
  }
  void TearDown() override {
    ::close(options.out);
    ::close(options.err);
    // Everybody was reaped.
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }

  /// Processes that run `scripts`; a name that begins with "pserver" is one.
  /// A script finds the test's folder in $DIR.
  StatusOr<JobResult>
  run(std::vector<std::pair<std::string, std::string>> scripts,
      StopToken stop = {}) {
    std::vector<JobProcess> processes;
    for (auto &[name, script] : scripts) {
      JobProcess process;
      process.name = name;
      process.role = name[0] == 'p' ? plan::PSERVER : plan::TRAINER;
      process.arguments = {"/bin/sh", "-c", script};
      process.environment = {"PATH=/usr/bin:/bin", "DIR=" + directory.path()};
      processes.push_back(process);
    }
    return superviseJob(processes, options, stop);
  }

  test::TemporaryDirectory directory;
  SupervisorOptions options;
};

/// A server that works until it is told to end.
constexpr char kServer[] = "echo Server listening on here; exec sleep 60";

TEST_F(SupervisorTest, RelaysWholeLinesWithTheProcessesNames) {
  auto result = run(
      {{"pserver 0", "echo Server listening on here; "
                     "until [ -e $DIR/end ]; do sleep 0.01; done"},
       {"trainer 0", "printf 'a\\nb'; echo warning: c >&2; touch $DIR/end"}});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->status, 0);
  EXPECT_EQ(result->message, "");
  std::string out = directory.read("out");
  EXPECT_THAT(out, HasSubstr("[pserver 0] Server listening on here\n"));
  EXPECT_THAT(out, HasSubstr("[trainer 0] a\n[trainer 0] b\n"));
  EXPECT_EQ(directory.read("err"), "[trainer 0] warning: c\n");
}

TEST_F(SupervisorTest, TrainersStartWhenAllServersListen) {
  const char *untilEnd = "until [ -e $DIR/end ]; do sleep 0.01; done";
  auto result = run(
      {{"pserver 0", fmt::format("echo Server listening on a; {}", untilEnd)},
       {"pserver 1", fmt::format("sleep 0.2; touch $DIR/ready; "
                                 "echo Server listening on b; {}",
                                 untilEnd)},
       {"trainer 0", "test -e $DIR/ready; status=$?; touch $DIR/end; "
                     "exit $status"}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 0) << result->message;
}

TEST_F(SupervisorTest, AServerThatEndsBeforeTheTrainersStartIsAFailure) {
  auto result =
      run({{"pserver 0", "exit 0"}, {"trainer 0", "touch $DIR/started"}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 1);
  EXPECT_EQ(result->message,
            "pserver 0 ended with status 0 before the trainers started");
  EXPECT_NE(::access(directory.file("started").c_str(), F_OK), 0);
}

TEST_F(SupervisorTest, TheFirstFailureIsTheJobs) {
  options.ownEnd = 0ms;
  auto result =
      run({{"pserver 0", kServer},
           {"trainer 0", "exec sleep 60"},
           {"trainer 1", "echo 'error: no data' >&2; echo bye >&2; exit 7"}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 7);
  EXPECT_EQ(result->message, "trainer 1 ended with status 7: error: no data");
}

TEST_F(SupervisorTest, AFailureGivesTheOthersTimeToEndByThemselves) {
  auto result =
      run({{"pserver 0",
            "trap 'touch $DIR/terminated' TERM; "
            "echo Server listening on here; "
            "until [ -e $DIR/lost ]; do sleep 0.01; done; sleep 0.2; exit 1"},
           {"trainer 0", "touch $DIR/lost; exit 3"}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 3);
  EXPECT_NE(::access(directory.file("terminated").c_str(), F_OK), 0);
}

TEST_F(SupervisorTest, AKilledProcessIsNamed) {
  options.ownEnd = 0ms;
  auto result = run({{"pserver 0", kServer}, {"trainer 0", "kill -KILL $$"}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 1);
  EXPECT_THAT(result->message, HasSubstr("trainer 0 was killed by signal 9"));
}

TEST_F(SupervisorTest, WhoIgnoresSigtermIsKilledWithAllItStarted) {
  options.ownEnd = 0ms;
  options.termination = 50ms;
  auto result = run({{"pserver 0", "trap '' TERM; echo Server listening on x; "
                                   "sleep 60 & echo $! > $DIR/grandchild; "
                                   "wait; sleep 60"},
                     {"trainer 0", "exit 1"}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 1);
  pid_t grandchild = std::stoi(directory.read("grandchild"));
  // It is init's to reap; a zombie is as good as gone.
  for (int i = 0; i < 500 && ::kill(grandchild, 0) == 0; ++i) {
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string id, name, state;
    if (stat >> id >> name >> state && state == "Z")
      break;
    ASSERT_LT(i, 499) << "process " << grandchild << " still runs";
    std::this_thread::sleep_for(10ms);
  }
}

TEST_F(SupervisorTest, AStopEndsAllBySigterm) {
  auto source = StopSource::create();
  ASSERT_TRUE(source.ok());
  std::thread stopper([&] {
    while (::access(directory.file("up").c_str(), F_OK) != 0)
      std::this_thread::sleep_for(5ms);
    source->requestStop("SIGTERM");
  });
  auto result = run({{"pserver 0", kServer},
                     {"trainer 0", "trap 'echo ended; exit 1' TERM; "
                                   "touch $DIR/up; sleep 60 & wait"}},
                    source->token());
  stopper.join();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 1);
  EXPECT_EQ(result->message, "stopped by SIGTERM");
  EXPECT_THAT(directory.read("out"), HasSubstr("[trainer 0] ended\n"));
}

TEST_F(SupervisorTest, ChildrenStartWithNoSignalBlockedOrIgnored) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  auto result =
      run({{"trainer 0", "grep -E '^Sig(Blk|Ign)' /proc/self/status"}});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(directory.read("out"), HasSubstr("SigBlk:\t0000000000000000\n"));
  // SIGTTOU (22) alone: a terminal's tostop must not stop the progress bar.
  EXPECT_THAT(directory.read("out"), HasSubstr("SigIgn:\t0000000000200000\n"));
}

TEST_F(SupervisorTest, AProgramThatCannotBeExecutedEndsTheJob) {
  JobProcess good, bad;
  good.name = "pserver 0";
  good.role = plan::PSERVER;
  good.arguments = {"/bin/sh", "-c", kServer};
  bad.name = "trainer 0";
  bad.role = plan::TRAINER;
  bad.arguments = {directory.file("none")};
  auto result = superviseJob({good, bad}, options, StopToken());
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(),
              HasSubstr("trainer 0: cannot execute"));
  EXPECT_THAT(result.status().message(), HasSubstr("No such file"));
}

TEST_F(SupervisorTest, LongLinesArePassedOnInPieces) {
  auto result = run({{"trainer 0", "head -c 300000 /dev/zero | tr '\\0' x"}});
  ASSERT_TRUE(result.ok());
  std::string out = directory.read("out");
  EXPECT_EQ(std::count(out.begin(), out.end(), 'x'), 300000);
  EXPECT_GT(std::count(out.begin(), out.end(), '\n'), 2);
}

TEST_F(SupervisorTest, LogsGoToAFileEachAndEventsToALineEach) {
  std::vector<std::string> events;
  options.logDirectory = directory.path();
  options.event = [&](const std::string &event) { events.push_back(event); };
  options.ownEnd = 0ms;
  auto result =
      run({{"pserver 0", kServer},
           {"trainer 0", "echo result; echo noise >&2; exec sleep 60"},
           {"trainer 1", "seq 20 >&2; echo 'error: x' >&2; exit 3"}});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->status, 3);
  EXPECT_EQ(result->lastLines,
            (std::vector<std::string>{"12", "13", "14", "15", "16", "17", "18",
                                      "19", "20", "error: x"}));
  EXPECT_EQ(directory.read("trainer-0.log"), "result\nnoise\n");
  EXPECT_EQ(directory.read("pserver-0.log"), "Server listening on here\n");
  EXPECT_EQ(directory.read("out"), "[trainer 0] result\n");
  EXPECT_EQ(directory.read("err"), "");
  ASSERT_EQ(events.size(), 7u) << testing::PrintToString(events);
  EXPECT_THAT(events[0], HasSubstr("pserver 0 started (process "));
  EXPECT_THAT(events[0], HasSubstr("pserver-0.log"));
  EXPECT_EQ(events[1], "pserver 0 listens");
  EXPECT_THAT(events[2], HasSubstr("trainer 0 started"));
  EXPECT_EQ(events[4], "trainer 1 ended with status 3: error: x");
}

TEST_F(SupervisorTest, ALogThatCannotBeWrittenIsNamed) {
  options.logDirectory = directory.file("none");
  auto result = run({{"trainer 0", "exit 0"}});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(), HasSubstr("none/trainer-0.log"));
}

} // namespace
