//===- fleet-run.cpp - One process of a job -------------------------------===//

#include "runtime/collective/open/OpenCollective.h"
#include "runtime/environment/WorldLayout.h"
#include "runtime/job/Run.h"
#include "runtime/plan/JobFile.h"
#include "runtime/transport/mpi/MpiModule.h"
#include "runtime/transport/tcp/TcpTransport.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace fleet;

static int fail(const Status &status, int exitStatus) {
  std::fprintf(stderr, "fleet-run: %s\n", errorLine(status).c_str());
  return exitStatus;
}

static void describe(CLI::App &app, RunOptions &options, RoleFlags &role,
                     std::string &pservers, std::string &transport,
                     std::string &device, std::string &collective,
                     double &deadline, bool &printEnv) {
  app.add_option("JOB_DIR", options.jobDirectory,
                 "Folder that fleet-transpile wrote")
      ->required();
  app.add_option("--role", role.role,
                 "trainer, pserver or local; else from TRAINING_ROLE");
  app.add_option("--trainer-id", role.trainerId,
                 "Which trainer, from 0; else from PADDLE_TRAINER_ID");
  app.add_option("--current-endpoint", role.endpoint,
                 "Which server, HOST:PORT; else from POD_IP and PADDLE_PORT");
  app.add_option("--pservers", pservers,
                 "Where the servers are, HOST:PORT,..., in place of what the "
                 "job was transpiled with; else from FLEET_PSERVERS");
  app.add_option("--transport", transport,
                 "What trainers and servers exchange by: tcp, or mpi under "
                 "mpirun (endpoints are names then)")
      ->check(CLI::IsMember({"tcp", "mpi"}))
      ->default_val("tcp");
  app.add_option("--data", options.data,
                 "Training data: x=a.npy,y=b.npy | file.npz | "
                 "file.csv#x=0..12,y=13 (columns from 0, ends included)");
  app.add_option("--batch-size", options.batchSize,
                 "Rows a step, of each trainer");
  app.add_option("--epochs", options.epochs, "Passes over the data");
  app.add_option("--steps", options.steps, "Steps, instead of --epochs");
  app.add_option("--seed", options.seed,
                 "Of initial values and shuffling; the same in all processes "
                 "of a job (default 0)");
  app.add_flag("--shuffle", options.shuffle, "A new order of rows each epoch");
  app.add_option("--save", options.saveDirectory,
                 "Write DIR/model.safetensors at the end");
  app.add_option("--save-every", options.saveEvery,
                 "Collective jobs: write it after every so many steps, too");
  app.add_flag("--resume", options.resume,
               "Collective jobs: go on from the checkpoint in --save=DIR, if "
               "there is one, at the step where it was written");
  app.add_option("--load", options.loadDirectory,
                 "Start from DIR/model.safetensors");
  app.add_option("--metrics", options.metricsFile,
                 "Write one JSON line a step (rank R > 0: FILE.R)");
  app.add_option("--trace", options.traceFile,
                 "Write a timeline for chrome://tracing");
  app.add_option("--device", device, "cpu")->default_val("cpu");
  app.add_option("--collective", collective,
                 "How the trainers of a collective job meet: shm, mpi or nccl; "
                 "auto: shm on one host, mpi under mpirun on several")
      ->default_val("auto");
  app.add_option("--threads", options.threads,
                 "Threads for big kernels (default: all cores in a local job, "
                 "1 otherwise)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--deadline", deadline,
                 "Longest wait for another process, in seconds")
      ->default_val(60.0);
  app.add_flag("--print-env", printEnv,
               "Say what decides role and rank, and exit");
  app.footer(
      "Examples:\n"
      "  fleet-run out/local --data=housing.csv#x=0..12,y=13 --batch-size=20 "
      "--epochs=100\n"
      "  fleet-run out/ps --role=pserver --current-endpoint=127.0.0.1:6170\n"
      "  fleet-run out/ps --role=trainer --trainer-id=0 --data=... "
      "--batch-size=10 --epochs=100\n\n"
      "Exit status: 0 success, 1 a failed run (also one ended by SIGINT or "
      "SIGTERM), 2 wrong usage.");
}

/// To where --pservers, else FLEET_PSERVERS says.
static Status moveServers(plan::Job &job, RunOptions &options,
                          const std::string &flag, const Getenv &getenv) {
  const char *variable = getenv("FLEET_PSERVERS");
  if (job.pservers_size() == 0 && !flag.empty())
    return Status(StatusCode::InvalidArgument,
                  "--pservers: this job has no servers");
  if (job.pservers_size() == 0 || (flag.empty() && (!variable || !*variable)))
    return Status();
  std::string list = flag.empty() ? variable : flag;
  FLEET_RETURN_IF_ERROR(moveServers(job, list).withContext(fmt::format(
      "{}={}", flag.empty() ? "FLEET_PSERVERS" : "--pservers", list)));
  options.pservers.assign(job.pservers().begin(), job.pservers().end());
  return Status();
}

/// What the processes of a job exchange by.
static StatusOr<std::unique_ptr<Transport>>
openTransport(const std::string &name, const plan::Job &job,
              const RoleChoice &role) {
  if (name == "tcp" || role.role == plan::LOCAL)
    return std::unique_ptr<Transport>(std::make_unique<TcpTransport>());
  MpiTransportOptions options;
  options.self = static_cast<int>(worldRankOf(job, role.role, role.rank));
  options.size = static_cast<int>(worldSize(job));
  for (int i = 0; i < job.pservers_size(); ++i)
    options.ranks[job.pservers(i)] = static_cast<int>(
        worldRankOf(job, plan::PSERVER, static_cast<uint32_t>(i)));
  return openMpiTransport(options);
}

/// Answers --print-env, be it that nothing was found.
static void printRules(const RoleFlags &flags, const Getenv &getenv,
                       const StatusOr<RoleChoice> &role) {
  if (role.ok()) {
    std::printf("%s\n  role by %s\n  rank by %s\n", role->name().c_str(),
                onOneLine(role->roleRule).c_str(),
                onOneLine(role->rankRule).c_str());
    if (role->localRank)
      std::printf("  process %u of this host\n", *role->localRank);
    if (!role->coordinator.empty())
      std::printf("  meets the other trainers at %s\n",
                  onOneLine(role->coordinator).c_str());
    std::printf("\n");
  }
  std::printf("%s", describeRules(flags, getenv, role).c_str());
  std::fflush(stdout);
}

/// How a trainer of a collective job finds the others.
static CollectiveFactory meetTrainers(const plan::Job &job,
                                      const RoleChoice &role,
                                      const RunOptions &options,
                                      const std::string &backend,
                                      Transport &transport) {
  return [&job, &role, &options, &backend,
          &transport](uint32_t rank, uint32_t size, Duration deadline) {
    CollectiveOptions meeting;
    meeting.backend = backend;
    meeting.job = {job.name(), job.program_hash(), size, options.seed};
    meeting.rank = rank;
    meeting.localRank = role.localRank.value_or(rank);
    meeting.endpoint = role.coordinator;
    meeting.mpirun = isUnderMpirun();
    meeting.deadline = deadline;
    return openCollective(meeting, transport);
  };
}

int main(int argc, char **argv) {
  CLI::App app("fleet-run - run one process of a Fleet job", "fleet-run");
  app.set_version_flag("--version", "fleet-run 0.1");
  RunOptions options;
  RoleFlags flags;
  std::string pservers, transportName, device, collective;
  double deadline = 60;
  bool printEnv = false;
  describe(app, options, flags, pservers, transportName, device, collective,
           deadline, printEnv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    std::printf("%s", app.help().c_str());
    return 0;
  } catch (const CLI::CallForVersion &) {
    std::printf("%s\n", app.version().c_str());
    return 0;
  } catch (const CLI::ParseError &error) {
    return fail(Status(StatusCode::InvalidArgument,
                       onOneLine(error.what()) + "; see fleet-run --help"),
                2);
  }
  if (device.rfind("cuda", 0) == 0)
    return fail(makeError(StatusCode::InvalidArgument,
                          "--device={}: this version has no CUDA device; use "
                          "cpu",
                          device),
                2);
  if (device != "cpu")
    return fail(makeError(StatusCode::InvalidArgument,
                          "--device={}: expected cpu", device),
                2);
  if (!(deadline > 0 && deadline <= 1e8)) // nor NaN; years fit a Duration
    return fail(makeError(StatusCode::InvalidArgument,
                          "--deadline={}: expected seconds, more than 0 and at "
                          "most 1e8",
                          deadline),
                2);
  options.deadline = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(deadline));

  SystemFiles files;
  auto job = loadJob(files, options.jobDirectory);
  if (!job.ok())
    return fail(job.status(), 1);
  Getenv getenv = [](const char *name) { return std::getenv(name); };
  if (Status moved = moveServers(*job, options, pservers, getenv); !moved.ok())
    return fail(moved, 2);
  auto role = resolveRole(*job, flags, getenv);
  if (printEnv)
    printRules(flags, getenv, role);
  if (!role.ok())
    return fail(role.status(), 2);
  if (printEnv)
    return 0;
  if (Status usage = checkOptions(options, *role); !usage.ok())
    return fail(usage, 2);

  const char *failpoints = std::getenv("FLEET_FAILPOINT");
  auto points = Failpoints::parse(failpoints ? failpoints : "");
  if (!points.ok())
    return fail(points.status().withContext("FLEET_FAILPOINT"), 2);
  auto source = StopSource::create();
  if (!source.ok())
    return fail(source.status(), 1);
  auto watcher = SignalWatcher::start(*source);
  if (!watcher.ok())
    return fail(watcher.status(), 1);
  SystemClock clock;
  auto transport = openTransport(transportName, *job, *role);
  if (!transport.ok())
    return fail(transport.status(),
                transport.status().code() == StatusCode::InvalidArgument ? 2
                                                                         : 1);
  // Trainers of a collective job meet over sockets, also where MPI is.
  TcpTransport sockets;
  Logger log(LogLevel::Info, role->role == plan::LOCAL ? "" : role->name());
  RunEnvironment environment{
      files,
      clock,
      **transport,
      source->token(),
      log,
      [](const std::string &line) {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
      },
      role->rank == 0 && role->role != plan::PSERVER,
      *points,
      meetTrainers(*job, *role, options, collective, sockets)};
  Status status = runProcess(*job, *role, options, environment);
  if (status.ok())
    return 0;
  fail(status, 1);
  std::fflush(nullptr);
  // MPI would wait for peers that may never come to its end.
  if (transportName == "mpi")
    std::_Exit(1);
  return 1;
}
