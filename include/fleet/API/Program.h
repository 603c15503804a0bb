//===- Program.h - A training program for one machine -----------*- C++ -*-===//

#ifndef FLEET_API_PROGRAM_H
#define FLEET_API_PROGRAM_H

#include "runtime/base/Status.h"

#include <memory>
#include <string>

namespace fleet::api {

/// A module of optim.parameter ops and a function @main that ends in
/// optim.minimize (docs/getting-started.md), read and verified. Immutable;
/// copies share it, also between threads.
class Program {
public:
  /// Reads FILE.mlir. The error is the first diagnostic, as
  /// "FILE:LINE:COLUMN: what", with its notes behind it.
  static StatusOr<Program> readFile(const std::string &path);
  /// The same for a text; `name` stands for the file.
  static StatusOr<Program> parse(const std::string &text,
                                 const std::string &name = "<program>");

  /// The program as text.
  std::string text() const;

  struct Implementation;
  Implementation &implementation() const { return *shared; }

private:
  explicit Program(std::shared_ptr<Implementation> shared)
      : shared(std::move(shared)) {}
  std::shared_ptr<Implementation> shared;
};

} // namespace fleet::api

#endif // FLEET_API_PROGRAM_H
