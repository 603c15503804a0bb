//===- Cpu.h - Kernels to a shared object -----------------------*- C++ -*-===//
//
// Ahead-of-time code generation for CPU kernels: loops on buffers (`linalg` on
// memrefs) to the LLVM dialect, to LLVM IR, to an ELF shared object that the
// runtime loads. Kernels need no symbol of anybody else.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TARGET_CPU_H
#define FLEET_TARGET_CPU_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::fleet {

/// A CPU to generate code for.
struct CpuTarget {
  std::string triple;
  std::string cpu;      ///< LLVM's name, e.g. "znver4" or "x86-64-v3"
  std::string features; ///< LLVM's feature string; empty: what `cpu` has
  /// The features among those that a loader can check and that `cpu` has.
  std::vector<std::string> required;
};

/// Resolves `--target-cpu`: "native" is this machine; otherwise a CPU name
/// that LLVM knows. The error names the CPU and some that exist.
llvm::Expected<CpuTarget> resolveCpuTarget(llvm::StringRef cpu);

/// Adds the passes from kernels on memrefs with `linalg` to the LLVM dialect.
void buildKernelsToLLVMPipeline(OpPassManager &pm);

/// Compiles a module in the LLVM dialect to the bytes of an ELF shared object.
/// Thread-safe (linking is serialized). Errors are emitted at `kernels`.
FailureOr<std::string> compileKernelLibrary(ModuleOp kernels,
                                            const CpuTarget &target);

} // namespace mlir::fleet

#endif // FLEET_TARGET_CPU_H
