//===- Resume.h - Going on where a checkpoint was written --------*- C++
//-*-===//
//
// A checkpoint says at which step it was written and what decides which rows a
// step has. A run that resumes with the same gives the numbers of one that was
// never interrupted.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_JOB_RESUME_H
#define FLEET_RUNTIME_JOB_RESUME_H

#include "runtime/job/RunOptions.h"
#include "runtime/job/StateFile.h"
#include "runtime/job/TrainLoop.h"

namespace fleet {

/// What a checkpoint of the run says about it.
CheckpointMetadata describeRun(const Program &program,
                               const RunOptions &options,
                               const TrainResult &result);

/// Writes the states of a job without servers to --save, with describeRun();
/// `gathered` is what other trainers have parts of.
Status saveRun(Program &program, const std::vector<RemoteState> &gathered,
               const RunOptions &options, RunEnvironment &environment,
               const TrainResult &result);

/// Fills the states from the checkpoint in --save and returns how many steps
/// the run has behind it; 0, with nothing changed, if there is none. The error
/// names what is different from the run that wrote it.
StatusOr<int64_t> resumeRun(Program &program, const RunOptions &options,
                            RunEnvironment &environment);

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_RESUME_H
