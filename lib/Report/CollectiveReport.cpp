//===- CollectiveReport.cpp - What trainers do together -------------------===//

#include "lib/Report/CollectiveReport.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Report/PlanCost.h"
#include "lib/Report/Spell.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

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

/// "all-reduce" of all_reduce_start.
static std::string spellCall(StringRef op) {
  std::string name = op.str();
  llvm::replace(name, '_', '-');
  StringRef spelled(name);
  spelled.consume_back("-start");
  return spelled.str();
}

void CollectiveReport::visitTrainer(ModuleOp trainer) {
  for (auto variable : trainer.getOps<optim::VariableOpInterface>())
    (isa<optim::ParameterOp>(*variable) ? parameterBytes : stateBytes) +=
        sizeOf(TypeRange(variable.getType()));
  for (auto function : trainer.getOps<func::FuncOp>()) {
    auto every =
        function->getAttrOfType<IntegerAttr>(FleetDialect::getEveryAttrName());
    function.walk([&](Operation *op) {
      // What begins a call gives a token to the op that waits for it.
      if (op->getNumResults() != 1 ||
          !isa<TokenType>(op->getResult(0).getType()))
        return;
      auto group = op->getAttrOfType<FlatSymbolRefAttr>("group");
      int64_t bytes = sizeOf(op->getOperandTypes());
      for (Operation *wait : op->getUsers())
        bytes = std::max(bytes, sizeOf(wait->getResultTypes()));
      calls.push_back({op->getName().stripDialect(), function.getSymName(),
                       group ? group.getValue() : StringRef(),
                       every ? every.getInt() : 1,
                       static_cast<int64_t>(op->getNumOperands()), bytes});
    });
  }
}

/// What share of its function's operations lies between the start and the wait
/// of each call, in the order of starts; by function.
static llvm::StringMap<SmallVector<double>> findOverlaps(ModuleOp planned) {
  llvm::StringMap<SmallVector<double>> overlaps;
  planned.walk([&](plan::ProgramOp program) {
    PlanCosts costs(program);
    for (auto function : program.getBody().getOps<plan::FunctionOp>()) {
      PerBatch total = costs.of(function).flops;
      bool byRow = total.perRow > 0; // else all of it is fixed
      auto all = static_cast<double>(byRow ? total.perRow : total.fixed);
      SmallVector<double> &shares = overlaps[function.getSymName()];
      llvm::DenseMap<Attribute, size_t> open; // by bucket
      for (Operation &op : function.getBody().front()) {
        auto bucket = op.getAttrOfType<FlatSymbolRefAttr>("bucket");
        if (isa<plan::CollectiveWaitOp>(op)) {
          open.erase(bucket);
        } else if (bucket && op.getAttr("group")) {
          open[bucket] = shares.size();
          shares.push_back(0);
        } else if (!open.empty()) {
          PerBatch flops = costs.flopsOf(op);
          for (auto &[name, call] : open)
            shares[call] +=
                static_cast<double>(byRow ? flops.perRow : flops.fixed) / all;
        }
      }
    }
  });
  return overlaps;
}

void CollectiveReport::print(int64_t trainers, ModuleOp planned,
                             llvm::raw_ostream &os) const {
  llvm::StringMap<SmallVector<double>> overlaps;
  if (planned)
    overlaps = findOverlaps(planned);
  os << llvm::formatv("  {0,-16} {1,-14} {2,-10} {3,8} {4,11}  {5}\n", "call",
                      "function", "group", "tensors", "bytes",
                      planned ? "operations beside it" : "");
  llvm::StringMap<size_t> seen;
  // Runs of @main to how many bytes and calls.
  std::map<int64_t, std::pair<int64_t, int64_t>> sent;
  for (const Call &call : calls) {
    size_t index = seen[call.function]++;
    auto found = overlaps.find(call.function);
    std::string beside;
    if (found != overlaps.end() && index < found->second.size())
      beside = llvm::formatv("{0,0:f0} % of @{1}", 100 * found->second[index],
                             call.function);
    os << llvm::formatv("  {0,-16} {1,-14} {2,-10} {3,8} {4,11}  {5}\n",
                        spellCall(call.name), call.function, call.group,
                        call.tensors, spellBytes(call.bytes), beside);
    sent[call.every].first += call.bytes;
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
}
