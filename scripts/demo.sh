#!/usr/bin/env bash
# Builds Fleet, turns examples/fit_a_line into a job of two parameter servers and
# two trainers, and runs it on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh
set -x
build/bin/fleet-transpile examples/fit_a_line/fit_a_line.mlir --mode=ps --trainers=2 \
  --pservers=127.0.0.1:6170,127.0.0.1:6171 -o out/fit_a_line
build/bin/fleet-launch out/fit_a_line -- \
  --data=examples/fit_a_line/housing.csv#x=0..12,y=13 --batch-size=10 --epochs=100 --seed=1
