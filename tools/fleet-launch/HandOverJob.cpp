//===- HandOverJob.cpp - fleet-launch --launcher=... ----------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "HandOverJob.h"

#include "runtime/base/Files.h"
#include "runtime/launch/HandOver.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fleet;

Status fleet::checkFlags(const HandOverFlags &flags) {
  const std::string &launcher = flags.launcher;
  if (launcher != "local" && launcher != "mpirun" && launcher != "slurm" &&
      launcher != "kubernetes")
    return makeError(StatusCode::InvalidArgument,
                     "--launcher={}: expected local, mpirun, slurm or "
                     "kubernetes",
                     launcher);
  const struct {
    const char *flag;
    bool given;
    const char *launchers;
  } rules[] = {
      {"--output", !flags.output.empty(), "mpirun slurm kubernetes"},
      {"--hosts", !flags.hosts.empty(), "mpirun slurm"},
      {"--name", !flags.name.empty(), "mpirun slurm kubernetes"},
      {"--job-path", !flags.jobPath.empty(), "mpirun slurm kubernetes"},
      {"--fleet-run", !flags.program.empty(), "mpirun slurm kubernetes"},
      {"--port", flags.port.has_value(), "mpirun kubernetes"},
      {"--image", !flags.image.empty(), "kubernetes"},
      {"--namespace", !flags.nameSpace.empty(), "kubernetes"},
      {"--manifest", !flags.manifest.empty(), "kubernetes"},
      {"--claim", !flags.claim.empty(), "kubernetes"},
  };
  for (const auto &rule : rules)
    if (rule.given && !std::strstr(rule.launchers, launcher.c_str()))
      return makeError(StatusCode::InvalidArgument,
                       "{} means nothing to --launcher={}; it is for {}",
                       rule.flag, launcher, rule.launchers);
  if (flags.dryRun && !flags.output.empty())
    return makeError(StatusCode::InvalidArgument,
                     "--dry-run prints and --output writes; give one of them");
  if (launcher == "kubernetes" && !flags.dryRun && flags.output.empty())
    return makeError(StatusCode::InvalidArgument,
                     "--launcher=kubernetes writes a manifest: say "
                     "--output=FILE, or --dry-run and pipe it to kubectl apply "
                     "-f -");
  return Status();
}

static std::string absolutePath(const std::string &path) {
  char resolved[4096];
  return ::realpath(path.c_str(), resolved) ? resolved : path;
}

static StatusOr<std::string> write(const plan::Job &job,
                                   const HandOverFlags &flags,
                                   const std::string &program,
                                   const std::string &directory,
                                   const std::vector<std::string> &options) {
  bool pods = flags.launcher == "kubernetes";
  HandOver to;
  // In an image it is on the PATH.
  to.program = !flags.program.empty() ? flags.program
               : pods                 ? "fleet-run"
                                      : program;
  to.directory =
      flags.jobPath.empty() ? absolutePath(directory) : flags.jobPath;
  to.options = options;
  to.name = !flags.name.empty() ? flags.name
            : pods              ? kubernetesName(job.name())
                                : job.name();
  to.port = static_cast<uint16_t>(flags.port.value_or(to.port));
  to.image = flags.image;
  to.nameSpace = flags.nameSpace;
  size_t colon = flags.claim.find(':');
  to.claim = flags.claim.substr(0, colon);
  if (colon != std::string::npos)
    to.claimPath = flags.claim.substr(colon + 1);
  if (!flags.hosts.empty()) {
    FLEET_ASSIGN_OR_RETURN(to.hosts, parseHosts(flags.hosts));
  }
  if (flags.launcher == "mpirun")
    return mpirunScript(job, to);
  if (flags.launcher == "slurm")
    return slurmScript(job, to);
  bool collective = job.mode() != plan::SINGLE && job.pservers_size() == 0;
  std::string kind = !flags.manifest.empty() ? flags.manifest
                     : collective            ? "trainjob"
                                             : "jobset";
  if (kind == "jobset")
    return kubernetesManifest(job, to, ManifestKind::JobSet);
  if (kind == "trainjob")
    return kubernetesManifest(job, to, ManifestKind::TrainJob);
  if (kind == "mpijob")
    return kubernetesManifest(job, to, ManifestKind::MPIJob);
  return makeError(StatusCode::InvalidArgument,
                   "--manifest={}: expected jobset, trainjob or mpijob", kind);
}

/// Starts `program` with a script that is gone when it has ended.
static StatusOr<JobResult> runScript(const std::string &text,
                                     const std::vector<std::string> &program,
                                     const SupervisorOptions &supervision,
                                     const StopToken &stop) {
  char path[] = "/tmp/fleet-launch-XXXXXX";
  int descriptor = ::mkostemp(path, O_CLOEXEC);
  if (descriptor < 0)
    return makeError(StatusCode::Unavailable, "cannot write {}: {}", path,
                     std::strerror(errno));
  ssize_t written = ::write(descriptor, text.data(), text.size());
  ::close(descriptor);
  StatusOr<JobResult> result =
      makeError(StatusCode::Unavailable, "cannot write {}", path);
  if (written == static_cast<ssize_t>(text.size())) {
    JobProcess process;
    process.name = program.back();
    process.role = plan::LOCAL;
    process.arguments.assign(program.begin(), program.end() - 1);
    process.arguments.push_back(path);
    for (char **variable = ::environ; *variable; ++variable)
      process.environment.push_back(*variable);
    result = superviseJob({process}, supervision, stop);
  }
  ::unlink(path);
  return result;
}

StatusOr<JobResult>
fleet::handOver(const plan::Job &job, const HandOverFlags &flags,
                const std::string &program, const std::string &directory,
                const std::vector<std::string> &options,
                const SupervisorOptions &supervision, const StopToken &stop) {
  FLEET_RETURN_IF_ERROR(checkProcessOptions(options));
  FLEET_ASSIGN_OR_RETURN(std::string text,
                         write(job, flags, program, directory, options));
  if (flags.dryRun) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return JobResult();
  }
  if (!flags.output.empty()) {
    SystemFiles files;
    FLEET_RETURN_IF_ERROR(
        writeFileAtomically(files, flags.output, {{text.data(), text.size()}})
            .withContext("--output"));
    if (flags.launcher != "kubernetes" &&
        ::chmod(flags.output.c_str(), 0755) != 0)
      return makeError(StatusCode::Unavailable, "--output: {}: {}",
                       flags.output, std::strerror(errno));
    return JobResult();
  }
  if (flags.launcher == "mpirun")
    return runScript(text, {"/bin/sh", "mpirun"}, supervision, stop);
  // Slurm keeps a copy; the job is Slurm's from here on.
  return runScript(text, {"/usr/bin/env", "sbatch", "sbatch"}, supervision,
                   stop);
}
