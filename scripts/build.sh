#!/usr/bin/env bash
# Sets up the machine and builds everything into build/ (tools in build/bin).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cmake --preset release >build-configure.log 2>&1 ||
  { cat build-configure.log >&2; exit 1; }
mkdir -p build && mv build-configure.log build/configure.log
cmake --build --preset release "$@"
