//===- Options.cpp - The command line of fleet-transpile ------------------===//

#include "Options.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "fleet/InitAll.h"
#include "fleet/Strategy/Strategy.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace mlir::fleet;
using Mode = DistributeOptions::Mode;
namespace cl = llvm::cl;

static constexpr char kOverview[] =
    R"(fleet-transpile - turn a training program for one machine into the programs of a
distributed job

The program is a module with optim.parameter ops and a function @main that ends
in optim.minimize (docs/getting-started.md). JOB_DIR gets one <role>.mlir and one
<role>.plan for each program, and job.textproto; fleet-launch runs it here,
fleet-run runs one process of it.

  fleet-transpile fit_a_line.mlir -o out/fit_a_line
  fleet-transpile fit_a_line.mlir -o out/fit_a_line --mode=ps --trainers=2 \
      --pservers=127.0.0.1:6170,127.0.0.1:6171
  fleet-transpile fit_a_line.mlir -o - --mode=ps --pservers=127.0.0.1:6170 --emit=mlir

MLIR's debugging options (--mlir-print-ir-after-all, ...) are accepted too.
)";

[[noreturn]] static void failUsage(const llvm::Twine &message) {
  llvm::errs() << "fleet-transpile: error: " << message << "\n";
  std::exit(2);
}

static void checkEndpoint(StringRef flag, StringRef endpoint) {
  std::string why;
  if (!dist::parseEndpoint(endpoint, why))
    failUsage("--" + flag + ": '" + endpoint + "' " + why +
              "; expected HOST:PORT, such as 127.0.0.1:6170");
}

static void checkServers(const DistributeOptions &options) {
  if (options.mode != Mode::ParameterServer) {
    bool isLocal = options.mode == Mode::Local;
    if (!options.pservers.empty())
      failUsage(llvm::Twine("--pservers is for --mode=ps; this is --mode=") +
                (isLocal ? "local" : "collective"));
    if (isLocal && options.trainers != 1)
      failUsage(llvm::formatv("--trainers={0} is for --mode=ps or collective; "
                              "a local job is one process",
                              options.trainers));
    return;
  }
  if (options.pservers.empty())
    failUsage("--mode=ps needs --pservers=HOST:PORT,..., one a server");
  llvm::StringSet<> seen;
  for (const std::string &endpoint : options.pservers) {
    checkEndpoint("pservers", endpoint);
    if (!seen.insert(endpoint).second)
      failUsage("--pservers names " + endpoint +
                " twice; each server needs an "
                "endpoint of its own");
  }
}

TranspileOptions mlir::fleet::parseCommandLine(int argc, char **argv) {
  // LLVM keeps pointers to options for as long as the process lives.
  static cl::OptionCategory category("Options of fleet-transpile");
  static cl::opt<std::string> input(cl::Positional, cl::desc("INPUT"),
                                    cl::init(""), cl::cat(category));
  static cl::opt<std::string> startup(
      "startup-program",
      cl::desc("A module of optim.parameter ops: initial values in place of "
               "those that INPUT says"),
      cl::value_desc("FILE.mlir"), cl::cat(category));
  static cl::opt<std::string> assigned(
      "assigned",
      cl::desc("What becomes of variables that the program assigns without an "
               "optimizer, such as moving means: averaged over all trainers "
               "(average, the default), or with --mode=ps each trainer's own"),
      cl::value_desc("average|own"), cl::cat(category));
  static cl::opt<std::string> output(
      "o",
      cl::desc("Folder to write the job into; - with --emit=mlir: print "
               "the whole job module"),
      cl::value_desc("JOB_DIR"), cl::cat(category));
  static cl::opt<std::string> mode("mode",
                                   cl::desc("local (default), ps (parameter "
                                            "servers) or collective (equal "
                                            "trainers that add their "
                                            "gradients)"),
                                   cl::value_desc("local|ps|collective"),
                                   cl::init("local"), cl::cat(category));
  static cl::opt<std::string> trainers("trainers",
                                       cl::desc("Number of trainers "
                                                "(default 1)"),
                                       cl::value_desc("N"), cl::init("1"),
                                       cl::cat(category));
  static cl::list<std::string> pservers(
      "pservers", cl::desc("Endpoints of the parameter servers"),
      cl::value_desc("HOST:PORT,..."), cl::CommaSeparated, cl::cat(category));
  static cl::opt<std::string> syncMode(
      "sync-mode",
      cl::desc("When servers apply "
               "gradients: all trainers' at "
               "once (sync, the default), "
               "each one's when they come "
               "(half-async; async: trainers "
               "do not wait either), or what "
               "each has changed in some "
               "steps (geo)"),
      cl::value_desc("sync|async|half-async|geo"), cl::init("sync"),
      cl::cat(category));
  static cl::opt<std::string> geoSteps(
      "geo-steps",
      cl::desc("--sync-mode=geo: steps that a trainer makes by itself before "
               "it tells the servers what changed (default 100)"),
      cl::value_desc("K"), cl::cat(category));
  static cl::opt<std::string> dcAsgd(
      "dc-asgd",
      cl::desc("With --sync-mode=half-async or async: correct gradients for "
               "what others changed meanwhile, by a factor (0.04 if none "
               "is given)"),
      cl::value_desc("LAMBDA"), cl::ValueOptional, cl::cat(category));
  static cl::opt<std::string> strategy(
      "strategy",
      cl::desc("All settings of the job in one file, see "
               "include/fleet/Strategy/strategy.proto; flags may repeat them"),
      cl::value_desc("FILE.textproto"), cl::cat(category));
  static cl::opt<bool> explain(
      "explain",
      cl::desc("Print what was decided, and what it will cost: blocks, bytes "
               "and operations of every process"),
      cl::cat(category));
  static cl::opt<std::string> trainerId(
      "trainer-id",
      cl::desc("Accepted and checked; one trainer program serves all ranks"),
      cl::value_desc("I"), cl::cat(category));
  static cl::opt<std::string> endpoint(
      "current-endpoint", cl::desc("With --role=pserver: only this server"),
      cl::value_desc("HOST:PORT"), cl::cat(category));
  static cl::opt<std::string> role("role",
                                   cl::desc("Write only the programs of this "
                                            "role"),
                                   cl::value_desc("trainer|pserver"),
                                   cl::cat(category));
  static cl::opt<std::string> emit("emit",
                                   cl::desc("Files to write: mlir, plan, or "
                                            "all (default)"),
                                   cl::value_desc("mlir|plan|all"),
                                   cl::init("all"), cl::cat(category));
  static cl::opt<std::string> target(
      "target", cl::desc("Device to compile for: cpu"), cl::value_desc("cpu"),
      cl::init("cpu"), cl::cat(category));
  static cl::opt<std::string> targetCpu(
      "target-cpu",
      cl::desc("CPU to compile for: native (default), x86-64-v3, znver4, ..."),
      cl::value_desc("NAME"), cl::init("native"), cl::cat(category));

  registerFleetPasses(); // so that --mlir-print-ir-after=<pass> knows them
  registerAsmPrinterCLOptions();
  registerMLIRContextCLOptions();
  registerPassManagerCLOptions();
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "fleet-transpile 0.1 (LLVM " LLVM_VERSION_STRING ")\n";
  });
  std::string message;
  llvm::raw_string_ostream errors(message);
  if (!cl::ParseCommandLineOptions(argc, argv, kOverview, &errors)) {
    // "fleet-transpile: Unknown command line argument '--x'.  Try: ..."
    StringRef line = StringRef(message).split('\n').first;
    if (line.trim().empty())
      std::exit(2); // the parser of the option printed its own line
    line.consume_front("fleet-transpile: ");
    failUsage(line);
  }

  TranspileOptions options;
  options.input = input;
  options.output = output;
  options.startup = startup;
  if (startup.getNumOccurrences() && startup.empty())
    failUsage("--startup-program is empty, expected a file");
  if (startup == "-" && input == "-")
    failUsage("--startup-program=- and INPUT - both read standard input");
  if (options.input.empty())
    failUsage("no program given; see fleet-transpile --help");
  if (options.output.empty())
    failUsage("-o JOB_DIR is missing: the folder to write the job into");
  DistributeOptions &job = options.distribution;
  DistributeOptions inFile;
  if (!strategy.empty()) {
    auto read = readStrategy(strategy);
    if (!read)
      failUsage("--strategy=" + llvm::toString(read.takeError()));
    inFile = job = *read;
  }
  auto chosen = llvm::StringSwitch<std::optional<Mode>>(mode)
                    .Case("local", Mode::Local)
                    .Case("ps", Mode::ParameterServer)
                    .Case("collective", Mode::Collective)
                    .Default(std::nullopt);
  if (!chosen)
    failUsage("--mode=" + mode + ": expected local, ps or collective");
  if (mode.getNumOccurrences()) {
    job.mode = *chosen;
    if (!strategy.empty() && job.mode != inFile.mode)
      failUsage("--mode=" + mode + " contradicts --strategy=" + strategy);
  }
  auto sync = llvm::StringSwitch<std::optional<dist::SyncMode>>(syncMode)
                  .Case("sync", dist::SyncMode::Sync)
                  .Case("async", dist::SyncMode::Async)
                  .Case("half-async", dist::SyncMode::HalfAsync)
                  .Case("geo", dist::SyncMode::Geo)
                  .Default(std::nullopt);
  if (!sync)
    failUsage("--sync-mode=" + syncMode +
              ": expected sync, async, half-async or geo");
  if (syncMode.getNumOccurrences()) {
    job.sync = *sync;
    if (!strategy.empty() && inFile.sync != dist::SyncMode::Sync &&
        job.sync != inFile.sync)
      failUsage("--sync-mode=" + syncMode +
                " contradicts --strategy=" + strategy);
    if (job.mode != Mode::ParameterServer && job.sync != dist::SyncMode::Sync)
      failUsage("--sync-mode=" + syncMode + " is for --mode=ps");
  }
  if (!geoSteps.empty()) {
    if (job.sync != dist::SyncMode::Geo)
      failUsage("--geo-steps=" + geoSteps + " goes with --sync-mode=geo");
    if (StringRef(geoSteps).getAsInteger(10, job.geoSteps) ||
        job.geoSteps < 1 || job.geoSteps > 1 << 30)
      failUsage("--geo-steps=" + geoSteps +
                ": expected a number of steps from 1 on");
  }
  bool isLate = job.sync == dist::SyncMode::HalfAsync ||
                job.sync == dist::SyncMode::Async;
  if (dcAsgd.getNumOccurrences()) {
    job.compensation = DistributeOptions::kDefaultCompensation;
    if (!dcAsgd.empty() &&
        (StringRef(dcAsgd).getAsDouble(job.compensation) ||
         !std::isfinite(job.compensation) || job.compensation <= 0))
      failUsage("--dc-asgd=" + dcAsgd +
                ": expected a factor greater than 0, such as 0.04");
    if (!isLate)
      failUsage("--dc-asgd goes with --sync-mode=half-async or async, where "
                "gradients are late");
    if (inFile.compensation != 0 && inFile.compensation != job.compensation)
      failUsage("--dc-asgd contradicts --strategy=" + strategy +
                ", which says dc_asgd_lambda: " +
                llvm::formatv("{0}", inFile.compensation).str());
  }
  if (!isLate && job.compensation != 0)
    failUsage("--sync-mode=" + syncMode + " contradicts --strategy=" +
              strategy + ", which says enable_dc_asgd: true");
  if (assigned.getNumOccurrences()) {
    using Assigned = DistributeOptions::Assigned;
    if (assigned != "average" && assigned != "own")
      failUsage("--assigned=" + assigned + ": expected average or own");
    if (job.mode == Mode::Local)
      failUsage("--assigned=" + assigned + " is for --mode=ps");
    job.assigned = assigned == "own" ? Assigned::Local : Assigned::Average;
    if (inFile.assigned != Assigned::Average && inFile.assigned != job.assigned)
      failUsage("--assigned=" + assigned + " contradicts --strategy=" +
                strategy + ", which says assigned: OWN");
  }
  if (job.mode == Mode::Collective &&
      job.assigned == DistributeOptions::Assigned::Local)
    failUsage("--assigned=own is for --mode=ps; all trainers of a collective "
              "job have the same variables");
  if (target == "cuda")
    failUsage("--target=cuda is not in this version; use cpu");
  if (target != "cpu")
    failUsage("--target=" + target + ": expected cpu");
  int64_t count = 1;
  if (StringRef(trainers).getAsInteger(10, count) || count < 1 ||
      count > 1 << 20)
    failUsage("--trainers=" + trainers + ": expected a number from 1");
  if (trainers.getNumOccurrences()) {
    job.trainers = count;
    if (!strategy.empty() && inFile.trainers != 1 && inFile.trainers != count)
      failUsage("--trainers=" + trainers + " contradicts --strategy=" +
                strategy + ", which says " + llvm::Twine(inFile.trainers));
  }
  if (!pservers.empty()) {
    job.pservers.assign(pservers.begin(), pservers.end());
    if (!inFile.pservers.empty() && inFile.pservers != job.pservers)
      failUsage("--pservers=" + llvm::join(job.pservers, ",") +
                " contradicts --strategy=" + strategy + ", which says " +
                llvm::join(inFile.pservers, ","));
  }
  checkServers(job);
  int64_t rank = 0;
  if (!trainerId.empty() && (StringRef(trainerId).getAsInteger(10, rank) ||
                             rank < 0 || rank >= job.trainers))
    failUsage("--trainer-id=" + trainerId +
              llvm::formatv(": expected 0..{0} (--trainers={1})",
                            job.trainers - 1, job.trainers)
                  .str());
  options.role = role;
  options.endpoint = endpoint;
  if (!role.empty() && role != "trainer" && role != "pserver")
    failUsage("--role=" + role + ": expected trainer or pserver");
  if (role == "pserver" && job.mode == Mode::Collective)
    failUsage("--role=pserver is for --mode=ps; a collective job has trainers "
              "only");
  if (!role.empty() && job.mode == Mode::Local)
    failUsage("--role=" + role +
              " is for --mode=ps; a local job has one program");
  if (!endpoint.empty()) {
    checkEndpoint("current-endpoint", endpoint);
    if (role != "pserver")
      failUsage("--current-endpoint goes with --role=pserver");
    if (llvm::find(job.pservers, endpoint.getValue()) == job.pservers.end())
      failUsage("--current-endpoint=" + endpoint +
                " is none of --pservers=" + llvm::join(job.pservers, ","));
  }
  options.emitPrograms = emit == "mlir" || emit == "all";
  options.emitPlans = emit == "plan" || emit == "all";
  if (!options.emitPrograms && !options.emitPlans)
    failUsage("--emit=" + emit + ": expected mlir, plan or all");
  if (output == "-" && emit != "mlir")
    failUsage("-o - prints the job module: say --emit=mlir, or name a folder");
  if (output == "-" && explain)
    failUsage("--explain prints a table, and -o - the job module: name a "
              "folder");
  options.explain = explain;
  options.targetCpu = targetCpu;
  return options;
}
