//===- Spell.h - Numbers as a report prints them ----------------*- C++ -*-===//

#ifndef FLEET_LIB_REPORT_SPELL_H
#define FLEET_LIB_REPORT_SPELL_H

#include "mlir/IR/BuiltinTypes.h"

#include <string>

namespace mlir::fleet {

/// "33.0 KiB".
std::string spellBytes(int64_t bytes);

/// "1.23 M".
std::string spellCount(int64_t count);

/// "13x1xf32".
std::string spellShape(ArrayRef<int64_t> shape, Type element);

} // namespace mlir::fleet

#endif // FLEET_LIB_REPORT_SPELL_H
