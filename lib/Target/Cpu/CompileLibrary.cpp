//===- CompileLibrary.cpp - LLVM dialect to an ELF shared object ----------===//

#include "fleet/Target/Cpu.h"

#include "lld/Common/Driver.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir;
using namespace mlir::fleet;

static const llvm::Target *lookupTarget(const std::string &triple,
                                        std::string &error) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(triple), error);
}

static std::unique_ptr<llvm::TargetMachine>
createMachine(const CpuTarget &target, std::string &error) {
  const llvm::Target *backend = lookupTarget(target.triple, error);
  if (!backend)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      llvm::Triple(target.triple), target.cpu, target.features,
      llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

llvm::Expected<CpuTarget> mlir::fleet::resolveCpuTarget(StringRef cpu) {
  CpuTarget target;
  target.triple = llvm::sys::getDefaultTargetTriple();
  target.cpu = cpu.str();
  if (cpu == "native") {
    target.cpu = llvm::sys::getHostCPUName().str();
    // A virtual machine may hide features that its CPU model has.
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      target.features += (target.features.empty() ? "" : ",") +
                         std::string(feature.second ? "+" : "-") +
                         feature.first().str();
  }
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(target, error);
  if (!machine)
    return llvm::createStringError("no code generator for %s: %s",
                                   target.triple.c_str(), error.c_str());
  const llvm::MCSubtargetInfo &subtarget = *machine->getMCSubtargetInfo();
  if (!subtarget.isCPUStringValid(target.cpu))
    return llvm::createStringError(
        "--target-cpu=%s: not a CPU of %s; try native, x86-64-v3 or znver4",
        target.cpu.c_str(), target.triple.c_str());
  for (StringRef feature :
       {"sse4.2", "avx", "avx2", "fma", "f16c", "bmi2", "avx512f", "avx512bw",
        "avx512dq", "avx512vl", "avx512cd"})
    if (subtarget.checkFeatures(("+" + feature).str()))
      target.required.push_back(feature.str());
  return target;
}

/// Asks for four vectors at a time in loops that divide, such as tanh's: the
/// divider is busy for long, and the polynomials around it wait for their own
/// steps, which other vectors can fill. LLVM finds such a loop too large to
/// interleave (measured: tanh of 128x128 in 4.4 us instead of 5.9).
static void interleaveDivisions(llvm::Function &function) {
  llvm::DominatorTree dominators(function);
  llvm::LoopInfo loops(dominators);
  for (llvm::Loop *loop : loops.getLoopsInPreorder())
    if (loop->isInnermost() &&
        llvm::any_of(loop->blocks(), [](llvm::BasicBlock *block) {
          return llvm::any_of(*block, [](llvm::Instruction &inst) {
            return inst.getOpcode() == llvm::Instruction::FDiv;
          });
        }))
      llvm::addStringMetadataToLoop(loop, "llvm.loop.interleave.count", 4);
}

/// O3, with the target's attributes on every function (without them nothing
/// becomes AVX) and no unwind tables.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  // LLVM stays at 256 bits on some CPUs for the sake of their clocks. Matrix
  // libraries use 512 beside these kernels anyway, and a polynomial such as
  // tanh takes half the instructions.
  bool wide = machine.getMCSubtargetInfo()->checkFeatures("+avx512f");
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (wide) {
      function.addFnAttr("prefer-vector-width", "512");
      interleaveDivisions(function); // 32 registers hold them
    }
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  // It would reorder sums in the rows that are left over when the loop over
  // rows is vectorized, and a row must not depend on where its range begins.
  tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

/// A kernel gets its memory from the plan: an allocation of its own would be
/// one in the step loop.
static LogicalResult checkSelfContained(ModuleOp kernels,
                                        const llvm::Module &module) {
  for (const llvm::Function &function : module)
    if (function.isDeclaration() && !function.isIntrinsic() &&
        function.getName() != "memcpy" && function.getName() != "memset" &&
        function.getName() != "memmove")
      return kernels.emitError("kernels call ")
             << function.getName() << ", which no library supplies";
  return success();
}

/// Conversions of f16 are instructions from F16C on, and a call before.
static LogicalResult checkHalves(ModuleOp kernels, const llvm::Module &module,
                                 const CpuTarget &target) {
  if (llvm::is_contained(target.required, "f16c"))
    return success();
  for (const llvm::Function &function : module)
    for (const llvm::BasicBlock &block : function)
      for (const llvm::Instruction &inst : block)
        if (inst.getType()->getScalarType()->isHalfTy() ||
            llvm::any_of(inst.operand_values(), [](const llvm::Value *value) {
              return value->getType()->getScalarType()->isHalfTy();
            }))
          return kernels.emitError("kernels convert f16, which ")
                 << target.cpu
                 << " has no instructions for; compile for a CPU with F16C, "
                    "such as x86-64-v3, or use bf16";
  return success();
}

/// Links one object into a shared object. lld keeps global state: one link at
/// a time.
static FailureOr<std::string> link(ModuleOp kernels, StringRef object) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);

  SmallString<128> objectPath, libraryPath;
  int fd = -1;
  if (std::error_code ec = llvm::sys::fs::createTemporaryFile(
          "fleet-kernels", "o", fd, objectPath))
    return kernels.emitError("cannot make a temporary file: ") << ec.message();
  llvm::scope_exit removeObject([&] { llvm::sys::fs::remove(objectPath); });
  {
    llvm::raw_fd_ostream os(fd, /*shouldClose=*/true);
    os << object;
    os.flush();
    if (os.has_error()) {
      std::string message = os.error().message();
      os.clear_error();
      return kernels.emitError("cannot write ")
             << objectPath << ": " << message;
    }
  }
  if (std::error_code ec = llvm::sys::fs::createTemporaryFile(
          "fleet-kernels", "so", libraryPath))
    return kernels.emitError("cannot make a temporary file: ") << ec.message();
  llvm::scope_exit removeLibrary([&] { llvm::sys::fs::remove(libraryPath); });

  std::string messages;
  llvm::raw_string_ostream errors(messages);
  // memcpy and memset resolve from the process that loads the library.
  lld::Result result =
      lld::lldMain({"ld.lld", "-shared", "--build-id=none", "--threads=1", "-o",
                    libraryPath.c_str(), objectPath.c_str()},
                   llvm::outs(), errors, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return kernels.emitError("cannot link kernels: ") << messages;
  auto buffer = llvm::MemoryBuffer::getFile(libraryPath, /*IsText=*/false);
  if (!buffer)
    return kernels.emitError("cannot read ")
           << libraryPath << ": " << buffer.getError().message();
  return (*buffer)->getBuffer().str();
}

FailureOr<std::string>
mlir::fleet::compileKernelLibrary(ModuleOp kernels, const CpuTarget &target) {
  MLIRContext *context = kernels.getContext();
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context->appendDialectRegistry(registry);

  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(kernels, llvmContext, "kernels");
  if (!module)
    return kernels.emitError("cannot translate kernels to LLVM IR");
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(target, error);
  if (!machine)
    return kernels.emitError("no code generator for ")
           << target.triple << ": " << error;
  module->setTargetTriple(llvm::Triple(target.triple));
  module->setDataLayout(machine->createDataLayout());
  optimize(*module, *machine);
  if (failed(checkSelfContained(kernels, *module)) ||
      failed(checkHalves(kernels, *module, target)))
    return failure();

  SmallString<0> object;
  llvm::raw_svector_ostream os(object);
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, os, nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return kernels.emitError("the code generator of ")
           << target.triple << " writes no object files";
  codegen.run(*module);
  return link(kernels, object);
}
