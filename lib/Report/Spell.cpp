//===- Spell.cpp - Numbers as a report prints them ------------------------===//

#include "lib/Report/Spell.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::fleet;

std::string mlir::fleet::spellBytes(int64_t bytes) {
  static constexpr const char *kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = bytes;
  unsigned unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0)
    return llvm::formatv("{0} B", bytes);
  return llvm::formatv("{0:f1} {1}", value, kUnits[unit]);
}

std::string mlir::fleet::spellCount(int64_t count) {
  static constexpr const char *kUnits[] = {"", " k", " M", " G", " T"};
  double value = count;
  unsigned unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0)
    return std::to_string(count);
  return llvm::formatv("{0:f2}{1}", value, kUnits[unit]);
}

std::string mlir::fleet::spellShape(ArrayRef<int64_t> shape, Type element) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (int64_t extent : shape)
    os << extent << "x";
  os << element;
  return text;
}
