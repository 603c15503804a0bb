//===- ReadProgram.cpp - Reading a single-machine program -----------------===//

#include "fleet/Ingest/Program.h"

#include "dialects/Optim/IR/Optim.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::fleet;

static constexpr llvm::StringLiteral kNameAttr = "fleet.name";

/// "%x" in the text is the name "x"; "%0" is none.
static StringRef nameOf(const AsmParserState::SMDefinition &definition) {
  const char *begin = definition.loc.Start.getPointer();
  const char *end = definition.loc.End.getPointer();
  if (!begin || end <= begin)
    return {};
  StringRef name(begin, end - begin);
  name.consume_front("%");
  name = name.split(':').first.trim();
  return name.empty() || std::isdigit(static_cast<unsigned char>(name.front()))
             ? StringRef()
             : name;
}

static StringRef nameOf(Value value, const AsmParserState &state) {
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return {};
  const auto *definition = state.getOpDef(result.getOwner());
  if (!definition || definition->resultGroups.empty())
    return {};
  return nameOf(definition->resultGroups.front().definition);
}

/// Keeps the names that the user gave to arguments and results.
static void nameInterface(func::FuncOp function, const AsmParserState &state) {
  if (function.isExternal())
    return;
  Builder b(function.getContext());
  Block &entry = function.getBody().front();
  if (const auto *definition = state.getBlockDef(&entry))
    for (auto [i, argument] : llvm::enumerate(definition->arguments))
      if (StringRef name = nameOf(argument); !name.empty() &&
                                             i < function.getNumArguments() &&
                                             !function.getArgAttr(i, kNameAttr))
        function.setArgAttr(i, kNameAttr, b.getStringAttr(name));
  auto ret = dyn_cast<func::ReturnOp>(entry.getTerminator());
  if (!ret)
    return;
  for (auto [i, value] : llvm::enumerate(ret.getOperands())) {
    if (function.getResultAttr(i, kNameAttr))
      continue;
    bool isMinimized = llvm::any_of(value.getUsers(), [](Operation *user) {
      return isa<fleet::optim::MinimizeOp>(user);
    });
    StringRef name = isMinimized ? "loss" : nameOf(value, state);
    if (!name.empty())
      function.setResultAttr(i, kNameAttr, b.getStringAttr(name));
  }
}

/// MLIR ignores attributes that an operation does not know; the user meant
/// something by them, such as a feature of another version.
static LogicalResult refuseUnknownAttributes(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      if (!attribute.getName().getValue().contains('.')) {
        op->emitOpError("has no attribute '")
            << attribute.getName().getValue()
            << "'; attributes of other tools have a prefix, as in 'tool.name'";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Reads what is in `file`, whose name diagnostics give.
static OwningOpRef<ModuleOp>
readBuffer(std::unique_ptr<llvm::MemoryBuffer> file, MLIRContext &context) {
  std::string name = file->getBufferIdentifier().str();
  auto fail = [&](const llvm::Twine &message, unsigned line = 1,
                  unsigned column = 1) {
    emitError(FileLineColLoc::get(&context, name, line, column), message);
    return OwningOpRef<ModuleOp>();
  };
  StringRef text = file->getBuffer();
  if (std::optional<SourceProblem> problem = checkSource(text, SourceLimits()))
    return fail("the program " + problem->what, problem->line, problem->column);
  if (text.trim().empty())
    return fail("the program is empty");

  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(file), SMLoc());
  ParserConfig config(&context, /*verifyAfterParse=*/true);
  Block block;
  AsmParserState state;
  if (failed(parseAsmSourceFile(sources, &block, config, &state)))
    return {};
  if (!llvm::hasSingleElement(block) || !isa<ModuleOp>(block.front())) {
    // What is not in a module is in an anonymous one, as everywhere in MLIR.
    return fail("expected one module with the program, such as "
                "module @fit_a_line { ... }");
  }
  auto module = cast<ModuleOp>(block.front());
  if (failed(verify(module)) || failed(refuseUnknownAttributes(module)))
    return {};
  module.walk([&](func::FuncOp function) { nameInterface(function, state); });
  module->remove();
  return module;
}

OwningOpRef<ModuleOp> mlir::fleet::readProgram(StringRef path,
                                               MLIRContext &context) {
  // Read as text, so that the buffer ends in the zero byte that the lexer
  // needs.
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(path, /*IsText=*/true);
  if (!file) {
    emitError(
        FileLineColLoc::get(&context, path == "-" ? "<stdin>" : path, 1, 1),
        "cannot read the program: " + file.getError().message());
    return {};
  }
  return readBuffer(std::move(*file), context);
}

OwningOpRef<ModuleOp> mlir::fleet::parseProgram(StringRef text, StringRef name,
                                                MLIRContext &context) {
  return readBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name), context);
}
