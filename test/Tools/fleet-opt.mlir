// The tool has Fleet's dialects and passes, and the general passes of upstream.
// RUN: fleet-opt --show-dialects | FileCheck %s --check-prefix=DIALECTS
// RUN: fleet-opt --help | FileCheck %s --check-prefix=PASSES
// RUN: not fleet-opt %s 2>&1 | FileCheck %s --check-prefix=ERROR

// DIALECTS: Available Dialects: {{.*}},fleet,{{.*}},linalg,{{.*}},nn,optim,plan,
// PASSES-DAG: --canonicalize
// PASSES-DAG: --cse
// PASSES-DAG: --nn-decompose
// PASSES-DAG: --symbol-dce
// ERROR: fleet-opt.mlir:[[# @LINE+1]]:1: error: {{.*}}custom op 'nn.nonsense' is unknown
nn.nonsense
