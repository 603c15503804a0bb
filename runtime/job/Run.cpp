//===- Run.cpp - One process of a job -------------------------------------===//

#include "runtime/job/Run.h"

#include "runtime/data/Dataset.h"
#include "runtime/job/Processes.h"
#include "runtime/plan/JobFile.h"

#include <thread>

using namespace fleet;

Status fleet::checkOptions(const RunOptions &options, const RoleChoice &role) {
  auto fail = [](const char *what) {
    return Status(StatusCode::InvalidArgument, what);
  };
  if (role.role == plan::PSERVER)
    return Status();
  if (options.data.empty())
    return fail("--data=SPEC is missing, e.g. --data=housing.csv#x=0..12,y=13");
  if (options.batchSize < 1)
    return fail("--batch-size=B is missing or not positive");
  if (options.epochs < 0 || options.steps < 0)
    return fail("--epochs and --steps count from 1");
  if (options.saveEvery < 0)
    return fail("--save-every counts steps from 1");
  if (options.saveDirectory.empty() &&
      (options.saveEvery > 0 || options.resume))
    return fail("--save-every and --resume need --save=DIR, where the "
                "checkpoint is");
  if (options.resume && !options.loadDirectory.empty())
    return fail("say where to start: either --load=DIR or --resume");
  if ((options.epochs > 0) == (options.steps > 0))
    return fail("say how long to train: either --epochs=E or --steps=S");
  return Status();
}

Status fleet::runProcess(const plan::Job &job, const RoleChoice &role,
                         const RunOptions &options,
                         RunEnvironment &environment) {
  const plan::Job::Program *entry =
      findProgram(job, role.role, role.role == plan::PSERVER ? role.rank : 0);
  if (!entry || entry->plan().empty())
    return makeError(StatusCode::NotFound,
                     "{} has no plan for {}; transpile with --emit=all and "
                     "without --role",
                     options.jobDirectory, role.name());
  FLEET_ASSIGN_OR_RETURN(
      PlanPtr plan, loadPlan(environment.files,
                             joinPath(options.jobDirectory, entry->plan())));
  if (plan->proto.program_hash() != job.program_hash() ||
      plan->proto.role() != role.role)
    return makeError(StatusCode::InvalidArgument,
                     "{} does not belong to {}/job.textproto; transpile again",
                     plan->path, options.jobDirectory);

  // By default a local job uses the machine; the processes of a distributed one
  // share it.
  int cores = std::max(1u, std::thread::hardware_concurrency());
  int threads = options.threads;
  if (threads == 0)
    threads = role.role == plan::LOCAL ? cores : 1;
  ThreadPool pool({threads, threads > 1 && threads <= cores
                                ? std::chrono::microseconds(50)
                                : std::chrono::microseconds(0)});
  std::unique_ptr<Collective> collective;
  if (plan->proto.mode() == plan::COLLECTIVE) {
    if (!environment.collective)
      return makeError(StatusCode::Internal, "no way to the other trainers");
    FLEET_ASSIGN_OR_RETURN(
        collective, environment.collective(role.rank, plan->proto.trainers(),
                                           options.deadline));
  }
  ProgramOptions settings;
  settings.collective = collective.get();
  settings.seed = options.seed;
  settings.pool = threads > 1 ? &pool : nullptr;
  settings.poison = options.poison;
  FLEET_ASSIGN_OR_RETURN(std::unique_ptr<Program> program,
                         Program::create(plan, settings));
  if (!collective && (options.saveEvery > 0 || options.resume))
    return makeError(StatusCode::InvalidArgument,
                     "--save-every and --resume are for collective jobs in "
                     "this version; use --save and --load");
  if (collective)
    return runCollectiveTrainer(*program, role, options, environment);
  if (!options.loadDirectory.empty())
    FLEET_RETURN_IF_ERROR(
        loadStates(*program, environment.files, options.loadDirectory)
            .withContext("--load"));
  if (role.role == plan::PSERVER)
    return runServer(*program, role, options, environment);
  return runTrainer(*program, role, options, environment);
}
