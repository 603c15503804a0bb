//===- CheckCollective.cpp - The program that all trainers run ------------===//
//
// All trainers run one program without control flow, so they make the same
// calls in the same order. What is left to check: that calls have an end, that
// they happen where all trainers come by, and that trainers stay equal.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/JobChecks.h"
#include "lib/Transforms/Program.h"
#include "lib/Transforms/RankDependence.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

#include <deque>

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::dist;

namespace {
class CollectiveCheck {
public:
  explicit CollectiveCheck(JobRoles &roles)
      : roles(roles), trainer(roles.trainer) {}

  LogicalResult run();

private:
  void checkGroups();
  void checkPlaces();
  void checkStartup();
  void checkOrder(func::FuncOp function);
  void checkUpdates();
  void checkParts();
  void checkEquality();

  static bool runsEverySoOften(func::FuncOp function) {
    return function->hasAttr(FleetDialect::getEveryAttrName());
  }
  /// Whether each trainer has another part of a whole.
  static bool isPart(optim::VariableOpInterface variable) {
    optim::OriginAttr origin = variable.getOriginAttr();
    return origin && origin.getShards() > 0;
  }
  InFlightDiagnostic error(Operation *op, const Twine &message) {
    hasErrors = true;
    return op->emitOpError(message);
  }
  void note(InFlightDiagnostic &diag, Operation *op, const Twine &message) {
    diag.attachNote(op->getLoc()) << message;
  }

  JobRoles &roles;
  ModuleOp trainer;
  bool hasErrors = false;
};
} // namespace

/// One group of all; others cut it into neighbours, or across these.
void CollectiveCheck::checkGroups() {
  int64_t trainers = roles.attr.getTrainers();
  GroupOp world, neighbours, across;
  for (auto group : trainer.getOps<GroupOp>()) {
    auto size = static_cast<int64_t>(group.getSize());
    if (auto stride = group.getStride()) {
      (*stride == 1 ? neighbours : across) = group;
      if (trainers % (size * static_cast<int64_t>(*stride)) == 0)
        continue;
    } else if (size == trainers) {
      world = group;
      continue;
    }
    InFlightDiagnostic diag = error(group, "has ") << size << " members";
    if (auto stride = group.getStride())
      diag << " that are " << *stride << " apart";
    diag.attachNote(roles.job.getLoc())
        << "the job has " << trainers << " trainers";
  }
  if (neighbours && across &&
      (neighbours.getSize() != *across.getStride() ||
       static_cast<int64_t>(neighbours.getSize() * across.getSize()) !=
           trainers)) {
    InFlightDiagnostic diag =
        error(across, "does not have one member of each group of neighbours");
    note(diag, neighbours, "these are declared here");
  }
  if (world && *trainer.getOps<GroupOp>().begin() != world)
    error(world, "of all trainers must be the first group of the program");
}

/// Trainers call collectively where all of them come by: in a step, between
/// steps, and at the start. (@evaluate runs on one of them.)
void CollectiveCheck::checkPlaces() {
  trainer.walk([&](Operation *op) {
    if (!isa<FleetDialect>(op->getDialect()) ||
        isa<GroupOp, ExamplesOp, OwnPartOp>(op))
      return;
    if (!isa<ConnectOp, BroadcastOp, AllGatherRowsOp>(op) && !beginsCall(op) &&
        !endsCall(op)) {
      error(op, "has no place in a collective job, which has no servers");
      return;
    }
    auto function = dyn_cast<func::FuncOp>(op->getParentOp());
    bool isDirect = function && function->getParentOp() == trainer &&
                    function.getBody().hasOneBlock();
    bool isStart = isa<ConnectOp, BroadcastOp>(op);
    if (isStart && !(isDirect && function.getSymName() == kStartupName))
      error(op, "must be directly in @startup, in a body of one block");
    else if (!isStart && !(isDirect && (function.getSymName() == kMainName ||
                                        runsEverySoOften(function))))
      error(op, "must be directly in @main or a function with fleet.every, in "
                "a body of one block, where all trainers come by");
  });
}

/// Groups are connected before they are used, and all variables start equal.
void CollectiveCheck::checkStartup() {
  auto startup = trainer.lookupSymbol<func::FuncOp>(kStartupName);
  if (!startup || startup.isExternal()) {
    emitError(trainer.getLoc(), "the trainer has no function @")
        << kStartupName << ", which connects it with the others";
    hasErrors = true;
    return;
  }
  llvm::DenseMap<Attribute, Operation *> connected, given;
  for (Operation &op : startup.getBody().front()) {
    if (auto connect = dyn_cast<ConnectOp>(op)) {
      auto [first, isNew] = connected.try_emplace(connect.getGroupAttr(), &op);
      if (!isNew) {
        InFlightDiagnostic diag = error(&op, "connects ")
                                  << connect.getGroupAttr() << " a second time";
        note(diag, first->second, "the first time is here");
      }
    } else if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
      if (!connected.contains(broadcast.getGroupAttr()))
        error(&op, "calls in ")
            << broadcast.getGroupAttr() << " before it is connected";
      given[broadcast.getVariableAttr()] = &op;
    }
  }
  for (auto group : trainer.getOps<GroupOp>())
    if (!connected.contains(FlatSymbolRefAttr::get(group.getSymNameAttr()))) {
      InFlightDiagnostic diag = error(group, "is never connected");
      note(diag, startup, "a fleet.connect is missing here");
    }
  for (auto variable : trainer.getOps<optim::VariableOpInterface>()) {
    if (variable.getTransient() || isPart(variable) ||
        given.contains(
            FlatSymbolRefAttr::get(SymbolTable::getSymbolName(variable))))
      continue;
    InFlightDiagnostic diag =
        error(variable, "may start with another value on each trainer");
    note(diag, startup, "no fleet.broadcast gives it here");
  }
}

/// Every call that begins ends, in the order in which they begin.
void CollectiveCheck::checkOrder(func::FuncOp function) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return;
  std::deque<Operation *> open;
  for (Operation &op : function.getBody().front()) {
    if (beginsCall(&op)) {
      open.push_back(&op);
      continue;
    }
    if (isa<AllGatherRowsOp>(op) && !open.empty()) {
      InFlightDiagnostic diag = error(
          &op, "waits for the others while a call that began earlier has not "
               "ended");
      note(diag, open.front(), "the earlier one begins here");
    }
    if (!endsCall(&op))
      continue;
    Operation *wait = &op, *start = op.getOperand(0).getDefiningOp();
    auto found = llvm::find(open, start);
    if (found == open.end()) {
      InFlightDiagnostic diag =
          error(wait, "waits a second time for the same call");
      note(diag, start, "it begins here");
      continue;
    }
    if (found != open.begin()) {
      InFlightDiagnostic diag = error(
          wait, "waits for a call before one that began earlier has ended");
      note(diag, open.front(), "the earlier one begins here");
      note(diag, start, "the one that it waits for begins here");
    }
    open.erase(found);
  }
  for (Operation *start : open) {
    StringRef name = start->getName().getStringRef();
    name.consume_back("start");
    error(start, "has no " + name + "wait, so nobody knows when it ends");
  }
}

/// A parameter has one rule.
void CollectiveCheck::checkUpdates() {
  llvm::DenseMap<Attribute, Operation *> updates;
  trainer.walk([&](optim::OptimizerOpInterface op) {
    auto [first, isNew] = updates.try_emplace(op.getParameterAttr(), op);
    if (isNew)
      return;
    InFlightDiagnostic diag = error(op, "updates ")
                              << op.getParameterAttr()
                              << ", which another op updates already";
    note(diag, first->second, "the other one is here");
  });
}

/// Parameters stay the same on all trainers, or are made so again.
void CollectiveCheck::checkEquality() {
  RankDependence dependence(trainer);
  llvm::DenseSet<Attribute> restored;
  for (auto function : trainer.getOps<func::FuncOp>())
    if (runsEverySoOften(function))
      function.walk([&](optim::AssignOp assign) {
        if (!dependence.differs(assign.getValue()))
          restored.insert(assign.getVariableAttr());
      });
  SymbolTable symbols(trainer);
  auto report = [&](Operation *op, Attribute variable, Value value,
                    StringRef verb) {
    auto parameter = symbols.lookup<optim::ParameterOp>(
        cast<FlatSymbolRefAttr>(variable).getAttr());
    if (restored.contains(variable) || !parameter || isPart(parameter))
      return;
    InFlightDiagnostic diag = error(op, verb)
                              << " " << variable
                              << " by a value that differs between trainers; "
                                 "it has to be added up by an all_reduce";
    if (Operation *source = value.getDefiningOp())
      note(diag, source, "the value comes from here");
  };
  for (auto function : trainer.getOps<func::FuncOp>())
    if (runsEverySoOften(function))
      function.walk([&](func::ReturnOp ret) {
        for (Value next : ret.getOperands())
          if (dependence.differs(next)) {
            InFlightDiagnostic diag =
                error(ret, "says when to run next by a value that differs "
                           "between trainers, so that they would not meet");
            if (Operation *source = next.getDefiningOp())
              note(diag, source, "the value comes from here");
          }
      });
  trainer.walk([&](Operation *op) {
    if (auto update = dyn_cast<optim::OptimizerOpInterface>(op)) {
      for (Value operand : op->getOperands())
        if (dependence.differs(operand))
          report(op, update.getParameterAttr(), operand, "updates");
    } else if (auto assign = dyn_cast<optim::AssignOp>(op)) {
      if (dependence.differs(assign.getValue()))
        report(op, assign.getVariableAttr(), assign.getValue(), "assigns");
    }
  });
}

/// Of a part of a parameter each trainer has another one.
void CollectiveCheck::checkParts() {
  RankDependence dependence(trainer);
  for (auto parameter : trainer.getOps<optim::ParameterOp>()) {
    if (!isPart(parameter))
      continue;
    int64_t shards = parameter.getOriginAttr().getShards();
    if (shards != roles.attr.getTrainers()) {
      InFlightDiagnostic diag = error(parameter, "is one of ")
                                << shards << " parts";
      diag.attachNote(roles.job.getLoc())
          << "the job has " << roles.attr.getTrainers() << " trainers";
    }
    // A checkpoint has the whole; so the parts come from there.
    bool isSet = false;
    if (auto startup = trainer.lookupSymbol<func::FuncOp>(kStartupName))
      startup.walk([&](optim::AssignOp assign) {
        isSet |= assign.getVariableAttr() ==
                     FlatSymbolRefAttr::get(parameter.getSymNameAttr()) &&
                 assign.getValue().getDefiningOp<OwnPartOp>();
      });
    if (!isSet)
      error(parameter, "is a part that @startup does not take from the whole "
                       "by a fleet.own_part");
  }
  trainer.walk([&](optim::OptimizerOpInterface update) {
    auto parameter = SymbolTable::lookupNearestSymbolFrom<optim::ParameterOp>(
        update, update.getParameterAttr());
    Value gradient = update.getGradient();
    if (!parameter || !isPart(parameter) ||
        (dependence.isPart(gradient) && !dependence.differsByData(gradient)))
      return;
    InFlightDiagnostic diag = error(
        update, dependence.isPart(gradient)
                    ? "updates a part of a parameter by a part of a value "
                      "that differs between trainers; it has to be added "
                      "up by a reduce_scatter"
                    : "updates a part of a parameter by a gradient that is "
                      "no part of one");
    note(diag, parameter, "the part is declared here");
  });
}

LogicalResult CollectiveCheck::run() {
  checkGroups();
  checkPlaces();
  checkStartup();
  for (auto function : trainer.getOps<func::FuncOp>())
    checkOrder(function);
  checkUpdates();
  checkParts();
  auto main = trainer.lookupSymbol<func::FuncOp>(kMainName);
  if (!main || main.isExternal()) {
    emitError(trainer.getLoc(), "the trainer has no function @") << kMainName;
    return failure();
  }
  if (!hasErrors)
    checkEquality();
  return failure(hasErrors);
}

LogicalResult mlir::fleet::checkCollective(JobRoles &roles) {
  return CollectiveCheck(roles).run();
}
