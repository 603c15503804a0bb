//===- Module.cpp - Parts that are loaded on demand -----------------------===//

#include "runtime/base/Module.h"

#include <climits>
#include <dlfcn.h>
#include <unistd.h>

using namespace fleet;

Status fleet::loadLibrary(const char *what, const char *file,
                          const char *package) {
  if (dlopen(file, RTLD_NOW | RTLD_GLOBAL))
    return Status();
  return makeError(StatusCode::Unavailable, "{} needs {} (package {}): {}",
                   what, file, package, dlerror());
}

StatusOr<void *> fleet::loadModuleSymbol(const char *what, const char *file,
                                         const char *symbol) {
  void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  std::string reason = module ? "" : dlerror();
  char self[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", self, sizeof(self));
  if (!module && size > 0) {
    std::string folder(self, static_cast<size_t>(size));
    folder.resize(folder.rfind('/'));
    std::string path = folder + "/../lib/" + file;
    if (access(path.c_str(), F_OK) == 0) {
      module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
      reason = module ? "" : dlerror();
    }
  }
  if (!module)
    return makeError(StatusCode::Unavailable,
                     "{} is a module that is not there or does not load: {}",
                     what, reason);
  void *address = dlsym(module, symbol);
  if (!address)
    return makeError(StatusCode::Unavailable,
                     "{} has no {}: it is of another version", file, symbol);
  return address;
}
