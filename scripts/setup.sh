#!/usr/bin/env bash
# Installs what a bare Debian 12 lacks to build and test Fleet. Needs root or sudo.
set -euo pipefail

packages=(
  ca-certificates cmake ninja-build ccache clang-22 lld-22 libclang-rt-22-dev
  libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools liblld-22-dev
  libprotobuf-dev protobuf-compiler libasio-dev libfmt-dev libcli11-dev
  nlohmann-json3-dev librandom123-dev libxxhash-dev libzip-dev zlib1g-dev libzstd-dev
  libdnnl-dev libopenblas-pthread-dev libxsmm-dev libgtest-dev libgmock-dev libbenchmark-dev
  openmpi-bin libopenmpi-dev slurmctld slurmd slurm-client munge python3-yaml
  python3 procps
)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
    missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    { echo "setup.sh: missing ${missing[*]}; install them as root, or install sudo" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup.sh: installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
