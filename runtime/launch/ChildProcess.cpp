//===- ChildProcess.cpp - A program that was started here -----------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/ChildProcess.h"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// glibc 2.36 forgets to say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

using namespace fleet;

namespace {

struct Pipe {
  Descriptor read, write;
};

Status systemError(const std::string &what, int error) {
  return makeError(StatusCode::Internal, "cannot {}: {}", what,
                   std::generic_category().message(error));
}

StatusOr<Pipe> makePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return systemError("make a pipe", errno);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

/// What execve() wants; everything is laid out before the fork, since between
/// fork and exec of a process with threads only system calls are safe.
std::vector<char *> pointers(const std::vector<std::string> &texts) {
  std::vector<char *> result;
  for (const std::string &text : texts)
    result.push_back(const_cast<char *>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// The child's side; tells `report` why it could not become the program.
[[noreturn]] void becomeProgram(char *const *arguments, char *const *variables,
                                int in, int out, int err, int report,
                                pid_t parent) {
  auto fail = [&] {
    int error = errno;
    // Nobody to tell when this fails too.
    [[maybe_unused]] ssize_t written = ::write(report, &error, sizeof(error));
    ::_exit(127);
  };
  ::setpgid(0, 0);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    fail();
  if (::getppid() != parent) // it ended before prctl() could take effect
    ::_exit(127);
  for (int number = 1; number < NSIG; ++number)
    if (number != SIGKILL && number != SIGSTOP)
      ::signal(number, SIG_DFL);
  // In a group of its own it is in the background of a terminal, whose
  // "tostop" must not stop the progress bar.
  ::signal(SIGTTOU, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(in, 0) < 0 || (out >= 0 && ::dup2(out, 1) < 0) ||
      (err >= 0 && ::dup2(err, 2) < 0))
    fail();
  ::execve(arguments[0], arguments, variables);
  fail();
  ::_exit(127);
}

} // namespace

Descriptor &Descriptor::operator=(Descriptor &&other) noexcept {
  std::swap(value, other.value);
  return *this;
}

void Descriptor::reset() {
  if (value >= 0)
    ::close(value);
  value = -1;
}

StatusOr<ChildProcess> ChildProcess::start(const ChildProcessOptions &options) {
  Pipe out, err;
  if (!options.inheritStdout) {
    FLEET_ASSIGN_OR_RETURN(out, makePipe());
  }
  if (!options.inheritStderr) {
    FLEET_ASSIGN_OR_RETURN(err, makePipe());
  }
  FLEET_ASSIGN_OR_RETURN(Pipe report, makePipe());
  Descriptor in(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (in.get() < 0)
    return systemError("open /dev/null", errno);

  std::vector<char *> arguments = pointers(options.arguments);
  std::vector<char *> variables = pointers(options.environment);
  pid_t parent = ::getpid();
  ChildProcess child;
  child.pid = ::fork();
  if (child.pid < 0)
    return systemError("start " + options.arguments[0], errno);
  if (child.pid == 0)
    becomeProgram(arguments.data(), variables.data(), in.get(), out.write.get(),
                  err.write.get(), report.write.get(), parent);
  // Also here, so that a signal to the group cannot come too early.
  ::setpgid(child.pid, child.pid);
  report.write.reset();
  int error = 0;
  ssize_t size;
  do
    size = ::read(report.read.get(), &error, sizeof(error));
  while (size < 0 && errno == EINTR);
  if (size > 0) // else the pipe was closed by a successful exec
    return systemError("execute " + options.arguments[0], error);

  child.end = Descriptor(::pidfd_open(child.pid, 0));
  if (child.end.get() < 0)
    return systemError("watch process " + std::to_string(child.pid), errno);
  for (Pipe *pipe : {&out, &err})
    if (pipe->read.get() >= 0)
      ::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK);
  child.out = std::move(out.read);
  child.err = std::move(err.read);
  return child;
}

ChildProcess::ChildProcess(ChildProcess &&other) noexcept
    : out(std::move(other.out)), err(std::move(other.err)), pid(other.pid),
      end(std::move(other.end)), ended(other.ended) {
  other.pid = -1;
}

ChildProcess::~ChildProcess() {
  if (!running())
    return;
  signal(SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<ExitState> ChildProcess::poll() {
  if (ended || pid <= 0)
    return ended;
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid)
    return std::nullopt;
  // What it may have started itself goes with it; its group outlives it.
  ::kill(-pid, SIGKILL);
  ExitState state;
  if (WIFSIGNALED(status))
    state.signal = WTERMSIG(status);
  else
    state.code = WEXITSTATUS(status);
  ended = state;
  return ended;
}

void ChildProcess::signal(int number) {
  if (running())
    ::kill(-pid, number);
}
