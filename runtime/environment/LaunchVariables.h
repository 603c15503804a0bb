//===- LaunchVariables.h - What launchers tell a process --------*- C++ -*-===//
//
// Every launcher that can start the processes of a job tells each of them its
// place by some variables of the environment. This is the table of them; which
// place follows from their values is decided in Role.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_ENVIRONMENT_LAUNCHVARIABLES_H
#define FLEET_RUNTIME_ENVIRONMENT_LAUNCHVARIABLES_H

#include <vector>

namespace fleet {

/// What the value of a variable is.
enum class LaunchFact {
  Role,             ///< trainer (worker) or pserver (server)
  Rank,             ///< number among the processes of the same role
  TrainerRank,      ///< the same, of a trainer only
  ServerRank,       ///< the same, of a server only
  WorldRank,        ///< number among all processes that were started together
  WorldSize,        ///< how many those are
  LocalRank,        ///< number among those on this host
  LocalSize,        ///< how many those are
  PerHost,          ///< processes that this one is to start itself: only 1
  Trainers,         ///< how many trainers the job has
  Servers,          ///< how many servers the job has
  ServerEndpoints,  ///< HOST:PORT of all servers, by rank, with commas
  ServerHosts,      ///< HOST of all servers; the port is this process's Port
  TrainerEndpoints, ///< HOST:PORT of all trainers, by rank, with commas
  Endpoint,         ///< HOST:PORT of this process
  Host,             ///< HOST of this process
  Port,             ///< PORT of this process
  Coordinator,      ///< HOST:PORT at which all processes meet
  CoordinatorHost,  ///< its HOST
  CoordinatorPort,  ///< its PORT
};

struct LaunchVariable {
  const char *name;
  LaunchFact fact;
  /// What it is for, to be read after "not set: ".
  const char *purpose;
};

struct Launcher {
  const char *name;
  std::vector<LaunchVariable> variables;
  /// Its variables are about a job of this kind and nothing else: they are held
  /// against the job even if something before them decided.
  bool describesJob = false;
};

/// In the order in which they are asked: what is meant for us, then what is
/// closer to the process (a torchrun inside of an MPI job inside of a Slurm
/// job). Of two variables of a launcher with the same fact the first is the
/// newer name; if both are set they have to agree.
const std::vector<Launcher> &launchers();

} // namespace fleet

#endif // FLEET_RUNTIME_ENVIRONMENT_LAUNCHVARIABLES_H
