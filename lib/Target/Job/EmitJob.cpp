//===- EmitJob.cpp - From a job module to the files of a job folder -------===//

#include "fleet/Target/Job.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Plan/IR/Plan.h"
#include "fleet/Conversion/KernelsToLinalg.h"
#include "fleet/Conversion/Passes.h"
#include "fleet/Target/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "runtime/plan/PlanFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/SHA256.h"
#include <google/protobuf/text_format.h>

using namespace mlir;
using namespace mlir::fleet;
namespace proto = ::fleet::plan;

static proto::SyncMode toProto(dist::SyncMode mode) {
  switch (mode) {
  case dist::SyncMode::Sync:
    return proto::SYNC;
  case dist::SyncMode::HalfAsync:
    return proto::HALF_ASYNC;
  case dist::SyncMode::Async:
    return proto::ASYNC;
  case dist::SyncMode::Geo:
    return proto::GEO;
  }
  llvm_unreachable("unknown mode");
}

static proto::Mode toProto(dist::Mode mode) {
  switch (mode) {
  case dist::Mode::Local:
    return proto::SINGLE;
  case dist::Mode::ParameterServer:
    return proto::PARAMETER_SERVER;
  case dist::Mode::Collective:
    return proto::COLLECTIVE;
  }
  llvm_unreachable("unknown mode");
}

static proto::Role toProto(dist::RoleKind kind) {
  switch (kind) {
  case dist::RoleKind::Local:
    return proto::LOCAL;
  case dist::RoleKind::Trainer:
    return proto::TRAINER;
  case dist::RoleKind::PServer:
    return proto::PSERVER;
  }
  llvm_unreachable("unknown role");
}

/// Identifies what a job computes: the text of the whole job module. Peers that
/// were transpiled from another program, or otherwise, have another hash.
static std::string hashJob(ModuleOp job) {
  std::string text;
  llvm::raw_string_ostream os(text);
  job->print(os, OpPrintingFlags().useLocalScope());
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  return llvm::toHex(digest, /*LowerCase=*/true);
}

/// The module as text that can be read again, with its source locations.
static std::string printProgram(ModuleOp program) {
  std::string text;
  llvm::raw_string_ostream os(text);
  program->print(os, OpPrintingFlags().useLocalScope());
  os << "\n";
  return text;
}

/// The kernels of a role module, compiled.
static FailureOr<std::string> compileKernels(ModuleOp role,
                                             const CpuTarget &target,
                                             const EmitOptions &options) {
  OwningOpRef<ModuleOp> kernels = ModuleOp::create(role.getLoc());
  OpBuilder b = OpBuilder::atBlockBegin(kernels->getBody());
  bool any = false;
  for (auto kernel : role.getOps<func::FuncOp>())
    if (kernel->hasAttr(kRowsAttr)) {
      b.clone(*kernel);
      any = true;
    }
  if (!any)
    return std::string();
  PassManager pm(kernels->getContext());
  if (options.configure && failed(options.configure(pm)))
    return failure();
  pm.addPass(createConvertKernelsToLinalgPass());
  buildKernelsToLLVMPipeline(pm);
  if (failed(pm.run(*kernels)))
    return failure();
  return compileKernelLibrary(*kernels, target);
}

static FailureOr<std::string> emitPlan(ModuleOp role, dist::JobAttr job,
                                       StringRef name, StringRef hash,
                                       const CpuTarget &target,
                                       const EmitOptions &options) {
  auto programs = role.getOps<plan::ProgramOp>();
  if (programs.empty())
    return role.emitError("has no plan.program");
  proto::Plan plan;
  plan.set_producer("fleet-transpile 0.1 (LLVM " LLVM_VERSION_STRING ")");
  plan.set_job(name.str());
  plan.set_program_hash(hash.str());
  plan.set_mode(toProto(job.getMode()));
  plan.set_sync_mode(toProto(job.getSync()));
  plan.set_trainers(job.getTrainers());
  if (failed(translateToPlan(*programs.begin(), plan)))
    return failure();
  FailureOr<std::string> library = compileKernels(role, target, options);
  if (failed(library))
    return failure();
  plan.set_library(std::move(*library));
  plan.set_library_target(target.triple + "," + target.cpu);
  for (const std::string &feature : target.required)
    plan.add_required_cpu_features(feature);
  auto file = ::fleet::encodePlanFile(plan);
  if (!file.ok())
    return role.emitError() << file.status().message();
  return std::move(*file);
}

FailureOr<std::vector<JobFile>>
mlir::fleet::emitJob(ModuleOp job, ModuleOp planned, const CpuTarget &target,
                     const EmitOptions &options) {
  dist::JobAttr attr = dist::getJob(job);
  if (!attr)
    return job.emitError("is no job module: it has no fleet.job");
  std::string hash = hashJob(job);
  StringRef jobName = job.getName().value_or("job");
  proto::Job contents;
  contents.set_schema_version(::fleet::kPlanSchemaVersion);
  contents.set_name(jobName.str());
  contents.set_program_hash(hash);
  contents.set_mode(toProto(attr.getMode()));
  contents.set_sync_mode(toProto(attr.getSync()));
  contents.set_trainers(attr.getTrainers());

  std::vector<JobFile> files;
  bool emitted = false;
  for (auto role : job.getOps<ModuleOp>()) {
    dist::RoleAttr roleAttr = dist::getRole(role);
    if (!roleAttr)
      continue;
    proto::Job::Program program;
    program.set_role(toProto(roleAttr.getKind()));
    program.set_index(roleAttr.getIndex().value_or(0));
    std::string stem = dist::stringifyRoleKind(roleAttr.getKind()).str();
    role.walk([&](dist::ServeOp serve) {
      program.set_endpoint(serve.getEndpoint().str());
      contents.add_pservers(program.endpoint());
      stem += "-" + std::to_string(program.index());
    });
    if (!options.role.empty() &&
        options.role != dist::stringifyRoleKind(roleAttr.getKind()))
      continue;
    if (!options.endpoint.empty() && !program.endpoint().empty() &&
        options.endpoint != program.endpoint())
      continue;
    emitted = true;
    if (options.programs) {
      program.set_source(stem + ".mlir");
      files.push_back({program.source(), printProgram(role)});
    }
    if (options.plans) {
      auto target_role = planned.lookupSymbol<ModuleOp>(role.getNameAttr());
      FailureOr<std::string> plan =
          emitPlan(target_role, attr, jobName, hash, target, options);
      if (failed(plan))
        return failure();
      program.set_plan(stem + ".plan");
      files.push_back({program.plan(), std::move(*plan)});
    }
    *contents.add_programs() = program;
  }
  if (!emitted) {
    std::string endpoints;
    for (const std::string &endpoint : contents.pservers())
      endpoints += (endpoints.empty() ? "" : ", ") + endpoint;
    if (!options.endpoint.empty())
      return emitError(UnknownLoc::get(job.getContext()))
             << "--current-endpoint=" << options.endpoint
             << " is none of the servers of the job: " << endpoints;
    return emitError(UnknownLoc::get(job.getContext()))
           << "--role=" << options.role << ": the job has no such program";
  }
  std::string text;
  google::protobuf::TextFormat::PrintToString(contents, &text);
  files.push_back(
      {"job.textproto", "# A Fleet job: what is in this folder.\n" + text});
  return files;
}
