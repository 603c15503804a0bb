//===- fleet-launch.cpp - All processes of a job on this machine ----------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "HandOverJob.h"

#include "runtime/base/Files.h"
#include "runtime/base/Log.h"
#include "runtime/base/Signals.h"
#include "runtime/launch/HandOver.h"
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
    R"(fleet-launch - run a job of fleet-transpile with all its processes

  fleet-launch JOB_DIR [--workers=N] [--servers=M] [--log-dir=DIR]
               [--launcher=local|mpirun|slurm|kubernetes] -- [fleet-run options]

Starts the job's servers, then its trainers (a local job has one process), on
this machine, each as fleet-run with the options after --, and passes on what
they print with "[trainer 0] " before each line; with --log-dir it goes to one
file a process instead, and one line tells each event. Ends by itself: with
status 0 when all of them did, else with the status of the first that failed,
after the others have ended too. Ctrl-C or SIGTERM ends the job; no process stays
behind.

  fleet-transpile fit_a_line.mlir -o out/fit_a_line --mode=ps --trainers=2 \
      --pservers=127.0.0.1:6170,127.0.0.1:6171
  fleet-launch out/fit_a_line -- --data=housing.csv#x=0..12,y=13 \
      --batch-size=10 --epochs=100 --seed=1

Each process gets its place in the job by TRAINING_ROLE, PADDLE_TRAINER_ID,
PADDLE_TRAINERS_NUM, PADDLE_PSERVERS_IP_PORT_LIST, POD_IP and PADDLE_PORT, and
--threads=(cores / processes) unless --threads is given.

More machines are another launcher's: --launcher=mpirun runs mpirun, slurm
submits to sbatch, and kubernetes writes a manifest; --dry-run prints what would
be run, --output=FILE writes it.

  fleet-launch out/fit_a_line --launcher=mpirun --hosts=node1:2,node2:2 -- ...
  fleet-launch out/fit_a_line --launcher=slurm --output=job.sh -- ...
  fleet-launch out/fit_a_line --launcher=kubernetes --image=registry/fleet \
      --dry-run -- ... | kubectl apply -f -)";

struct LaunchOptions {
  std::string directory;
  std::optional<uint32_t> workers, servers;
  std::string logDirectory;
  HandOverFlags other;
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
                       "transpile it again with --mode={} --trainers={}",
                       *options.workers, options.directory, job_is, trainers,
                       trainers == 1 ? "" : "s",
                       single || servers > 0 ? "ps" : "collective",
                       *options.workers);
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

/// The exit status for an error before anything was started.
int fail(const Status &status) {
  return fail(status.message(),
              status.code() == StatusCode::InvalidArgument ? 2 : 1);
}

int finish(const StatusOr<JobResult> &result) {
  if (!result.ok())
    return fail(result.status().message(), 1);
  if (!result->status)
    return 0;
  for (const std::string &line : result->lastLines)
    std::fprintf(stderr, "  | %s\n", onOneLine(line).c_str());
  return fail(result->message, result->status);
}

/// What --dry-run prints of a job on this machine: a command a line, for a
/// shell.
void print(const std::vector<JobProcess> &processes) {
  for (const JobProcess &process : processes) {
    std::string line;
    for (const std::string &variable : process.place) {
      size_t equals = variable.find('=');
      line += variable.substr(0, equals + 1) +
              shellQuote(variable.substr(equals + 1)) + " ";
    }
    for (const std::string &argument : process.arguments)
      line += shellQuote(argument) + " ";
    line.pop_back();
    std::printf("%s\n", line.c_str());
  }
}

int launchHere(const LaunchOptions &options, const plan::Job &job,
               const std::string &program, SupervisorOptions supervision,
               const StopToken &stop) {
  if (Status local = checkServersAreLocal(job); !local.ok())
    return fail(local.message(), 1);
  JobProcessOptions description;
  description.directory = options.directory;
  description.program = program;
  description.options = options.options;
  for (char **variable = ::environ; *variable; ++variable)
    description.environment.push_back(*variable);
  description.cores = std::max(1u, std::thread::hardware_concurrency());
  StatusOr<std::vector<JobProcess>> processes =
      describeProcesses(job, description);
  if (!processes.ok())
    return fail(processes.status());
  if (options.other.dryRun) {
    print(*processes);
    return 0;
  }
  if (!options.logDirectory.empty()) {
    SystemFiles files;
    if (Status made = files.makeDirectories(options.logDirectory); !made.ok())
      return fail("--log-dir: " + made.message(), 1);
    supervision.logDirectory = options.logDirectory;
    supervision.event = [](const std::string &event) {
      std::fprintf(stderr, "fleet-launch: %s\n", onOneLine(event).c_str());
    };
  }
  return finish(superviseJob(*processes, supervision, stop));
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

  if (Status flags = checkFlags(options.other); !flags.ok())
    return fail(flags);
  bool here = options.other.launcher == "local";
  if (!here && !options.logDirectory.empty())
    return fail("--log-dir is for --launcher=local; " + options.other.launcher +
                    " keeps its own logs",
                2);
  SystemFiles files;
  StatusOr<plan::Job> job = loadJob(files, options.directory);
  if (!job.ok())
    return fail(job.status().message(), 1);
  if (std::optional<std::string> wrong = wrongNumbers(*job, options))
    return fail(*wrong, 2);
  StatusOr<std::string> program = findBeside("fleet-run");
  if (!program.ok())
    return fail(program.status().message(), 1);
  SupervisorOptions supervision;
  supervision.terminal = ::isatty(2) == 1;
  if (here)
    return launchHere(options, *job, *program, supervision, stop->token());
  StatusOr<JobResult> result =
      handOver(*job, options.other, *program, options.directory,
               options.options, supervision, stop->token());
  return result.ok() ? finish(result) : fail(result.status());
}

/// Flags about other launchers.
void describe(CLI::App &app, HandOverFlags &flags) {
  app.add_option("--launcher", flags.launcher,
                 "local (default), mpirun, slurm or kubernetes");
  app.add_flag("--dry-run", flags.dryRun,
               "Print what would be run, and run nothing");
  app.add_option("--output", flags.output,
                 "Write the script or manifest to FILE, and run nothing");
  app.add_option("--hosts", flags.hosts,
                 "mpirun, slurm: NAME[:SLOTS],... to run on");
  app.add_option("--name", flags.name,
                 "What the job is called there (default: as its program)");
  app.add_option("--job-path", flags.jobPath,
                 "Where JOB_DIR is there (default: where it is here)");
  app.add_option("--fleet-run", flags.program,
                 "Where fleet-run is there (default: where it is here; "
                 "kubernetes: on the PATH)");
  app.add_option("--port", flags.port,
                 "First port for what has none in the job (default 29400)")
      ->check(CLI::Range(1, 65535));
  app.add_option("--image", flags.image,
                 "kubernetes: container image with fleet-run in it");
  app.add_option("--namespace", flags.nameSpace, "kubernetes: namespace");
  app.add_option("--claim", flags.claim,
                 "kubernetes: NAME:/PATH, a PersistentVolumeClaim with the job "
                 "and its data, and where to mount it");
  app.add_option("--manifest", flags.manifest,
                 "kubernetes: jobset (default with servers), trainjob (default "
                 "without) or mpijob");
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
  app.add_option("--log-dir", options.logDirectory,
                 "Write what each process prints to DIR/trainer-0.log, ...");
  describe(app, options.other);
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
