//===- WriteJob.cpp - Files of a job folder to disk -----------------------===//

#include "fleet/Target/Job.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

bool mlir::fleet::writeJob(StringRef directory,
                           const std::vector<JobFile> &files,
                           std::string &error) {
  if (std::error_code ec = llvm::sys::fs::create_directories(directory)) {
    error = "cannot make the folder " + directory.str() + ": " + ec.message();
    return false;
  }
  // All files are there under temporary names before the first gets its own.
  std::vector<llvm::sys::fs::TempFile> written;
  auto discard = [&](const std::string &path, const std::string &why) {
    for (llvm::sys::fs::TempFile &file : written)
      llvm::consumeError(file.discard());
    error = "cannot write " + path + ": " + why;
    return false;
  };
  for (const JobFile &file : files) {
    SmallString<128> path(directory);
    llvm::sys::path::append(path, file.name);
    auto temporary = llvm::sys::fs::TempFile::create(
        path + ".tmp-%%%%%%",
        llvm::sys::fs::all_read | llvm::sys::fs::all_write);
    if (!temporary)
      return discard(path.str().str(), llvm::toString(temporary.takeError()));
    written.push_back(std::move(*temporary));
    llvm::raw_fd_ostream os(written.back().FD, /*shouldClose=*/false);
    os << file.contents;
    os.flush();
    if (os.has_error()) {
      std::string why = os.error().message();
      os.clear_error();
      return discard(path.str().str(), why);
    }
  }
  bool ok = true;
  for (auto [temporary, file] : llvm::zip(written, files)) {
    SmallString<128> path(directory);
    llvm::sys::path::append(path, file.name);
    if (!ok) {
      llvm::consumeError(temporary.discard());
      continue;
    }
    if (llvm::Error failure = temporary.keep(path)) {
      error = "cannot write " + path.str().str() + ": " +
              llvm::toString(std::move(failure));
      ok = false;
    }
  }
  return ok;
}
