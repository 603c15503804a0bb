//===- SlurmScript.cpp - A job for sbatch ---------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/environment/WorldLayout.h"
#include "runtime/launch/HandOverScripts.h"

using namespace fleet;

StatusOr<std::string> fleet::slurmScript(const plan::Job &job,
                                         const HandOver &to) {
  uint32_t processes = worldSize(job);
  std::string name = plainName(to.name);
  std::string script =
      fmt::format("#!/bin/bash\n"
                  "# {}: {}, by fleet-launch --launcher=slurm.\n"
                  "#SBATCH --job-name={}\n"
                  "#SBATCH --ntasks={}\n"
                  "#SBATCH --output={}-%j.log\n",
                  name, describeJob(job), name, processes, name);
  if (!to.hosts.empty()) {
    std::string hosts;
    for (const Host &host : to.hosts)
      hosts += (hosts.empty() ? "" : ",") + host.name;
    script += fmt::format("#SBATCH --nodelist={}\n", hosts);
  }
  script += "set -euo pipefail\n";
  std::string step =
      fmt::format("srun{} --ntasks={} --kill-on-bad-exit=1",
                  usesMpiTransport(to.options) ? " --mpi=pmix" : "", processes);
  bool meets = job.mode() != plan::SINGLE && !usesMpiTransport(to.options);
  if (meets) {
    // Two jobs on a node get different ports, by their number.
    script += fmt::format("# On which node each process will be: a step of the "
                          "same shape tells.\n"
                          "layout=$({} --label hostname | sort -n)\n"
                          "nodes=($(cut -d' ' -f2 <<<\"$layout\"))\n"
                          "port=$((20000 + SLURM_JOB_ID * {} % 10000))\n",
                          step, job.pservers_size() + 1);
    if (job.pservers_size() == 0) {
      script += "export FLEET_COORDINATOR=${nodes[0]}:$port\n";
    } else {
      std::string ranks;
      for (uint32_t i = 0; i < static_cast<uint32_t>(job.pservers_size()); ++i)
        ranks += fmt::format(" {}", worldRankOf(job, plan::PSERVER, i));
      script += fmt::format("servers=\n"
                            "for rank in{}; do\n"
                            "  servers+=${{servers:+,}}${{nodes[rank]}}:$port\n"
                            "  port=$((port + 1))\n"
                            "done\n"
                            "export FLEET_PSERVERS=$servers\n",
                            ranks);
    }
  }
  return script + fmt::format("exec {} \\\n  {}\n", step, commandLine(to));
}
