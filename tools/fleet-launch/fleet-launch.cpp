//===- fleet-launch.cpp - All processes of a job, on this machine ---------===//

#include "runtime/base/Log.h"
#include "runtime/launch/JobProcesses.h"
#include "runtime/launch/Supervisor.h"
#include "runtime/plan/JobFile.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <thread>
#include <unistd.h>

using namespace fleet;

static int fail(const Status &status, int exitStatus) {
  std::fprintf(stderr, "fleet-launch: %s\n", errorLine(status).c_str());
  return exitStatus;
}

/// fleet-run lies beside this program.
static StatusOr<std::string> findRunner() {
  char path[4096];
  ssize_t size = ::readlink("/proc/self/exe", path, sizeof(path));
  if (size <= 0 || size == static_cast<ssize_t>(sizeof(path)))
    return makeError(StatusCode::Internal,
                     "cannot find out where fleet-launch lies");
  std::string runner =
      directoryOf(std::string(path, static_cast<size_t>(size))) + "/fleet-run";
  if (::access(runner.c_str(), X_OK) != 0)
    return makeError(StatusCode::NotFound,
                     "{} is missing; it has to lie beside fleet-launch",
                     runner);
  return runner;
}

/// The numbers are in the plans: they can be checked here, not changed.
static Status checkCount(const char *flag, int64_t asked, int64_t actual,
                         const char *remedy) {
  if (asked < 0 || asked == actual)
    return Status();
  return makeError(StatusCode::InvalidArgument,
                   "{}={}: the job was made for {}; {}", flag, asked, actual,
                   remedy);
}

int main(int argc, char **argv) {
  CLI::App app(
      "fleet-launch - run all processes of a Fleet job on this machine",
      "fleet-launch");
  JobProcessOptions options;
  int64_t workers = -1, servers = -1;
  app.add_option("JOB_DIR", options.directory,
                 "Folder that fleet-transpile wrote")
      ->required();
  app.add_option("--workers", workers,
                 "Number of trainers; has to be what the job was made for");
  app.add_option("--servers", servers,
                 "Number of servers; has to be what the job was made for");
  app.footer(
      "What stands after -- goes to every fleet-run:\n"
      "  fleet-launch out/fit_a_line -- --data=housing.csv#x=0..12,y=13 \\\n"
      "    --batch-size=10 --epochs=100 --seed=1\n\n"
      "Servers start first. Output is shown with the process's name before "
      "each "
      "line.\nExit status: 0 success, else that of the first process that "
      "failed; 2 wrong usage.");
  // Everything after -- is fleet-run's, whatever it looks like.
  int own = 1;
  while (own < argc && std::string(argv[own]) != "--")
    ++own;
  for (int i = own + 1; i < argc; ++i)
    options.options.emplace_back(argv[i]);
  try {
    app.parse(own, argv);
  } catch (const CLI::CallForHelp &) {
    std::printf("%s", app.help().c_str());
    return 0;
  } catch (const CLI::ParseError &error) {
    return fail(Status(StatusCode::InvalidArgument,
                       onOneLine(error.what()) + "; see fleet-launch --help"),
                2);
  }

  SystemFiles files;
  auto job = loadJob(files, options.directory);
  if (!job.ok())
    return fail(job.status(), 1);
  int64_t trainers = job->mode() == plan::SINGLE ? 1 : job->trainers();
  Status counts = checkCount("--workers", workers, trainers,
                             "transpile again with another --trainers");
  if (counts.ok())
    counts = checkCount("--servers", servers, job->pservers_size(),
                        "transpile again with other --pservers");
  if (!counts.ok())
    return fail(counts, 2);
  if (Status local = checkServersAreLocal(*job); !local.ok())
    return fail(local, 1);
  auto runner = findRunner();
  if (!runner.ok())
    return fail(runner.status(), 1);
  options.program = *runner;
  options.cores = std::max(1u, std::thread::hardware_concurrency());
  for (char **variable = environ; *variable; ++variable)
    options.environment.emplace_back(*variable);
  auto processes = describeProcesses(*job, options);
  if (!processes.ok())
    return fail(processes.status(),
                processes.status().code() == StatusCode::InvalidArgument ? 2
                                                                         : 1);

  auto source = StopSource::create();
  if (!source.ok())
    return fail(source.status(), 1);
  auto watcher = SignalWatcher::start(*source);
  if (!watcher.ok())
    return fail(watcher.status(), 1);
  SupervisorOptions supervision;
  supervision.terminal = ::isatty(2) == 1;
  auto result = superviseJob(*processes, supervision, source->token());
  if (!result.ok())
    return fail(result.status(), 1);
  if (!result->message.empty())
    std::fprintf(stderr, "fleet-launch: error: %s\n",
                 onOneLine(result->message).c_str());
  return result->status;
}
