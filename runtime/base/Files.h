//===- Files.h - The file system behind an interface ------------*- C++ -*-===//
//
// Everything that the runtime reads or writes on disk goes through here, so
// that a test can make the k-th operation fail or end the process there.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_BASE_FILES_H
#define FLEET_RUNTIME_BASE_FILES_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace fleet {

/// Bytes that somebody else owns.
struct ByteSpan {
  const void *data = nullptr;
  size_t size = 0;
};

/// A file open for reading. Reads of disjoint ranges may run at the same time.
class ReadableFile {
public:
  virtual ~ReadableFile() = default;
  /// Length in bytes when it was opened.
  virtual uint64_t size() const = 0;
  /// Reads exactly `count` bytes at `offset`; DataLoss when the file is
  /// shorter.
  virtual Status readAt(uint64_t offset, void *out, size_t count) = 0;
};

/// A file open for writing, at its end. Not thread-safe. Closed on destruction,
/// but errors of closing are only reported by close().
class WritableFile {
public:
  virtual ~WritableFile() = default;
  virtual Status write(const void *data, size_t size) = 0;
  /// Returns when all bytes are on the disk.
  virtual Status sync() = 0;
  virtual Status close() = 0;
};

/// The operations. Errors name the path and say what the system said. All
/// implementations are thread-safe.
class Files {
public:
  virtual ~Files() = default;
  /// Regular files only (a directory, a pipe or a device is an error).
  virtual StatusOr<std::unique_ptr<ReadableFile>>
  openForReading(const std::string &path) = 0;
  /// An empty file at `path`: new, or what was there is cut to nothing. A
  /// symbolic link at `path` is not followed.
  virtual StatusOr<std::unique_ptr<WritableFile>>
  create(const std::string &path) = 0;
  /// Atomic; replaces `to`.
  virtual Status rename(const std::string &from, const std::string &to) = 0;
  virtual Status remove(const std::string &path) = 0;
  /// Makes `path` and the directories above it; fine when it exists.
  virtual Status makeDirectories(const std::string &path) = 0;
  virtual StatusOr<bool> exists(const std::string &path) = 0;
  /// Makes renames and creations inside the directory durable.
  virtual Status syncDirectory(const std::string &path) = 0;
};

/// The machine's file system.
class SystemFiles final : public Files {
public:
  StatusOr<std::unique_ptr<ReadableFile>>
  openForReading(const std::string &path) override;
  StatusOr<std::unique_ptr<WritableFile>>
  create(const std::string &path) override;
  Status rename(const std::string &from, const std::string &to) override;
  Status remove(const std::string &path) override;
  Status makeDirectories(const std::string &path) override;
  StatusOr<bool> exists(const std::string &path) override;
  Status syncDirectory(const std::string &path) override;
};

/// All bytes of a file that has at most `maxBytes` of them (checked before
/// anything is allocated).
StatusOr<std::string> readFile(Files &files, const std::string &path,
                               uint64_t maxBytes);

/// Writes `parts` one after the other as the file `path`, whole or not at all:
/// into a temporary name in the same directory, synced, renamed over `path`,
/// directory synced. On an error what was at `path` before is still there,
/// except that an error of the very last sync may come after the rename.
Status writeFileAtomically(Files &files, const std::string &path,
                           const std::vector<ByteSpan> &parts);

/// `directory` + "/" + `name`, without doubling the slash.
std::string joinPath(const std::string &directory, const std::string &name);

/// What is before the last slash; "." when there is none.
std::string directoryOf(const std::string &path);

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_FILES_H
