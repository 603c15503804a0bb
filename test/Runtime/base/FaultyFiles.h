//===- FaultyFiles.h - A file system that fails on request ------*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_BASE_FAULTYFILES_H
#define FLEET_TEST_RUNTIME_BASE_FAULTYFILES_H

#include "runtime/base/Files.h"

#include <memory>
#include <string>
#include <utility>

namespace fleet::test {

/// Passes operations on to another file system, except for one.
class FaultyFiles final : public Files {
public:
  enum class Fault {
    IoError,    ///< the operation fails, the next ones work
    DiskFull,   ///< a write writes half and fails; others fail; next ones work
    Crash,      ///< nothing happens from here on, as if the process had ended
    ShortCrash, ///< like Crash, but a write gets half of its bytes out
  };

  /// Operation `failing` (counted from 0; -1 for none) fails.
  FaultyFiles(Files &base, Fault fault, int failing)
      : base(base), fault(fault), failing(failing) {}

  /// How many operations were asked for.
  int operations() const { return count; }
  bool failed() const { return count > failing && failing >= 0; }

  StatusOr<std::unique_ptr<ReadableFile>>
  openForReading(const std::string &path) override {
    FLEET_RETURN_IF_ERROR(next(path));
    FLEET_ASSIGN_OR_RETURN(auto file, base.openForReading(path));
    return std::unique_ptr<ReadableFile>(
        std::make_unique<Reader>(*this, std::move(file), path));
  }
  StatusOr<std::unique_ptr<WritableFile>>
  create(const std::string &path) override {
    FLEET_RETURN_IF_ERROR(next(path));
    FLEET_ASSIGN_OR_RETURN(auto file, base.create(path));
    return std::unique_ptr<WritableFile>(
        std::make_unique<Writer>(*this, std::move(file), path));
  }
  Status rename(const std::string &from, const std::string &to) override {
    FLEET_RETURN_IF_ERROR(next(to));
    return base.rename(from, to);
  }
  Status remove(const std::string &path) override {
    FLEET_RETURN_IF_ERROR(next(path));
    return base.remove(path);
  }
  Status makeDirectories(const std::string &path) override {
    FLEET_RETURN_IF_ERROR(next(path));
    return base.makeDirectories(path);
  }
  StatusOr<bool> exists(const std::string &path) override {
    FLEET_RETURN_IF_ERROR(next(path));
    return base.exists(path);
  }
  Status syncDirectory(const std::string &path) override {
    FLEET_RETURN_IF_ERROR(next(path));
    return base.syncDirectory(path);
  }

private:
  bool crashes() const {
    return fault == Fault::Crash || fault == Fault::ShortCrash;
  }
  /// Counts an operation and says whether it is to fail.
  Status next(const std::string &path) {
    int index = count++;
    if (failing < 0 || index < failing || (index > failing && !crashes()))
      return {};
    return makeError(StatusCode::InvalidArgument, "injected fault at {}", path);
  }

  class Reader final : public ReadableFile {
  public:
    Reader(FaultyFiles &owner, std::unique_ptr<ReadableFile> file,
           std::string path)
        : owner(owner), file(std::move(file)), path(std::move(path)) {}
    uint64_t size() const override { return file->size(); }
    Status readAt(uint64_t offset, void *out, size_t size) override {
      FLEET_RETURN_IF_ERROR(owner.next(path));
      return file->readAt(offset, out, size);
    }

  private:
    FaultyFiles &owner;
    std::unique_ptr<ReadableFile> file;
    std::string path;
  };

  class Writer final : public WritableFile {
  public:
    Writer(FaultyFiles &owner, std::unique_ptr<WritableFile> file,
           std::string path)
        : owner(owner), file(std::move(file)), path(std::move(path)) {}
    Status write(const void *data, size_t size) override {
      bool first = owner.count == owner.failing;
      if (Status status = owner.next(path); !status.ok()) {
        if (first && (owner.fault == Fault::DiskFull ||
                      owner.fault == Fault::ShortCrash))
          FLEET_RETURN_IF_ERROR(file->write(data, size / 2));
        return status;
      }
      return file->write(data, size);
    }
    Status sync() override {
      FLEET_RETURN_IF_ERROR(owner.next(path));
      return file->sync();
    }
    Status close() override {
      FLEET_RETURN_IF_ERROR(owner.next(path));
      return file->close();
    }

  private:
    FaultyFiles &owner;
    std::unique_ptr<WritableFile> file;
    std::string path;
  };

  Files &base;
  Fault fault;
  int failing;
  int count = 0;
};

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_BASE_FAULTYFILES_H
