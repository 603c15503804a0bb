//===- SourceLimits.cpp - Refusing text that would break the parser -------===//
//
// MLIR's parser recurses with the nesting of its input and overflows the stack
// at a few thousand levels; no handler can catch that. So the text is measured
// before it is parsed.
//
//===----------------------------------------------------------------------===//

#include "fleet/Ingest/Program.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace {

/// Walks over the text, outside of strings and comments.
class Scanner {
public:
  Scanner(StringRef text, const fleet::SourceLimits &limits)
      : text(text), limits(limits) {}

  std::optional<fleet::SourceProblem> scan() {
    for (; at < text.size(); ++at)
      if (!scanCharacter())
        return problem;
    return std::nullopt;
  }

private:
  bool scanCharacter() {
    char c = text[at];
    if (c == '\n') {
      ++line;
      lineStart = at + 1;
      operators = 0;
      return true;
    }
    if (c == '\0')
      return fail("is not text: it contains a zero byte");
    if (c == '"')
      return skipString();
    if (text.substr(at).starts_with("//")) {
      size_t end = text.find('\n', at);
      at = (end == StringRef::npos ? text.size() : end) - 1;
      return true;
    }
    if (text.substr(at).starts_with("->")) {
      ++at;
      return true;
    }
    if (text.substr(at).starts_with("affine_"))
      operators = 1;
    else if (operators && isOperator() && ++operators > limits.operators)
      return fail(llvm::formatv("has more than {0} operators in an "
                                "affine expression",
                                limits.operators));
    if (StringRef("([{<").contains(c)) {
      if (++depth > limits.depth)
        return fail(
            llvm::formatv("is nested more than {0} deep", limits.depth));
    } else if (StringRef(")]}>").contains(c) && depth > 0) {
      --depth;
    }
    return true;
  }

  bool isOperator() const {
    StringRef rest = text.substr(at);
    return StringRef("+-*").contains(rest.front()) || rest.starts_with("mod") ||
           rest.starts_with("floordiv") || rest.starts_with("ceildiv");
  }

  bool skipString() {
    for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at)
      if (text[at] == '\\')
        ++at;
    if (at < text.size() && text[at] == '\n')
      --at; // the parser complains of it
    return true;
  }

  bool fail(const std::string &what) {
    problem = {static_cast<unsigned>(line),
               static_cast<unsigned>(at - lineStart + 1), what};
    return false;
  }

  StringRef text;
  const fleet::SourceLimits &limits;
  size_t at = 0, line = 1, lineStart = 0;
  unsigned depth = 0, operators = 0;
  fleet::SourceProblem problem;
};

} // namespace

std::optional<fleet::SourceProblem>
mlir::fleet::checkSource(StringRef text, const SourceLimits &limits) {
  if (text.size() > limits.bytes)
    return SourceProblem{1, 1,
                         llvm::formatv("has {0} bytes, more than {1}",
                                       text.size(), limits.bytes)};
  return Scanner(text, limits).scan();
}
