//===- CollectiveReport.cpp - What trainers do together -------------------===//

#include "lib/Report/CollectiveReport.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Report/PlanCost.h"
#include "lib/Report/Spell.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

static int64_t sizeOf(TypeRange types) {
  int64_t bytes = 0;
  for (Type type : types)
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      bytes += tensor.getNumElements() * tensor.getElementTypeBitWidth() / 8;
  return bytes;
}

/// Of an id of a row.
static constexpr int64_t kIdBytes = 8;

/// "all-reduce" of all_reduce_start.
static std::string spellCall(StringRef op) {
  std::string name = op.str();
  llvm::replace(name, '_', '-');
  StringRef spelled(name);
  spelled.consume_back("-start");
  return spelled.str();
}

void CollectiveReport::visitRows(optim::RowGradientOp gradient) {
  auto type = cast<RankedTensorType>(gradient.getGradient().getType());
  int64_t row =
      kIdBytes + type.getDimSize(1) * type.getElementTypeBitWidth() / 8;
  int64_t ids = 0;
  llvm::SmallDenseSet<Value> seen; // an id travels once
  for (Value value : gradient.getIds()) {
    if (!seen.insert(value).second)
      continue;
    int64_t count = 1;
    for (int64_t extent : cast<RankedTensorType>(value.getType()).getShape())
      count *= ShapedType::isDynamic(extent) ? 1 : extent;
    ids += count;
  }
  rows.push_back({gradient.getParameter(), ids * row});
}

void CollectiveReport::visitTrainer(ModuleOp trainer) {
  for (auto variable : trainer.getOps<optim::VariableOpInterface>())
    (isa<optim::ParameterOp>(*variable) ? parameterBytes : stateBytes) +=
        sizeOf(TypeRange(variable.getType()));
  for (auto function : trainer.getOps<func::FuncOp>()) {
    auto every =
        function->getAttrOfType<IntegerAttr>(FleetDialect::getEveryAttrName());
    function.walk([&](Operation *op) {
      if (auto gather = dyn_cast<AllGatherRowsOp>(op))
        visitRows(gather.getRows());
      // What begins a call gives a token to the op that waits for it.
      if (op->getNumResults() != 1 ||
          !isa<TokenType>(op->getResult(0).getType()))
        return;
      auto group = op->getAttrOfType<FlatSymbolRefAttr>("group");
      // Of a tensor that is cut or gathered, a trainer's part.
      int64_t bytes = sizeOf(op->getOperandTypes());
      for (Operation *wait : op->getUsers())
        bytes = std::min(bytes, sizeOf(wait->getResultTypes()));
      calls.push_back({op->getName().stripDialect(), function.getSymName(),
                       group ? group.getValue() : StringRef(),
                       every ? every.getInt() : 1,
                       static_cast<int64_t>(op->getNumOperands()), bytes});
    });
  }
}

namespace {
/// What a plan knows of a call.
struct PlannedCall {
  int64_t bytes;     ///< with gaps, as tensors start at cache lines
  double beside = 0; ///< operations until the wait, as a share of the function
};
using PlannedCalls = llvm::StringMap<SmallVector<PlannedCall>>;
} // namespace

/// In the order in which they begin, by function.
static PlannedCalls findPlannedCalls(ModuleOp planned) {
  PlannedCalls found;
  planned.walk([&](plan::ProgramOp program) {
    PlanCosts costs(program);
    llvm::DenseMap<Attribute, int64_t> sizes, elementSizes;
    for (auto bucket : program.getBody().getOps<plan::BucketOp>()) {
      auto type = cast<MemRefType>(bucket.getType());
      auto name = FlatSymbolRefAttr::get(bucket.getSymNameAttr());
      elementSizes[name] = type.getElementTypeBitWidth() / 8;
      sizes[name] = type.getNumElements() * elementSizes[name];
    }
    for (auto function : program.getBody().getOps<plan::FunctionOp>()) {
      PerBatch total = costs.of(function).flops;
      bool byRow = total.perRow > 0; // else all of it is fixed
      auto all = static_cast<double>(byRow ? total.perRow : total.fixed);
      SmallVector<PlannedCall> &calls = found[function.getSymName()];
      llvm::DenseMap<Attribute, size_t> open; // by bucket
      for (Operation &op : function.getBody().front()) {
        auto bucket = op.getAttrOfType<FlatSymbolRefAttr>("bucket");
        if (isa<plan::CollectiveWaitOp>(op)) {
          open.erase(bucket);
        } else if (bucket && op.getAttr("group")) {
          open[bucket] = calls.size();
          int64_t bytes = sizes.lookup(bucket);
          if (auto parts = op.getAttrOfType<DenseI64ArrayAttr>("elements")) {
            bytes = 0;
            for (int64_t elements : parts.asArrayRef())
              bytes += elements * elementSizes.lookup(bucket);
          }
          calls.push_back({bytes});
        } else if (!open.empty()) {
          PerBatch flops = costs.flopsOf(op);
          for (auto &[name, call] : open)
            calls[call].beside +=
                static_cast<double>(byRow ? flops.perRow : flops.fixed) / all;
        }
      }
    }
  });
  return found;
}

void CollectiveReport::print(int64_t trainers, ModuleOp planned,
                             llvm::raw_ostream &os) const {
  PlannedCalls plannedCalls;
  if (planned)
    plannedCalls = findPlannedCalls(planned);
  os << llvm::formatv("  {0,-16} {1,-14} {2,-10} {3,8} {4,11}  {5}\n", "call",
                      "function", "group", "tensors", "bytes",
                      planned ? "operations beside it" : "");
  llvm::StringMap<size_t> seen;
  // Runs of @main to how many bytes and calls.
  std::map<int64_t, std::pair<int64_t, int64_t>> sent;
  for (const Call &call : calls) {
    size_t index = seen[call.function]++;
    auto found = plannedCalls.find(call.function);
    std::string beside;
    int64_t bytes = call.bytes;
    if (found != plannedCalls.end() && index < found->second.size()) {
      const PlannedCall &plannedCall = found->second[index];
      beside = llvm::formatv("{0,0:f0} % of @{1}", 100 * plannedCall.beside,
                             call.function);
      bytes = plannedCall.bytes;
    }
    os << llvm::formatv("  {0,-16} {1,-14} {2,-10} {3,8} {4,11}  {5}\n",
                        spellCall(call.name), call.function, call.group,
                        call.tensors, spellBytes(bytes), beside);
    sent[call.every].first += bytes;
    ++sent[call.every].second;
  }
  os << llvm::formatv(
      "\n  {0} trainer{1}: each holds {2} of parameters and {3} "
      "of state\n",
      trainers, trainers == 1 ? "" : "s", spellBytes(parameterBytes),
      spellBytes(stateBytes));
  for (auto [every, given] : sent)
    os << llvm::formatv("  {0}, each gives {1} ({2} bytes) in {3} call{4}\n",
                        every == 1
                            ? std::string("in a step")
                            : llvm::formatv("every {0} steps", every).str(),
                        spellBytes(given.first), given.first, given.second,
                        given.second == 1 ? "" : "s");
  for (const Rows &table : rows)
    os << llvm::formatv(
        "  and, of the rows of {0}, at most {1} for each row of "
        "its batch\n",
        table.table, spellBytes(table.bytes));
}
