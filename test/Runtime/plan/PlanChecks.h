//===- PlanChecks.h - A good plan, one change, the message ------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TEST_RUNTIME_PLAN_PLANCHECKS_H
#define FLEET_TEST_RUNTIME_PLAN_PLANCHECKS_H

#include "runtime/plan/PlanLoader.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace fleet::test {

/// What is wrong with `plan`; empty if it is good.
inline std::string check(plan::Plan plan) {
  StatusOr<PlanPtr> loaded = checkPlan(std::move(plan), "a.plan");
  std::string message = loaded.ok() ? "" : loaded.status().message();
  if (!loaded.ok()) {
    EXPECT_EQ(loaded.status().code(), StatusCode::InvalidArgument);
    EXPECT_EQ(message.rfind("a.plan: ", 0), 0u) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  return message;
}

using Change = std::function<void(plan::Plan &)>;

inline void expectTrainerError(const Change &change,
                               const std::string &message) {
  plan::Plan plan = makeTrainerPlan();
  change(plan);
  EXPECT_THAT(check(plan), testing::HasSubstr(message));
}

inline void expectServerError(const Change &change,
                              const std::string &message) {
  plan::Plan plan = makeServerPlan();
  change(plan);
  EXPECT_THAT(check(plan), testing::HasSubstr(message));
}

inline plan::Function &mainOf(plan::Plan &plan) {
  return *plan.mutable_functions(0);
}
inline plan::Instruction &instruction(plan::Plan &plan, int index) {
  return *mainOf(plan).mutable_instructions(index);
}

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_PLAN_PLANCHECKS_H
