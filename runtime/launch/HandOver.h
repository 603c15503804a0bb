//===- HandOver.h - A job for mpirun, Slurm or Kubernetes -------*- C++ -*-===//
//
// Part of the Fleet project.
//
// Beyond one machine others start processes better. What they need to start
// those of a job is written here, as text; nothing is started.
//
// All of them number the processes of a job and start them alike; each resolves
// its place itself (runtime/job/Role.h). Servers are moved to where a launcher
// puts their processes (FLEET_PSERVERS), so a job need not be transpiled for
// one cluster.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_LAUNCH_HANDOVER_H
#define FLEET_RUNTIME_LAUNCH_HANDOVER_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <string>
#include <vector>

namespace fleet {

/// A machine and how many processes it takes.
struct Host {
  std::string name;
  uint32_t slots = 1;
};

/// Reads NAME[:SLOTS],...; names of letters, digits, '.', '-' and '_'.
StatusOr<std::vector<Host>> parseHosts(const std::string &text);

struct HandOver {
  std::string program;              ///< fleet-run, where it will run
  std::string directory;            ///< the job folder, where it will run
  std::vector<std::string> options; ///< for every process
  std::string name;                 ///< what the job is called there
  std::vector<Host> hosts;          ///< mpirun, Slurm; empty: not chosen here
  uint16_t port = 29400;            ///< first port for what has none in the job

  // Kubernetes.
  std::string image;
  std::string nameSpace;        ///< empty: whichever the user works in
  std::string claim, claimPath; ///< a PersistentVolumeClaim, and its mount
};

/// `text` as one word of a POSIX shell.
std::string shellQuote(const std::string &text);

/// A shell script that ends as mpirun does. Without hosts all processes run on
/// this machine.
StatusOr<std::string> mpirunScript(const plan::Job &job, const HandOver &to);

/// A script for sbatch.
StatusOr<std::string> slurmScript(const plan::Job &job, const HandOver &to);

enum class ManifestKind {
  JobSet,   ///< jobset.x-k8s.io/v1alpha2: a replicated job a role
  TrainJob, ///< trainer.kubeflow.org/v1alpha1, with its TrainingRuntime
  MPIJob,   ///< kubeflow.org/v2beta1: mpirun over pods
};

/// YAML for kubectl. InvalidArgument for a name, a namespace or a combination
/// that Kubernetes would refuse.
StatusOr<std::string> kubernetesManifest(const plan::Job &job,
                                         const HandOver &to, ManifestKind kind);

/// A name that Kubernetes takes, made from the job's: "fit_a_line" is
/// "fit-a-line".
std::string kubernetesName(const std::string &job);

} // namespace fleet

#endif // FLEET_RUNTIME_LAUNCH_HANDOVER_H
