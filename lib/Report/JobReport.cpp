//===- JobReport.cpp - What was decided about a job, and its cost ---------===//

#include "fleet/Report/JobReport.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Report/CollectiveReport.h"
#include "lib/Report/PlanCost.h"
#include "lib/Report/Spell.h"
#include "lib/Report/TableReport.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::fleet;
using namespace mlir::fleet::optim;

/// Of one message with a payload: header and checksum (runtime/transport/
/// Frame.h).
static constexpr int64_t kHeaderBytes = 128, kTrailerBytes = 8;

/// Of a whole message; none is sent without a payload.
static int64_t messageBytes(int64_t payload) {
  return payload == 0
             ? 0
             : kHeaderBytes + llvm::alignTo(payload + kTrailerBytes, 64);
}

/// Blocks of as many bytes start at a multiple of 64 in a message.
static constexpr int64_t kAlignedPartBytes = 64 << 10;

/// A part of a sum, and the sum (runtime/ps/ParameterServer.h).
static constexpr int64_t kPartBytes = 8;

namespace {

/// Rows of a parameter on a server.
struct Piece {
  int64_t server, firstRow;
  ParameterOp variable;
};

struct ServerLoad {
  std::string endpoint;
  int64_t blocks = 0, parameterBytes = 0, stateBytes = 0;
  int64_t payloadBytes = 0; ///< of a message with all blocks
  int64_t parts = 0;        ///< of sums that trainers agree on

  /// In one direction, for one trainer.
  int64_t messagesPerStep() const { return (blocks > 0) + (parts > 0); }
  int64_t bytesPerStep() const {
    return messageBytes(blocks == 0 ? 0 : payloadBytes) +
           messageBytes(parts * kPartBytes);
  }
};

class Report {
public:
  Report(ModuleOp job, ModuleOp planned, llvm::raw_ostream &os)
      : job(job), planned(planned), os(os) {}

  void print();

private:
  void visitServer(ModuleOp role, dist::ServeOp serve);
  void printParameters();
  void printServers();
  void printTrainer();
  void printWork();

  ModuleOp job, planned;
  llvm::raw_ostream &os;
  int64_t trainers = 1;
  /// Between exchanges; 0 when trainers and servers meet in every step.
  int64_t every = 0;
  int64_t heldByTrainer = 0; ///< bytes of variables
  SmallVector<ServerLoad> servers;
  llvm::MapVector<StringRef, SmallVector<Piece>> parameters; ///< by origin
  TableReport tables;
  CollectiveReport calls;
};

} // namespace

static int64_t sizeOf(RankedTensorType type) {
  return type.getNumElements() * (type.getElementTypeBitWidth() / 8);
}

/// "2 k + 1.5 M a row".
template <typename Spell>
static std::string spell(const PerBatch &value, Spell spellNumber) {
  std::string text;
  if (value.fixed > 0 || value.perRow == 0)
    text = spellNumber(value.fixed);
  if (value.perRow > 0)
    text += (text.empty() ? "" : " + ") + spellNumber(value.perRow) + " a row";
  return text;
}

void Report::visitServer(ModuleOp role, dist::ServeOp serve) {
  ServerLoad load;
  load.endpoint = serve.getEndpoint().str();
  for (auto on : serve.getHandlers().getOps<dist::OnOp>())
    load.parts += on.getPartAttr() != nullptr;
  TableReport::Held rows;
  for (auto variable : role.getOps<VariableOpInterface>()) {
    if (tables.visit(variable, static_cast<int64_t>(servers.size()), rows))
      continue;
    int64_t bytes = sizeOf(variable.getType());
    auto parameter = dyn_cast<ParameterOp>(*variable);
    if (!parameter) {
      load.stateBytes += bytes;
      continue;
    }
    load.parameterBytes += bytes;
    if (bytes >= kAlignedPartBytes)
      load.payloadBytes = llvm::alignTo(load.payloadBytes, 64);
    load.payloadBytes += bytes;
    ++load.blocks;
    OriginAttr origin = parameter.getOriginAttr();
    parameters[parameter.getOriginName()].push_back(
        {static_cast<int64_t>(servers.size()),
         origin ? origin.getRowOffset() : 0, parameter});
  }
  load.parameterBytes += rows.values;
  load.stateBytes += rows.state;
  servers.push_back(load);
}

void Report::printParameters() {
  os << llvm::formatv("  {0,-24} {1,-16} {2,11}  {3}\n", "parameter", "type",
                      "bytes", "server: rows");
  for (auto &[name, pieces] : parameters) {
    llvm::sort(pieces, [](const Piece &a, const Piece &b) {
      return a.firstRow < b.firstRow;
    });
    RankedTensorType type = pieces.front().variable.getType();
    int64_t bytes = 0;
    std::string rows;
    for (Piece &piece : pieces) {
      RankedTensorType part = piece.variable.getType();
      bytes += sizeOf(part);
      if (!rows.empty())
        rows += ", ";
      rows += llvm::formatv("{0}: ", piece.server);
      rows += pieces.size() == 1
                  ? std::string("all")
                  : llvm::formatv("{0}..{1}", piece.firstRow,
                                  piece.firstRow + part.getDimSize(0) - 1)
                        .str();
    }
    os << llvm::formatv("  {0,-24} {1,-16} {2,11}  {3}\n", name,
                        spellShape(pieces.front().variable.getOriginShape(),
                                   type.getElementType()),
                        spellBytes(bytes), rows);
  }
}

void Report::printServers() {
  os << llvm::formatv("\n  {0,-28} {1,6} {2,11} {3,11} {4,12} {5,12}\n",
                      "server", "blocks", "parameters", "state",
                      every > 0 ? "in at once" : "in a step",
                      every > 0 ? "out at once" : "out a step");
  int64_t most = 0, sum = 0;
  for (auto [i, server] : llvm::enumerate(servers)) {
    std::string exchanged = spellBytes(trainers * server.bytesPerStep());
    os << llvm::formatv("  {0,-28} {1,6} {2,11} {3,11} {4,12} {5,12}\n",
                        llvm::formatv("{0} {1}", i, server.endpoint).str(),
                        server.blocks, spellBytes(server.parameterBytes),
                        spellBytes(server.stateBytes), exchanged, exchanged);
    most = std::max(most, server.parameterBytes);
    sum += server.parameterBytes;
  }
  if (sum > 0)
    os << llvm::formatv(
        "  imbalance: the largest server has {0:f2} times the mean\n",
        static_cast<double>(most) * static_cast<double>(servers.size()) /
            static_cast<double>(sum));
}

void Report::printTrainer() {
  int64_t bytes = 0, messages = 0;
  for (const ServerLoad &server : servers) {
    bytes += server.bytesPerStep();
    messages += server.messagesPerStep();
  }
  os << llvm::formatv(
      "\n  {0} trainer{1}: each holds {2}, sends {3} and receives "
      "as much {4}, in {5} message{6} each way\n",
      trainers, trainers == 1 ? "" : "s", spellBytes(heldByTrainer),
      spellBytes(bytes),
      every > 0 ? llvm::formatv("every {0} steps", every).str() : "in a step",
      messages, messages == 1 ? "" : "s");
  if (bytes >= 1024)
    os << llvm::formatv("  to the byte: {0} each way\n", bytes);
}

/// What functions of the plans compute and how much memory they take.
void Report::printWork() {
  os << llvm::formatv("\n  {0,-14} {1,-28} {2,-26} {3}\n", "program",
                      "function", "operations a run", "temporaries");
  planned.walk([&](plan::ProgramOp program) {
    PlanCosts costs(program);
    for (auto function : program.getBody().getOps<plan::FunctionOp>()) {
      PlanCost cost = costs.of(function);
      if (cost.flops.fixed == 0 && cost.flops.perRow == 0)
        continue; // a function that only moves data
      os << llvm::formatv("  {0,-14} {1,-28} {2,-26} {3}\n",
                          program.getSymName(), function.getSymName(),
                          spell(cost.flops, spellCount),
                          spell(cost.bytes, spellBytes));
    }
  });
}

void Report::print() {
  dist::JobAttr attr = dist::getJob(job);
  trainers = attr.getTrainers();
  for (auto role : job.getOps<ModuleOp>()) {
    if (dist::getRole(role).getKind() == dist::RoleKind::Trainer) {
      tables.visitTrainer(role);
      calls.visitTrainer(role);
      for (auto variable : role.getOps<VariableOpInterface>())
        heldByTrainer += sizeOf(variable.getType());
      for (auto function : role.getOps<func::FuncOp>())
        if (auto steps = function->getAttrOfType<IntegerAttr>(
                dist::FleetDialect::getEveryAttrName()))
          every = steps.getInt();
    } else
      role.walk([&](dist::ServeOp serve) { visitServer(role, serve); });
  }
  os << "job " << job.getSymName().value_or("") << ": "
     << dist::stringifyMode(attr.getMode());
  if (!servers.empty()) {
    os << ", " << dist::stringifySyncMode(attr.getSync()) << ", " << trainers
       << (trainers == 1 ? " trainer, " : " trainers, ") << servers.size()
       << (servers.size() == 1 ? " server" : " servers") << "\n\n";
    if (!parameters.empty())
      printParameters();
    tables.print(os);
    printServers();
    printTrainer();
  } else if (attr.getMode() == dist::Mode::Collective) {
    os << ", " << trainers << (trainers == 1 ? " trainer" : " trainers")
       << "\n\n";
    calls.print(trainers, planned, os);
  } else {
    os << "\n";
  }
  if (planned)
    printWork();
}

void mlir::fleet::printJobReport(ModuleOp job, ModuleOp planned,
                                 llvm::raw_ostream &os) {
  Report(job, planned, os).print();
}
