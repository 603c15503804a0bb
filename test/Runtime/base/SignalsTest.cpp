//===- SignalsTest.cpp ----------------------------------------------------===//

#include "runtime/base/Signals.h"

#include <gtest/gtest.h>

#include <csignal>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fleet;

namespace {

bool becomesReadable(int descriptor, int milliseconds) {
  pollfd wait = {descriptor, POLLIN, 0};
  return ::poll(&wait, 1, milliseconds) == 1;
}

TEST(Stop, ARequestReachesEveryTokenOnce) {
  auto source = StopSource::create();
  ASSERT_TRUE(source.ok());
  StopToken token = source->token(), copy = token;
  EXPECT_FALSE(token.stopRequested());
  EXPECT_TRUE(token.status().ok());
  EXPECT_FALSE(becomesReadable(token.descriptor(), 0));
  source->requestStop("a test");
  source->requestStop("something else");
  EXPECT_TRUE(copy.stopRequested());
  EXPECT_EQ(copy.reason(), "a test");
  EXPECT_EQ(copy.status().code(), StatusCode::Aborted);
  EXPECT_EQ(copy.status().message(), "stopped by a test");
  EXPECT_TRUE(becomesReadable(token.descriptor(), 0));
}

TEST(Stop, ADefaultTokenNeverStops) {
  StopToken token;
  EXPECT_FALSE(token.stopRequested());
  EXPECT_EQ(token.descriptor(), -1);
  EXPECT_TRUE(token.status().ok());
}

/// Runs `body` in a child process, because it changes the signal mask, and
/// returns what waitpid says.
template <typename Body> int inChild(Body body) {
  pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    ::_exit(body());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

int stopOn(int signal, const char *name) {
  auto source = StopSource::create();
  auto watcher = SignalWatcher::start(*source);
  if (!watcher.ok())
    return 10;
  ::kill(::getpid(), signal);
  StopToken token = source->token();
  if (!becomesReadable(token.descriptor(), 10000))
    return 11;
  return token.stopRequested() && token.reason() == name ? 0 : 12;
}

TEST(Signals, SigintAndSigtermRequestAStop) {
  EXPECT_EQ(inChild([] { return stopOn(SIGINT, "SIGINT"); }), 0);
  EXPECT_EQ(inChild([] { return stopOn(SIGTERM, "SIGTERM"); }), 0);
}

TEST(Signals, ASecondSignalEndsTheProcess) {
  int status = inChild([] {
    auto source = StopSource::create();
    auto watcher = SignalWatcher::start(*source);
    ::kill(::getpid(), SIGINT);
    if (!becomesReadable(source->token().descriptor(), 10000))
      return 11;
    ::kill(::getpid(), SIGTERM);
    while (true)
      ::pause();
  });
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(Signals, AWatcherEndsWithoutASignal) {
  EXPECT_EQ(inChild([] {
              auto source = StopSource::create();
              auto watcher = SignalWatcher::start(*source);
              return watcher.ok() ? 0 : 10;
            }),
            0);
}

} // namespace
