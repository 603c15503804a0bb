//===- fleet-launch.cpp - All processes of a job on this machine ----------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/base/Files.h"
#include "runtime/base/Log.h"
#include "runtime/base/Signals.h"
#include "runtime/launch/JobProcesses.h"
#include "runtime/launch/Supervisor.h"
#include "runtime/plan/JobFile.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>

#include <unistd.h>

using namespace fleet;

namespace {

constexpr char kDescription[] =
    R"(fleet-launch - run a job of fleet-transpile with all its processes on this machine

  fleet-launch JOB_DIR [--workers=N] [--servers=M] -- [fleet-run options]

Starts the job's servers, then its trainers (a local job has one process), each
as fleet-run with the options after --, and passes on what they print with
"[trainer 0] " before each line. Ends by itself: with status 0 when all of them
did, else with the status of the first that failed, after the others have ended
too. Ctrl-C or SIGTERM ends the job; no process stays behind.

  fleet-transpile fit_a_line.mlir -o out/fit_a_line --mode=ps --trainers=2 \
      --pservers=127.0.0.1:6170,127.0.0.1:6171
  fleet-launch out/fit_a_line -- --data=housing.csv#x=0..12,y=13 \
      --batch-size=10 --epochs=100 --seed=1

Each process gets its place in the job by TRAINING_ROLE, PADDLE_TRAINER_ID,
PADDLE_TRAINERS_NUM, PADDLE_PSERVERS_IP_PORT_LIST, POD_IP and PADDLE_PORT, and
--threads=(cores / processes) unless --threads is given. To use more machines,
start fleet-run on each with these variables.)";

struct LaunchOptions {
  std::string directory;
  std::optional<uint32_t> workers, servers;
  std::vector<std::string> options; // after --
};

int fail(const std::string &message, int status) {
  std::fprintf(stderr, "fleet-launch: error: %s\n", onOneLine(message).c_str());
  return status;
}

/// Says how to get a job with as many processes as were asked for.
std::optional<std::string> wrongNumbers(const plan::Job &job,
                                        const LaunchOptions &options) {
  bool single = job.mode() == plan::SINGLE;
  uint32_t trainers = single ? 1 : job.trainers();
  uint32_t servers = static_cast<uint32_t>(job.pservers_size());
  const char *job_is = single ? "is a local job" : "was made";
  if (options.workers && *options.workers != trainers)
    return fmt::format("--workers={}: the job in {} {} with {} trainer{}; "
                       "transpile it again with --mode=ps --trainers={}",
                       *options.workers, options.directory, job_is, trainers,
                       trainers == 1 ? "" : "s", *options.workers);
  if (options.servers && *options.servers != servers)
    return fmt::format("--servers={}: the job in {} {} with {} server{}; "
                       "transpile it again with --mode=ps and {} endpoint{} in "
                       "--pservers",
                       *options.servers, options.directory, job_is, servers,
                       servers == 1 ? "" : "s", *options.servers,
                       *options.servers == 1 ? "" : "s");
  return std::nullopt;
}

/// The program `name` in the folder that this one lies in.
StatusOr<std::string> findBeside(const std::string &name) {
  char path[4096];
  ssize_t size = ::readlink("/proc/self/exe", path, sizeof(path));
  if (size <= 0 || size == static_cast<ssize_t>(sizeof(path)))
    return makeError(StatusCode::NotFound,
                     "cannot tell which folder fleet-launch lies in");
  std::string program =
      joinPath(directoryOf(std::string(path, static_cast<size_t>(size))), name);
  if (::access(program.c_str(), X_OK) != 0)
    return makeError(StatusCode::NotFound,
                     "{}: {}; fleet-launch starts the {} beside it", program,
                     std::strerror(errno), name);
  return program;
}

int launch(const LaunchOptions &options) {
  // First of all, so that no signal comes between a start and its watch.
  StatusOr<StopSource> stop = StopSource::create();
  if (!stop.ok())
    return fail(stop.status().message(), 1);
  StatusOr<std::unique_ptr<SignalWatcher>> watcher =
      SignalWatcher::start(*stop);
  if (!watcher.ok())
    return fail(watcher.status().message(), 1);

  SystemFiles files;
  StatusOr<plan::Job> job = loadJob(files, options.directory);
  if (!job.ok())
    return fail(job.status().message(), 1);
  if (std::optional<std::string> wrong = wrongNumbers(*job, options))
    return fail(*wrong, 2);
  if (Status local = checkServersAreLocal(*job); !local.ok())
    return fail(local.message(), 1);

  StatusOr<std::string> program = findBeside("fleet-run");
  if (!program.ok())
    return fail(program.status().message(), 1);
  JobProcessOptions description;
  description.directory = options.directory;
  description.program = *program;
  description.options = options.options;
  for (char **variable = ::environ; *variable; ++variable)
    description.environment.push_back(*variable);
  description.cores = std::max(1u, std::thread::hardware_concurrency());
  StatusOr<std::vector<JobProcess>> processes =
      describeProcesses(*job, description);
  if (!processes.ok())
    return fail(processes.status().message(),
                processes.status().code() == StatusCode::InvalidArgument ? 2
                                                                         : 1);

  SupervisorOptions supervision;
  supervision.terminal = ::isatty(2) == 1;
  StatusOr<JobResult> result =
      superviseJob(*processes, supervision, stop->token());
  if (!result.ok())
    return fail(result.status().message(), 1);
  return result->status ? fail(result->message, result->status) : 0;
}

} // namespace

int main(int argc, char **argv) {
  LaunchOptions options;
  // What comes after -- is fleet-run's, whatever it looks like.
  char **split = std::find_if(argv + 1, argv + argc, [](const char *argument) {
    return std::strcmp(argument, "--") == 0;
  });
  if (split != argv + argc)
    options.options.assign(split + 1, argv + argc);

  CLI::App app(kDescription, "fleet-launch");
  app.set_version_flag("--version", "fleet-launch 0.1");
  app.add_option("JOB_DIR", options.directory,
                 "Folder that fleet-transpile wrote")
      ->required();
  app.add_option("--workers", options.workers,
                 "Trainers that the job must have (a check)");
  app.add_option("--servers", options.servers,
                 "Servers that the job must have (a check)");
  try {
    app.parse(static_cast<int>(split - argv), argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      return app.exit(error); // --help, --version
    std::string message = error.what();
    if (!message.empty() && message.back() == '.')
      message.pop_back();
    return fail(message + "; see fleet-launch --help", 2);
  }
  return launch(options);
}
