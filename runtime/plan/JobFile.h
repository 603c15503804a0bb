//===- JobFile.h - JOB_DIR/job.textproto ------------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
// A job folder's table of contents: which processes the job has and which plan
// each of them executes.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PLAN_JOBFILE_H
#define FLEET_RUNTIME_PLAN_JOBFILE_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Files.h"
#include "runtime/base/Status.h"

#include <string>
#include <string_view>

namespace fleet {

constexpr uint32_t kJobSchemaVersion = 1;

/// Reads and checks `directory`/job.textproto.
StatusOr<plan::Job> loadJob(Files &files, const std::string &directory);

/// The same for its text; `name` begins every message ("NAME:LINE:COLUMN: ..."
/// when the text does not parse).
StatusOr<plan::Job> parseJob(std::string_view text, const std::string &name);

/// Moves the servers of `job` to other endpoints, HOST:PORT of each with
/// commas: whoever starts the processes may know them better than who
/// transpiled.
Status moveServers(plan::Job &job, const std::string &endpoints);

/// The program of a role, or nullptr. `index` tells servers apart.
const plan::Job::Program *findProgram(const plan::Job &job, plan::Role role,
                                      uint32_t index);

} // namespace fleet

#endif // FLEET_RUNTIME_PLAN_JOBFILE_H
