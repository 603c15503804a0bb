//===- Supervisor.cpp - Runs the processes of a job -----------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/Supervisor.h"

#include "runtime/base/Files.h"
#include "runtime/base/Log.h"
#include "runtime/launch/ChildProcess.h"
#include "runtime/launch/OutputRelay.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>

#include <fcntl.h>
#include <poll.h>

using namespace fleet;

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

/// What a server prints when trainers can connect.
constexpr char kListening[] = "Server listening on ";
/// Clears the line that a progress bar is drawn on.
constexpr char kClearLine[] = "\r\x1b[K";

struct Member {
  /// `log` is a file or none; `shows` says whether its results are the job's.
  Member(const JobProcess &process, ChildProcess started, Descriptor file,
         bool shows, const SupervisorOptions &options)
      : name(process.name), role(process.role), child(std::move(started)),
        log(std::move(file)),
        out(child.out.get(), log.get() < 0 || shows ? options.out : -1,
            "[" + name + "] ", options.terminal ? kClearLine : ""),
        err(child.err.get(), log.get() < 0 ? options.err : -1,
            "[" + name + "] ", options.terminal ? kClearLine : "") {
    for (OutputRelay *relay : {&out, &err}) {
      relay->watchFor(kListening);
      relay->logTo(log.get());
    }
  }

  bool listening() const { return out.seen() || err.seen(); }
  bool errorsSeen() const { return child.err.get() >= 0; }

  std::string name;
  plan::Role role;
  ChildProcess child;
  Descriptor log;
  OutputRelay out, err;
  bool told = false; ///< that it listens
};

/// "trainer-0.log"
std::string logName(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return name + ".log";
}

StatusOr<Descriptor> openLog(const std::string &directory,
                             const std::string &name) {
  if (directory.empty())
    return Descriptor();
  std::string path = joinPath(directory, logName(name));
  Descriptor file(::open(
      path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666));
  if (file.get() < 0)
    return makeError(StatusCode::Unavailable, "--log-dir: cannot write {}: {}",
                     path, std::strerror(errno));
  return file;
}

std::string describeEnd(const Member &member, const ExitState &state) {
  if (state.signal)
    return fmt::format("{} was killed by signal {} ({})", member.name,
                       state.signal, ::strsignal(state.signal));
  std::string text =
      fmt::format("{} ended with status {}", member.name, state.code);
  if (!member.err.errorLine().empty())
    return text + ": " + onOneLine(member.err.errorLine());
  return text;
}

/// What its process left in a pipe; whoever else may hold the other end is not
/// waited for.
void drain(Descriptor &pipe, OutputRelay &relay) {
  if (pipe.get() >= 0)
    relay.copyAvailable();
  relay.finish();
  pipe.reset();
}

class Supervisor {
public:
  Supervisor(const std::vector<JobProcess> &processes,
             const SupervisorOptions &options, const StopToken &stop)
      : processes(processes), options(options), stop(stop) {}

  StatusOr<JobResult> run();

private:
  Status startNext();
  void tell(const std::string &event) const {
    if (options.event)
      options.event(event);
  }
  void tellWhoListens();
  bool mayStartNext(Time now) const;
  bool anyRunning() const;
  void endAll(Time now);
  void enforce(Time now);
  void wait(Time now);
  void reap(Time now);
  Time nextDeadline() const;

  const std::vector<JobProcess> &processes;
  const SupervisorOptions &options;
  const StopToken &stop;
  std::deque<Member> members; // of the first processes; addresses are stable
  Time serversDue = Time::max();
  Time terminateAt = Time::max(); // when SIGTERM is due
  Time killAt = Time::max();      // when SIGKILL is due
  bool stopping = false;
  bool toldToEnd = false; // by endAll()
  bool bySignal = false;  // what `result` is about was ended so
  JobResult result;
};

/// True for servers, and for others when every server listens or is overdue.
bool Supervisor::mayStartNext(Time now) const {
  if (members.size() == processes.size() || stopping || result.status)
    return false;
  if (processes[members.size()].role == plan::PSERVER || now >= serversDue)
    return true;
  return std::all_of(members.begin(), members.end(), [](const Member &member) {
    return member.role != plan::PSERVER || member.listening();
  });
}

Status Supervisor::startNext() {
  const JobProcess &process = processes[members.size()];
  ChildProcessOptions child;
  child.arguments = process.arguments;
  child.environment = process.environment;
  // The first that is no server draws the progress bar.
  bool shows = process.role != plan::PSERVER &&
               (members.empty() || members.back().role == plan::PSERVER);
  child.inheritStderr =
      options.terminal && shows && options.logDirectory.empty();
  FLEET_ASSIGN_OR_RETURN(Descriptor log,
                         openLog(options.logDirectory, process.name));
  StatusOr<ChildProcess> started = ChildProcess::start(child);
  if (!started.ok())
    return started.status().withContext(process.name);
  std::string file = log.get() < 0 ? ""
                                   : ", log " + joinPath(options.logDirectory,
                                                         logName(process.name));
  tell(fmt::format("{} started (process {}{})", process.name, started->id(),
                   file));
  members.emplace_back(process, std::move(*started), std::move(log), shows,
                       options);
  serversDue = Clock::now() + options.serverStart;
  return Status();
}

void Supervisor::tellWhoListens() {
  for (Member &member : members)
    if (member.role == plan::PSERVER && !member.told && member.listening()) {
      member.told = true;
      tell(member.name + " listens");
    }
}

bool Supervisor::anyRunning() const {
  return std::any_of(members.begin(), members.end(), [](const Member &member) {
    return member.child.running();
  });
}

/// Tells everybody to end.
void Supervisor::endAll(Time now) {
  toldToEnd = true;
  for (Member &member : members)
    member.child.signal(SIGTERM);
  terminateAt = Time::max();
  killAt = std::min(killAt, now + options.termination);
}

void Supervisor::enforce(Time now) {
  if (!stopping && stop.stopRequested()) {
    stopping = true;
    if (!result.status)
      result = {1, stop.status().message(), {}};
    tell(stop.status().message() + ": all processes are told to end");
    endAll(now);
  }
  if (now >= terminateAt)
    endAll(now);
  if (now >= killAt) {
    for (Member &member : members)
      member.child.signal(SIGKILL);
    killAt = Time::max();
  }
}

void Supervisor::reap(Time now) {
  // Until we send signals ourselves, one that a signal ended is the cause: the
  // others saw it go, and may have been faster to end than the kernel is to say
  // so.
  for (Member &member : members) {
    if (!member.child.running())
      continue;
    std::optional<ExitState> state = member.child.poll();
    if (!state)
      continue;
    drain(member.child.out, member.out);
    drain(member.child.err, member.err);
    tell(state->success() ? member.name + " ended"
                          : describeEnd(member, *state));
    bool early = member.role == plan::PSERVER &&
                 members.size() < processes.size() && !stopping;
    bool decides = !result.status || (!toldToEnd && state->signal && !bySignal);
    if ((state->success() && !early) || !decides)
      continue;
    result.status = state->code ? state->code : 1;
    result.message = describeEnd(member, *state);
    if (state->success())
      result.message += " before the trainers started";
    // The first that fails on stderr; stdout for who says nothing there.
    const auto &tail =
        (member.err.tail().empty() ? member.out : member.err).tail();
    result.lastLines.clear();
    if (member.log.get() >= 0)
      result.lastLines.assign(tail.begin(), tail.end());
    bySignal = state->signal != 0;
    terminateAt = now + options.ownEnd;
  }
}

Time Supervisor::nextDeadline() const {
  Time next = std::min(terminateAt, killAt);
  if (members.size() < processes.size() && !stopping && !result.status)
    next = std::min(next, serversDue);
  return next;
}

void Supervisor::wait(Time now) {
  std::vector<pollfd> polls;
  std::vector<std::pair<Descriptor *, OutputRelay *>> readers;
  auto add = [&](int descriptor, Descriptor *owner, OutputRelay *relay) {
    if (descriptor < 0)
      return;
    polls.push_back({descriptor, POLLIN, 0});
    readers.push_back({owner, relay});
  };
  for (Member &member : members) {
    if (!member.child.running())
      continue;
    add(member.child.out.get(), &member.child.out, &member.out);
    add(member.child.err.get(), &member.child.err, &member.err);
    add(member.child.endDescriptor(), nullptr, nullptr);
  }
  if (!stopping)
    add(stop.descriptor(), nullptr, nullptr);
  int timeout = -1;
  if (Time next = nextDeadline(); next != Time::max())
    timeout = static_cast<int>(std::max<int64_t>(
        0, std::chrono::duration_cast<std::chrono::milliseconds>(next - now)
                   .count() +
               1));
  if (::poll(polls.data(), polls.size(), timeout) <= 0)
    return; // a deadline, or EINTR
  for (size_t i = 0; i < polls.size(); ++i)
    // A pipe that its process has closed would be readable for ever.
    if (polls[i].revents && readers[i].second &&
        !readers[i].second->copyAvailable()) {
      readers[i].second->finish();
      readers[i].first->reset();
    }
}

StatusOr<JobResult> Supervisor::run() {
  for (;;) {
    Time now = Clock::now();
    enforce(now);
    tellWhoListens();
    while (mayStartNext(now))
      // On an error the destructors end and reap who has been started.
      FLEET_RETURN_IF_ERROR(startNext());
    reap(now);
    if (!anyRunning() && !mayStartNext(Clock::now()))
      return result;
    wait(Clock::now());
  }
}

} // namespace

StatusOr<JobResult>
fleet::superviseJob(const std::vector<JobProcess> &processes,
                    const SupervisorOptions &options, const StopToken &stop) {
  return Supervisor(processes, options, stop).run();
}
