#!/usr/bin/env bash
# The two halves know nothing of each other but plan.proto: checked by the
# include lines, and by what the runtime's tools load.
#   check-halves.sh SOURCE_DIR [RUNTIME_TOOL...]
set -euo pipefail
source=$1
shift
status=0
fail() {
  echo "$1" >&2
  status=1
}
bad=$(grep -rnE '#include [<"](mlir|llvm|lld|dialects|fleet/(Transforms|Kernels|Conversion|Target|Pipelines|Ingest|Analysis|InitAll))[/.]' \
  "$source/runtime" "$source"/tools/fleet-run "$source"/tools/fleet-launch || true)
[ -z "$bad" ] || fail "the runtime includes the compiler:
$bad"
# The plan's container is the one file of the runtime that the compiler builds;
# the API uses both halves.
bad=$(grep -rnE '#include [<"](asio|mpi|cuda|nccl|dnnl|oneapi|cblas|runtime/)' \
  "$source/dialects" "$source/lib" "$source/include" |
  grep -v '"runtime/plan/PlanFile.h"' |
  grep -vE "^$source/(lib|include/fleet)/API/" || true)
[ -z "$bad" ] || fail "the compiler includes the runtime:
$bad"
for tool in "$@"; do
  if ldd "$tool" | grep -iE 'llvm|mlir'; then
    fail "$tool loads LLVM"
  fi
done
exit $status
