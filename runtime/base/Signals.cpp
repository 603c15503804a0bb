//===- Signals.cpp - Ending a job cleanly ---------------------------------===//

#include "runtime/base/Signals.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

using namespace fleet;

namespace fleet::detail {
struct StopState {
  ~StopState() {
    if (event >= 0)
      ::close(event);
  }
  std::atomic<bool> stopped{false};
  int event = -1;
  mutable std::mutex mutex;
  std::string reason;
};
} // namespace fleet::detail

namespace {
void raiseEvent(int event) {
  uint64_t one = 1;
  // Only fails when the counter is at its end, where it is readable anyway.
  while (::write(event, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

Status lastError(const char *what) {
  return makeError(StatusCode::Internal, "cannot {}: {}", what,
                   std::generic_category().message(errno));
}
} // namespace

bool StopToken::stopRequested() const {
  return state && state->stopped.load(std::memory_order_relaxed);
}

std::string StopToken::reason() const {
  if (!state)
    return {};
  std::lock_guard<std::mutex> lock(state->mutex);
  return state->reason;
}

int StopToken::descriptor() const { return state ? state->event : -1; }

Status StopToken::status() const {
  if (!stopRequested())
    return {};
  return makeError(StatusCode::Aborted, "stopped by {}", reason());
}

StatusOr<StopSource> StopSource::create() {
  StopSource source;
  source.state = std::make_shared<detail::StopState>();
  source.state->event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (source.state->event < 0)
    return lastError("make an event descriptor");
  return source;
}

StopToken StopSource::token() const {
  StopToken token;
  token.state = state;
  return token;
}

void StopSource::requestStop(std::string reason) {
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    if (state->stopped.load(std::memory_order_relaxed))
      return;
    state->reason = std::move(reason);
    state->stopped.store(true, std::memory_order_relaxed);
  }
  raiseEvent(state->event);
}

StatusOr<std::unique_ptr<SignalWatcher>>
SignalWatcher::start(StopSource &source) {
  std::unique_ptr<SignalWatcher> watcher(new SignalWatcher);
  // A peer that went away is an error of a write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  if (int error = pthread_sigmask(SIG_BLOCK, &watched, nullptr)) {
    errno = error;
    return lastError("block signals");
  }
  watcher->signals = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (watcher->signals < 0)
    return lastError("make a signal descriptor");
  watcher->quit = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (watcher->quit < 0)
    return lastError("make an event descriptor");

  watcher->thread = std::thread(
      [source, signals = watcher->signals, quit = watcher->quit]() mutable {
        bool first = true;
        while (true) {
          pollfd waits[2] = {{signals, POLLIN, 0}, {quit, POLLIN, 0}};
          if (::poll(waits, 2, -1) < 0 && errno != EINTR)
            return;
          if (waits[1].revents != 0)
            return;
          signalfd_siginfo info;
          if (::read(signals, &info, sizeof(info)) != sizeof(info))
            continue;
          auto number = static_cast<int>(info.ssi_signo);
          if (first) {
            first = false;
            source.requestStop(number == SIGINT ? "SIGINT" : "SIGTERM");
            continue;
          }
          // Asked twice: end now, with the status that the signal gives.
          std::signal(number, SIG_DFL);
          sigset_t again;
          sigemptyset(&again);
          sigaddset(&again, number);
          pthread_sigmask(SIG_UNBLOCK, &again, nullptr);
          ::raise(number);
        }
      });
  return watcher;
}

SignalWatcher::~SignalWatcher() {
  if (thread.joinable()) {
    raiseEvent(quit);
    thread.join();
  }
  if (signals >= 0)
    ::close(signals);
  if (quit >= 0)
    ::close(quit);
}
