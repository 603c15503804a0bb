//===- MpiEntry.cpp - What the module is loaded for -----------------------===//

#include "runtime/collective/mpi/MpiCollective.h"

extern "C" __attribute__((visibility("default"))) void fleetOpenMpiCollective(
    fleet::Duration deadline,
    fleet::StatusOr<std::unique_ptr<fleet::Collective>> *result) {
  *result = fleet::MpiCollective::create(deadline);
}
