#!/bin/sh
# Build the kernels for 64-bit ARM with a cross compiler, and run their checks
# under an emulator.
#
#     tests/kernels/check_neon.sh [SOURCE]       exit code 77: what it takes is not here
#
# CROSS_CC and QEMU name other tools than aarch64-linux-gnu-gcc and qemu-aarch64.
set -eu
source_dir=${1:-$(dirname "$0")/../..}
compiler=${CROSS_CC:-aarch64-linux-gnu-gcc}
emulator=${QEMU:-qemu-aarch64}
for tool in "$compiler" "$emulator"; do
    if ! command -v "$tool" > /dev/null; then
        echo "SKIP: no $tool here (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)"
        exit 77
    fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$source_dir"
"$compiler" -O2 -std=c17 -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Wpedantic -Werror \
    -D_GNU_SOURCE -Iinclude -Isrc -I. src/kernels/*.c src/base/rng.c src/base/clock.c tests/kernels/*.c \
    -static -o "$work/checkkernels" -lm -lpthread
"$emulator" "$work/checkkernels" --rounds 30 | tee "$work/out"
grep -q '^neon checked$' "$work/out"
