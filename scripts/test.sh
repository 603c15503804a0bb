#!/usr/bin/env bash
# Builds Fleet and runs all its tests (lit, GoogleTest, end to end).
# Arguments go to ctest, e.g. scripts/test.sh -R lit
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh
ctest --test-dir build --output-on-failure --no-tests=error "$@"
