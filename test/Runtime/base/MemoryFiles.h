//===- MemoryFiles.h - Files that are strings -------------------*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_BASE_MEMORYFILES_H
#define FLEET_TEST_RUNTIME_BASE_MEMORYFILES_H

#include "runtime/base/Files.h"

#include <cstring>
#include <map>
#include <memory>
#include <string>

namespace fleet::test {

/// For reading only: a test that tries thousands of damaged files should not
/// wait for a disk.
class MemoryFiles final : public Files {
public:
  std::map<std::string, std::string> contents;

  StatusOr<std::unique_ptr<ReadableFile>>
  openForReading(const std::string &path) override {
    auto found = contents.find(path);
    if (found == contents.end())
      return makeError(StatusCode::NotFound, "cannot open {}", path);
    return std::unique_ptr<ReadableFile>(
        std::make_unique<Reader>(found->second, path));
  }
  StatusOr<std::unique_ptr<WritableFile>>
  create(const std::string &path) override {
    return readOnly(path);
  }
  Status rename(const std::string &, const std::string &to) override {
    return readOnly(to);
  }
  Status remove(const std::string &path) override { return readOnly(path); }
  Status makeDirectories(const std::string &path) override {
    return readOnly(path);
  }
  StatusOr<bool> exists(const std::string &path) override {
    return contents.count(path) > 0;
  }
  Status syncDirectory(const std::string &path) override {
    return readOnly(path);
  }

private:
  static Status readOnly(const std::string &path) {
    return makeError(StatusCode::InvalidArgument, "{} is read-only", path);
  }

  class Reader final : public ReadableFile {
  public:
    Reader(std::string text, std::string path)
        : text(std::move(text)), path(std::move(path)) {}
    uint64_t size() const override { return text.size(); }
    Status readAt(uint64_t offset, void *out, size_t count) override {
      if (offset > text.size() || count > text.size() - offset)
        return makeError(StatusCode::DataLoss, "{} ends too early", path);
      if (count > 0)
        std::memcpy(out, text.data() + offset, count);
      return {};
    }

  private:
    std::string text;
    std::string path;
  };
};

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_BASE_MEMORYFILES_H
