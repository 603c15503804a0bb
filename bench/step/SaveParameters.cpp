//===- SaveParameters.cpp - What the peer starts from ---------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "SaveParameters.h"

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/plan/TensorTypes.h"

using namespace fleet;

Status fleet::saveParameters(Program &program, Files &files,
                             const std::string &directory) {
  std::vector<CheckpointTensor> tensors;
  const auto &states = program.plan().proto.states();
  for (int i = 0; i < states.size(); ++i)
    if (states[i].state_of().empty())
      tensors.push_back({states[i].origin(), states[i].type().dtype(),
                         staticShape(states[i].type()),
                         program.stateData(static_cast<uint32_t>(i))});
  return writeCheckpoint(files, directory, tensors, {});
}
