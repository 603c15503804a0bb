//===- CollectiveJob.cpp - What passes on collective jobs share -----------===//

#include "lib/Transforms/CollectiveJob.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

LogicalResult CollectiveJob::find(ModuleOp job) {
  JobAttr attr = getJob(job);
  if (!attr || attr.getMode() != Mode::Collective)
    return emitError(job.getLoc(), "this is no job of mode collective; run "
                                   "fleet-distribute-collective first");
  trainers = attr.getTrainers();
  for (auto module : job.getOps<ModuleOp>())
    if (RoleAttr role = getRole(module);
        role && role.getKind() == RoleKind::Trainer)
      trainer = module;
  if (trainer)
    for (auto group : trainer.getOps<GroupOp>())
      if (static_cast<int64_t>(group.getSize()) == trainers)
        world = group;
  if (world)
    return success();
  return emitError(job.getLoc(), "the job has no trainer with a group of all ")
         << trainers;
}
