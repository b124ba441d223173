#!/bin/sh
# Search for inputs that break something: build the fuzz targets with libFuzzer
# and the sanitizers, and run one after another.
#
#     fuzz/run.sh [SECONDS] [TARGET...]
#
# SECONDS are of each target, 60 where not said; without a TARGET all take their
# turn. Needs clang. Everything is written under build/fuzz, or where
# STARLING_FUZZ_BUILD says: the search goes on from what earlier ones found.
# Exits 1 where something was found, 2 where nothing could be searched.
set -eu
cd "$(dirname "$0")/.."
build=${STARLING_FUZZ_BUILD:-build/fuzz}
seconds=60
case ${1:-} in
'' | *[!0-9]*) ;;
*)
    seconds=$1
    shift
    ;;
esac
if [ $# -eq 0 ]; then
    for file in fuzz/fuzz_*.c; do
        name=${file#fuzz/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi
for target in "$@"; do
    if ! [ -f "fuzz/fuzz_$target.c" ]; then
        echo "fuzz: there is no target $target" >&2
        echo "usage: fuzz/run.sh [SECONDS] [TARGET...]" >&2
        exit 2
    fi
done

mkdir -p "$build"
cannot_build() {
    tail -n 20 "$build/build.log" >&2
    echo "fuzz: cannot build the targets; all of it stands in $build/build.log" >&2
    exit 2
}
if ! [ -f "$build/build.ninja" ]; then
    # Left to itself UBSan only prints what it sees, and goes on.
    stop=-fno-sanitize-recover=all
    CC=clang CXX=clang++ meson setup "$build" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
        -Ddefault_library=static "-Dc_args=$stop" "-Dcpp_args=$stop" > "$build/build.log" 2>&1 || cannot_build
fi
programs=fuzz/make_model_corpus
for target in "$@"; do programs="$programs fuzz/fuzz_$target"; done
# The list is words without blanks.
# shellcheck disable=SC2086
ninja -C "$build" $programs > "$build/build.log" 2>&1 || cannot_build

corpus=$build/corpus findings=$build/findings
mkdir -p "$corpus/model" "$corpus/tflite" "$findings"
# Most of these are too large for the repository.
"$build/fuzz/make_model_corpus" "$corpus/model" "$corpus/tflite"

# The number behind the last `word` of libFuzzer's output.
last_number() {
    grep -o "$1 *[0-9][0-9]*" "$log" | tail -n 1 | grep -o '[0-9]*$' || echo '?'
}

found=0
for target in "$@"; do
    log=$build/$target.log code=0
    mkdir -p "$corpus/$target"
    "$build/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$findings/$target-" "$corpus/$target" "fuzz/corpus/$target" > "$log" 2>&1 || code=$?
    executions=$(last_number 'stat::number_of_executed_units:')
    outcome="no findings"
    if [ "$code" -ne 0 ]; then outcome="A FINDING"; fi
    printf '%-12s %10s executions, coverage %5s, %s\n' "$target" "$executions" "$(last_number 'cov:')" "$outcome"
    if [ "$code" -eq 0 ]; then continue; fi
    found=1
    grep -E '^SUMMARY: |runtime error: |^==[0-9]+==ERROR: ' "$log" | tail -n 3 | sed 's/^/    /'
    artifact=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    if [ -n "$artifact" ]; then
        echo "    input:  $artifact"
        echo "    replay: $build/fuzz/fuzz_$target $artifact"
    fi
    echo "    log:    $log"
done
if [ "$found" -ne 0 ]; then
    echo "Once it is mended, keep the input: fuzz/corpus/TARGET/NAME, of 4096 bytes at most, is replayed by the tests."
fi
exit "$found"
