//===- Module.h - Backends that are loaded on demand ------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_COLLECTIVE_MODULE_H
#define FLEET_RUNTIME_COLLECTIVE_MODULE_H

#include "runtime/base/Status.h"

namespace fleet {

/// The address of `symbol` in `file`, a shared object beside the program's own
/// (../lib from its folder) or where the loader looks. It stays loaded. The
/// error says that `backend` needs it.
StatusOr<void *> loadModuleSymbol(const char *backend, const char *file,
                                  const char *symbol);

template <typename Function>
StatusOr<Function> loadModule(const char *backend, const char *file,
                              const char *symbol) {
  FLEET_ASSIGN_OR_RETURN(void *address,
                         loadModuleSymbol(backend, file, symbol));
  return reinterpret_cast<Function>(address);
}

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_MODULE_H
