//===- TemporaryDirectory.h - A folder that goes with its test --*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_BASE_TEMPORARYDIRECTORY_H
#define FLEET_TEST_RUNTIME_BASE_TEMPORARYDIRECTORY_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace fleet::test {

class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "fleet-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      throw std::runtime_error("cannot make a temporary directory");
    root = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;

  const std::string &path() const { return root; }
  std::string file(const std::string &name) const { return root + "/" + name; }

  /// Makes a file with `text` in it and returns its path.
  std::string write(const std::string &name, std::string_view text) const {
    std::ofstream stream(file(name), std::ios::binary);
    stream.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!stream.flush())
      throw std::runtime_error("cannot write " + file(name));
    return file(name);
  }
  std::string read(const std::string &name) const {
    std::ifstream stream(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream),
            std::istreambuf_iterator<char>()};
  }

private:
  std::string root;
};

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_BASE_TEMPORARYDIRECTORY_H
