//===- TableValidation.cpp - The tables of rows of a plan -----------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/PlanValidation.h"
#include "runtime/plan/TensorTypes.h"

#include <unordered_set>
#include <utility>

using namespace fleet;
using fleet::plan::Plan;

namespace {

/// A row is handled as a whole, in buffers of some hundred rows.
constexpr int64_t kMaxColumns = int64_t(1) << 24;

template <typename... Args>
Status invalid(fmt::format_string<Args...> format, Args &&...args) {
  return makeError(StatusCode::InvalidArgument, format,
                   std::forward<Args>(args)...);
}

class TableValidator {
public:
  TableValidator(const Plan &plan, const plan::Table &table)
      : plan(plan), table(table) {}

  Status checkDeclaration() {
    FLEET_RETURN_IF_ERROR(checkShape());
    FLEET_RETURN_IF_ERROR(checkRowStates());
    return checkShards();
  }
  Status checkFunctions();

private:
  Status checkShape();
  Status checkRowStates();
  Status checkShards();
  Status checkUpdate(const plan::Function &function);
  Status checkAdvance(const plan::Function &function);
  Status checkPart(const plan::Function &function);
  Status checkComputes(const plan::Function &function);
  Status checkInput(const plan::Buffer &buffer);

  /// This process has all rows.
  bool isWhole() const {
    return plan.role() == plan::LOCAL || plan.mode() == plan::COLLECTIVE;
  }

  static bool has(const plan::Function &function, const plan::Output &output) {
    return output.buffer() < static_cast<uint32_t>(function.buffers_size());
  }

  const Plan &plan;
  const plan::Table &table;
};

Status TableValidator::checkShape() {
  if (table.placement() != plan::Table::SPARSE &&
      table.placement() != plan::Table::DISTRIBUTED)
    return invalid("placement {} is neither SPARSE nor DISTRIBUTED",
                   static_cast<int>(table.placement()));
  if (table.dtype() != plan::F32 && table.dtype() != plan::F64)
    return invalid("its values are neither f32 nor f64");
  if (table.rows() < 1 || table.columns() < 1 || table.columns() > kMaxColumns)
    return invalid("{} rows of {} columns, expected at least one row and 1 to "
                   "{} columns",
                   table.rows(), table.columns(), kMaxColumns);
  // Initial values are drawn by the number of the element.
  int64_t elements;
  if (__builtin_mul_overflow(table.rows(), table.columns(), &elements))
    return invalid("{} rows of {} columns are more elements than can be "
                   "numbered",
                   table.rows(), table.columns());
  if (table.placement() == plan::Table::SPARSE &&
      elements > kMaxTensorBytes / 8)
    return invalid("{} rows of {} columns cannot all exist; use a distributed "
                   "table",
                   table.rows(), table.columns());
  return validateInitializer(table.initializer(), table.dtype());
}

Status TableValidator::checkRowStates() {
  std::unordered_set<std::string> slots;
  for (const plan::Table::RowState &state : table.row_states()) {
    // "TABLE/ids" is what checkpoints call the ids.
    if (state.slot().empty() || state.slot() == "ids")
      return invalid("a row state cannot be named '{}'", state.slot());
    if (!slots.insert(state.slot()).second)
      return invalid("two row states are named '{}'", state.slot());
    int64_t elements;
    if (state.columns() < 1 || state.columns() > kMaxColumns ||
        __builtin_mul_overflow(table.rows(), state.columns(), &elements))
      return invalid("row state '{}' has {} columns, expected 1 to {}",
                     state.slot(), state.columns(), kMaxColumns);
    FLEET_RETURN_IF_ERROR(
        validateInitializer(state.initializer(), table.dtype())
            .withContext("row state '" + state.slot() + "'"));
  }
  return Status();
}

Status TableValidator::checkShards() {
  if (table.shards().empty())
    return invalid("nobody owns its rows");
  if (isWhole() && table.shards_size() != 1)
    return invalid("{} shards in a job where processes have whole tables",
                   table.shards_size());
  if (plan.mode() == plan::COLLECTIVE &&
      table.placement() != plan::Table::SPARSE)
    return invalid("placement DISTRIBUTED in mode COLLECTIVE, where every "
                   "trainer has all rows; expected SPARSE");
  int servers = isWhole() ? 1 : plan.servers_size();
  std::unordered_set<uint32_t> owners;
  int64_t next = 0;
  for (int i = 0; i < table.shards_size(); ++i) {
    const plan::Table::Shard &shard = table.shards(i);
    if (shard.server() >= static_cast<uint32_t>(servers))
      return invalid("shard {} is of server {}, the job has {} servers", i,
                     shard.server(), servers);
    if (!owners.insert(shard.server()).second)
      return invalid("server {} owns two shards", shard.server());
    if (table.placement() == plan::Table::DISTRIBUTED) {
      if (shard.first_row() != 0 || shard.rows() != 0)
        return invalid("shard {} has a range of rows; ids of a distributed "
                       "table go by their remainder",
                       i);
      continue;
    }
    if (shard.first_row() != next || shard.rows() < 0 ||
        shard.rows() > table.rows() - next)
      return invalid("shard {} has {} rows from {} on, expected the rows from "
                     "{} on of {}",
                     i, shard.rows(), shard.first_row(), next, table.rows());
    next += shard.rows();
  }
  if (table.placement() == plan::Table::SPARSE && next != table.rows())
    return invalid("its shards have {} of its {} rows", next, table.rows());
  return Status();
}

Status TableValidator::checkFunctions() {
  if (table.part() != 0 && !isWhole())
    return invalid("a part of a sum in a job with servers, which would each "
                   "have a part of it");
  using Check = Status (TableValidator::*)(const plan::Function &);
  const std::pair<uint32_t, Check> functions[] = {
      {table.update(), &TableValidator::checkUpdate},
      {table.advance(), &TableValidator::checkAdvance},
      {table.part(), &TableValidator::checkPart}};
  for (auto [function, check] : functions) {
    if (function == 0)
      continue;
    if (plan.role() == plan::TRAINER && !isWhole())
      return invalid("a trainer updates no rows");
    if (function > static_cast<uint32_t>(plan.functions_size()))
      return invalid("function {} (counted from 1), the plan has {} functions",
                     function, plan.functions_size());
    const plan::Function &body = plan.functions(static_cast<int>(function) - 1);
    FLEET_RETURN_IF_ERROR((this->*check)(body).withContext(
        fmt::format("function '{}'", body.name())));
  }
  if (table.update() == 0 && table.part() != 0)
    return invalid("a part of a sum, but no function that updates rows by it");
  if (table.update() == 0 && table.advance() != 0)
    return invalid("a function that advances its states, but none that updates "
                   "rows");
  return Status();
}

/// No exchange, and no states but numbers.
Status TableValidator::checkComputes(const plan::Function &function) {
  for (const plan::Instruction &instruction : function.instructions())
    if (!instruction.has_launch() && !instruction.has_matmul() &&
        !instruction.has_copy())
      return invalid("it does something else than to compute");
  for (const plan::Buffer &buffer : function.buffers())
    if (buffer.has_state() && countElements(buffer.type(), {}) != 1)
      return invalid("its state '{}' is {}, expected a scalar: rows have "
                     "states of their own",
                     buffer.name(), formatType(buffer.type(), plan.symbols()));
  return Status();
}

Status TableValidator::checkUpdate(const plan::Function &function) {
  FLEET_RETURN_IF_ERROR(checkComputes(function));
  int inputs = 0;
  for (const plan::Buffer &buffer : function.buffers())
    if (buffer.has_input()) {
      ++inputs;
      FLEET_RETURN_IF_ERROR(checkInput(buffer));
    }
  int expected = 2 + table.row_states_size() + (table.part() != 0);
  if (inputs != expected)
    return invalid("{} inputs, expected {}: gradients, values and {} row "
                   "states{}",
                   inputs, expected, table.row_states_size(),
                   table.part() != 0 ? ", and the sum of parts" : "");
  // It runs several times a step.
  auto isState = [&](uint32_t buffer) {
    return function.buffers(static_cast<int>(buffer)).has_state();
  };
  for (const plan::Instruction &instruction : function.instructions())
    if ((instruction.has_matmul() && isState(instruction.matmul().out())) ||
        (instruction.has_copy() && isState(instruction.copy().to())))
      return invalid("it writes a state that is not of rows");
  return Status();
}

Status TableValidator::checkInput(const plan::Buffer &buffer) {
  uint32_t argument = buffer.input().argument();
  int64_t columns = table.columns();
  if (argument >= 2 &&
      argument - 2 < static_cast<uint32_t>(table.row_states_size()))
    columns = table.row_states(static_cast<int>(argument) - 2).columns();
  plan::TensorType expected;
  expected.set_dtype(table.dtype());
  bool isSum = table.part() != 0 &&
               argument == 2 + static_cast<uint32_t>(table.row_states_size());
  if (!isSum) {
    expected.add_dims()->set_symbol(0);
    expected.add_dims()->set_extent(columns);
  }
  if (!sameType(expected, buffer.type()))
    return invalid("input {} is {}, expected {}", argument,
                   formatType(buffer.type(), plan.symbols()),
                   formatType(expected, plan.symbols()));
  return Status();
}

Status TableValidator::checkPart(const plan::Function &function) {
  FLEET_RETURN_IF_ERROR(checkComputes(function));
  int inputs = 0;
  for (const plan::Buffer &buffer : function.buffers())
    if (buffer.has_input()) {
      ++inputs;
      FLEET_RETURN_IF_ERROR(checkInput(buffer));
    }
  if (inputs != 1)
    return invalid("{} inputs, expected 1: gradients", inputs);
  plan::TensorType scalar;
  scalar.set_dtype(table.dtype());
  if (function.outputs_size() != 1 || !has(function, function.outputs(0)) ||
      !sameType(scalar,
                function.buffers(int(function.outputs(0).buffer())).type()))
    return invalid("expected one output, a scalar of the table's type");
  return Status();
}

Status TableValidator::checkAdvance(const plan::Function &function) {
  FLEET_RETURN_IF_ERROR(checkComputes(function));
  for (const plan::Buffer &buffer : function.buffers())
    if (buffer.has_input())
      return invalid("it has an input, but it runs once for all rows");
  return Status();
}

} // namespace

Status fleet::validateTables(const Plan &plan) {
  if (plan.tables().empty())
    return Status();
  // Deltas of rows that a trainer does not have cannot be formed.
  if (plan.mode() == plan::PARAMETER_SERVER && plan.sync_mode() == plan::GEO)
    return invalid("table '{}' in mode GEO, where trainers have whole "
                   "parameters; use another mode, or no table",
                   plan.tables(0).name());
  std::unordered_set<std::string> names; // in checkpoints
  for (const plan::State &state : plan.states())
    names.insert(state.slot().empty() ? state.origin()
                                      : state.origin() + "/" + state.slot());
  for (int i = 0; i < plan.tables_size(); ++i) {
    const plan::Table &table = plan.tables(i);
    if (table.name().empty())
      return invalid("table {} has no name", i);
    std::string where = "table '" + table.name() + "'";
    FLEET_RETURN_IF_ERROR(
        TableValidator(plan, table).checkDeclaration().withContext(where));
    std::vector<std::string> own = {table.name()};
    if (table.placement() == plan::Table::DISTRIBUTED)
      own.push_back(table.name() + "/ids");
    for (const plan::Table::RowState &state : table.row_states())
      own.push_back(table.name() + "/" + state.slot());
    for (const std::string &name : own)
      if (!names.insert(name).second)
        return invalid("{}: something else is named '{}', too", where, name);
  }
  return Status();
}

Status fleet::validateTableFunctions(const Plan &plan) {
  for (const plan::Table &table : plan.tables())
    FLEET_RETURN_IF_ERROR(TableValidator(plan, table)
                              .checkFunctions()
                              .withContext("table '" + table.name() + "'"));
  return Status();
}
