#!/bin/sh
# run.sh CLASSIFY_LIGHT_CURVE CLASSIFY_ALERTS MODEL NIGHT: what the examples print must make sense.
set -eu
light_curve=$1 alerts=$2 model=$3 night=$4
fail() {
    echo "FAILED: $1"
    exit 1
}

out=$("$light_curve" "$model")
echo "$out"
echo "$out" | awk '{ sum += $2; best += $3 == "<" } END { exit !(NR == 14 && best == 1 && sum > 0.999 && sum < 1.001) }' ||
    fail "14 probabilities that sum to one, one of them marked"

out=$("$alerts" "$model" "$night")
echo "$out"
echo "$out" | awk 'END { exit !(NR == 21 && $1 + $3 == 20 && $1 > 0) }' || fail "20 alerts and their count"

for broken in "$night" /nonexistent; do
    if "$light_curve" "$broken" 2> /dev/null; then fail "$broken is no model"; fi
done
if "$alerts" "$model" /nonexistent 2> /dev/null; then fail "a file that is not there"; fi
