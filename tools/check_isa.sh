#!/bin/sh
# Only the kernels' own files may use instructions that not every processor has:
# anything else would crash where the dispatch was meant to save us.
#
#     tools/check_isa.sh [BUILD] [SOURCE]        exit code 77: does not apply here
set -eu
source_dir=${2:-$(dirname "$0")/..}
build=${1:-$source_dir/build}
lib=$build/src/libstarling.a

if ! command -v objdump > /dev/null; then
    echo "SKIP: no objdump here"
    exit 77
fi
if ! [ -f "$lib" ]; then
    echo "check_isa: no $lib: build first"
    exit 1
fi
case $(objdump -f "$lib" | awk '/file format/ { print $NF; exit }') in
elf64-x86-64) ;;
*)
    echo "SKIP: not built for x86-64"
    exit 77
    ;;
esac

# AVX and later have three-operand mnemonics that begin with v, and wide registers.
objdump -d --no-show-raw-insn "$lib" | awk '
    /file format/ { object = $1; sub(/:$/, "", object); objects++; own = object ~ /kernels_avx(2|512)/; next }
    /^[0-9a-f]+ <.*>:$/ { fn = $2; next }
    own { next }
    /%[yz]mm[0-9]/ || /^ *[0-9a-f]+:\tv[a-z]/ {
        if (!seen[object, fn]++) { print object ": " fn " has " $2 " " $3; bad++ }
    }
    END {
        printf "check_isa: %d objects, %d functions beyond the baseline\n", objects, bad
        exit (bad > 0 || objects == 0)
    }'
