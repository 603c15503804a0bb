//===- Module.h - Parts that are loaded on demand ---------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_BASE_MODULE_H
#define FLEET_RUNTIME_BASE_MODULE_H

#include "runtime/base/Status.h"

namespace fleet {

/// Loads `file`, a library of a package of the system, with its symbols for
/// everybody. The error says that `what` ("backend mpi") needs `package`.
Status loadLibrary(const char *what, const char *file, const char *package);

/// The address of `symbol` in `file`, a shared object beside the program's own
/// (../lib from its folder) or where the loader looks. It stays loaded. The
/// error says that `what` needs it.
StatusOr<void *> loadModuleSymbol(const char *what, const char *file,
                                  const char *symbol);

template <typename Function>
StatusOr<Function> loadModule(const char *what, const char *file,
                              const char *symbol) {
  FLEET_ASSIGN_OR_RETURN(void *address, loadModuleSymbol(what, file, symbol));
  return reinterpret_cast<Function>(address);
}

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_MODULE_H
