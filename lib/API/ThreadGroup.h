//===- ThreadGroup.h - Workers that are threads -----------------*- C++ -*-===//

#ifndef FLEET_LIB_API_THREADGROUP_H
#define FLEET_LIB_API_THREADGROUP_H

#include "fleet/API/Fleet.h"
#include "runtime/collective/inproc/InprocCollective.h"

struct fleet::api::ThreadGroup::Implementation {
  std::shared_ptr<InprocGroup> group;
  uint32_t workers = 1;
};

#endif // FLEET_LIB_API_THREADGROUP_H
