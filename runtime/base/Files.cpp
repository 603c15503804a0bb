//===- Files.cpp - The file system behind an interface --------------------===//

#include "runtime/base/Files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fleet;

namespace {

/// The largest count that one read or write call takes on Linux.
constexpr size_t largestTransfer = size_t(1) << 30;

Status systemError(const char *what, const std::string &path, int error) {
  StatusCode code = error == ENOENT || error == ENOTDIR
                        ? StatusCode::NotFound
                        : StatusCode::InvalidArgument;
  return makeError(code, "cannot {} {}: {}", what, path,
                   std::generic_category().message(error));
}

class Descriptor {
public:
  explicit Descriptor(int number) : number(number) {}
  ~Descriptor() {
    if (number >= 0)
      ::close(number);
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  int get() const { return number; }
  int release() { return std::exchange(number, -1); }

private:
  int number;
};

class SystemReadableFile final : public ReadableFile {
public:
  SystemReadableFile(int descriptor, std::string path, uint64_t length)
      : descriptor(descriptor), path(std::move(path)), length(length) {}

  uint64_t size() const override { return length; }

  Status readAt(uint64_t offset, void *out, size_t count) override {
    auto *next = static_cast<char *>(out);
    while (count > 0) {
      ssize_t got =
          ::pread(descriptor.get(), next, std::min(count, largestTransfer),
                  static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return systemError("read", path, errno);
      if (got == 0)
        return makeError(StatusCode::DataLoss,
                         "{} ends at byte {}, {} bytes too early", path, offset,
                         count);
      next += got;
      offset += static_cast<uint64_t>(got);
      count -= static_cast<size_t>(got);
    }
    return {};
  }

private:
  Descriptor descriptor;
  std::string path;
  uint64_t length;
};

class SystemWritableFile final : public WritableFile {
public:
  SystemWritableFile(int descriptor, std::string path)
      : descriptor(descriptor), path(std::move(path)) {}

  Status write(const void *data, size_t size) override {
    const auto *next = static_cast<const char *>(data);
    while (size > 0) {
      ssize_t put =
          ::write(descriptor.get(), next, std::min(size, largestTransfer));
      if (put < 0 && errno == EINTR)
        continue;
      if (put <= 0)
        return systemError("write", path, put < 0 ? errno : ENOSPC);
      next += put;
      size -= static_cast<size_t>(put);
    }
    return {};
  }

  Status sync() override {
    if (::fsync(descriptor.get()) != 0)
      return systemError("sync", path, errno);
    return {};
  }

  Status close() override {
    // On Linux the descriptor is gone even when close() reports an error.
    int number = descriptor.release();
    if (number >= 0 && ::close(number) != 0)
      return systemError("close", path, errno);
    return {};
  }

private:
  Descriptor descriptor;
  std::string path;
};

} // namespace

StatusOr<std::unique_ptr<ReadableFile>>
SystemFiles::openForReading(const std::string &path) {
  // Non-blocking, so that opening a pipe by mistake does not wait for a writer.
  Descriptor descriptor(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0)
    return systemError("open", path, errno);
  struct stat facts;
  if (::fstat(descriptor.get(), &facts) != 0)
    return systemError("open", path, errno);
  if (!S_ISREG(facts.st_mode))
    return makeError(StatusCode::InvalidArgument, "{} is not a regular file",
                     path);
  return std::unique_ptr<ReadableFile>(std::make_unique<SystemReadableFile>(
      descriptor.release(), path, static_cast<uint64_t>(facts.st_size)));
}

StatusOr<std::unique_ptr<WritableFile>>
SystemFiles::create(const std::string &path) {
  Descriptor descriptor(
      ::open(path.c_str(),
             O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (descriptor.get() < 0)
    return systemError("create", path, errno);
  return std::unique_ptr<WritableFile>(
      std::make_unique<SystemWritableFile>(descriptor.release(), path));
}

Status SystemFiles::rename(const std::string &from, const std::string &to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return systemError("rename a finished file to", to, errno);
  return {};
}

Status SystemFiles::remove(const std::string &path) {
  if (::unlink(path.c_str()) != 0)
    return systemError("remove", path, errno);
  return {};
}

Status SystemFiles::makeDirectories(const std::string &path) {
  // Each prefix that ends before a slash, then the whole.
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string prefix = path.substr(0, end);
    if (::mkdir(prefix.c_str(), 0777) != 0) {
      int error = errno;
      struct stat facts;
      bool isDirectory =
          ::stat(prefix.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
      if (!isDirectory)
        return systemError("make directory", prefix,
                           error == EEXIST ? ENOTDIR : error);
    }
    if (end == std::string::npos)
      return {};
  }
}

StatusOr<bool> SystemFiles::exists(const std::string &path) {
  struct stat facts;
  if (::stat(path.c_str(), &facts) == 0)
    return true;
  if (errno == ENOENT || errno == ENOTDIR)
    return false;
  return systemError("look at", path, errno);
}

Status SystemFiles::syncDirectory(const std::string &path) {
  Descriptor descriptor(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0)
    return systemError("open directory", path, errno);
  // Some file systems cannot sync a directory and say EINVAL: their renames are
  // as durable as they will ever be.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL)
    return systemError("sync directory", path, errno);
  return {};
}

StatusOr<std::string> fleet::readFile(Files &files, const std::string &path,
                                      uint64_t maxBytes) {
  FLEET_ASSIGN_OR_RETURN(auto file, files.openForReading(path));
  if (file->size() > maxBytes)
    return makeError(StatusCode::InvalidArgument,
                     "{} has {} bytes; at most {} are accepted", path,
                     file->size(), maxBytes);
  std::string text(file->size(), '\0');
  FLEET_RETURN_IF_ERROR(file->readAt(0, text.data(), text.size()));
  return text;
}

Status fleet::writeFileAtomically(Files &files, const std::string &path,
                                  const std::vector<ByteSpan> &parts) {
  std::string directory = directoryOf(path);
  // One fixed name: what a crash left behind is overwritten by the next write.
  std::string temporary = path + ".tmp";
  auto writeAll = [&]() -> Status {
    FLEET_ASSIGN_OR_RETURN(auto file, files.create(temporary));
    for (const ByteSpan &part : parts)
      FLEET_RETURN_IF_ERROR(file->write(part.data, part.size));
    FLEET_RETURN_IF_ERROR(file->sync());
    FLEET_RETURN_IF_ERROR(file->close());
    return files.rename(temporary, path);
  };
  Status written = writeAll();
  if (!written.ok()) {
    // Best effort; the first error is the one to report.
    Status removed = files.remove(temporary);
    (void)removed;
    return written;
  }
  return files.syncDirectory(directory);
}

std::string fleet::joinPath(const std::string &directory,
                            const std::string &name) {
  if (directory.empty() || directory.back() == '/')
    return directory + name;
  return directory + "/" + name;
}

std::string fleet::directoryOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}
