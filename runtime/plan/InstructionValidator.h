//===- InstructionValidator.h - The instructions of a function --*- C++ -*-===//
//
// Private to the loader. InstructionValidation.cpp walks over the instructions;
// what collectives and rows of tables may do has files of its own.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PLAN_INSTRUCTIONVALIDATOR_H
#define FLEET_RUNTIME_PLAN_INSTRUCTIONVALIDATOR_H

#include "runtime/plan/PlanValidation.h"
#include "runtime/plan/TensorTypes.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>
#include <vector>

namespace fleet {

/// Checks instructions in the order in which they run. Used once.
class InstructionValidator {
public:
  InstructionValidator(const plan::Plan &plan, int index)
      : plan(plan), function(plan.functions(index)) {
    for (const plan::Table &table : plan.tables())
      updatesRows |= table.update() == static_cast<uint32_t>(index) + 1;
  }

  Status check(const plan::Instruction &instruction);
  Status checkOutputs();
  /// What is left open at the end of the function.
  Status checkEnd();

private:
  template <typename... Args>
  static Status invalid(fmt::format_string<Args...> format, Args &&...args) {
    return makeError(StatusCode::InvalidArgument, format,
                     std::forward<Args>(args)...);
  }
  Status checkCollective(const plan::Instruction &instruction);
  Status checkGroup(uint32_t group) const;
  Status checkParts(const plan::Parts &parts);
  Status checkLaunch(const plan::Launch &launch);
  Status checkMatMul(const plan::MatMul &matmul);
  Status checkCopy(const plan::Copy &copy);
  StatusOr<const plan::Block *> findBlock(uint32_t server,
                                          uint32_t block) const;
  Status checkBlock(uint32_t server, uint32_t block, uint32_t buffer,
                    int64_t row);
  Status checkSendBarrier();
  Status checkAgree(const plan::Agree &agree);
  Status checkFetchLatest();
  Status checkPullRows(const plan::PullRows &pull);
  Status checkPushRows(const plan::PushRows &push);
  Status checkMergeRows(const plan::MergeRows &merge);
  Status checkRowsPart(const plan::RowsPart &part);
  Status checkUpdateRows(const plan::UpdateRows &update);
  Status checkScalar(const plan::Table &table, uint32_t buffer);
  Status checkBroadcastRows(const plan::BroadcastRows &broadcast);
  Status checkTable(uint32_t table) const;
  template <typename Item>
  Status checkRows(const plan::Table &table, const Item &item, uint32_t rows);
  Status checkAsync() const {
    if (plan.sync_mode() == plan::ASYNC && function.name() == "main")
      return Status();
    return invalid("only a step in mode ASYNC goes on without waiting");
  }

  bool has(uint32_t buffer) const {
    return buffer < static_cast<uint32_t>(function.buffers_size());
  }
  const plan::Buffer &get(uint32_t buffer) const {
    return function.buffers(static_cast<int>(buffer));
  }
  Status checkIndex(uint32_t buffer) const {
    if (!has(buffer))
      return invalid("buffer {}, the function has {} buffers", buffer,
                     function.buffers_size());
    if (get(buffer).has_in_bucket() &&
        std::count(inFlight.begin(), inFlight.end(),
                   get(buffer).in_bucket().bucket()) != 0)
      return invalid("it touches '{}', which lies in a bucket that a "
                     "collective works on",
                     get(buffer).name());
    return Status();
  }
  /// Inputs belong to the data, constants to the plan, counts to the runtime.
  /// An update of rows is given copies of rows, behind their gradients.
  Status checkWritable(uint32_t buffer) const {
    if (updatesRows && get(buffer).has_input() &&
        get(buffer).input().argument() > 0)
      return Status();
    if (get(buffer).has_input() || get(buffer).has_constant() ||
        get(buffer).has_examples())
      return invalid("it writes to '{}', which is {}", get(buffer).name(),
                     get(buffer).has_input()      ? "an input"
                     : get(buffer).has_constant() ? "a constant"
                                                  : "a number of examples");
    return Status();
  }
  std::string spell(uint32_t buffer) const {
    return fmt::format("'{}' ({})", get(buffer).name(),
                       formatType(get(buffer).type(), plan.symbols()));
  }

  const plan::Plan &plan;
  const plan::Function &function;
  std::set<std::pair<uint32_t, uint32_t>> sent, received;
  std::vector<uint32_t> destinations; ///< buffers of `received`
  std::set<uint32_t> pushed;          ///< tables
  std::set<uint32_t> merged;          ///< tables, not updated yet
  bool updatesRows = false;
  bool isSent = false; ///< a send barrier has been, no fetch barrier yet
  std::set<std::pair<uint32_t, uint32_t>> agreed; ///< since then
  std::deque<uint32_t> inFlight; ///< buckets, in the order of their starts
};

} // namespace fleet

#endif // FLEET_RUNTIME_PLAN_INSTRUCTIONVALIDATOR_H
