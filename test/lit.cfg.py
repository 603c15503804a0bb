# How lit runs the compiler's tests: RUN lines in .mlir and .test files.

import os

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "Fleet"
config.test_format = lit.formats.ShTest(not llvm_config.use_lit_shell)
config.suffixes = [".mlir", ".test"]
# Inputs of tests, and tests that CTest runs itself.
config.excludes = ["Inputs", "Runtime", "lib", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.fleet_binary_dir, "test")

config.substitutions.append(("%fleet_source_dir", config.fleet_source_dir))
config.substitutions.append(("%fleet_plugin", config.fleet_plugin))

llvm_config.with_system_environment(["HOME", "TMP", "TEMP"])
# A variable of one test must not leak into the next CHECK-LABEL block, and a
# failure shows the lines around it, not the whole input.
llvm_config.with_environment(
    "FILECHECK_OPTS", "--enable-var-scope --dump-input-filter=error")
# Tools of the runtime half are missing where only the compiler is built.
llvm_config.add_tool_substitutions(
    ["fleet-opt", "fleet-transpile", "fleet-lsp-server",
     ToolSubst("fleet-run", unresolved="ignore"),
     ToolSubst("fleet-launch", unresolved="ignore")],
    [config.fleet_tools_dir])
llvm_config.add_tool_substitutions(
    ["FileCheck", "not", "count", "split-file", "mlir-opt"],
    [config.llvm_tools_dir])
