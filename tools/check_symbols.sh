#!/bin/sh
# What libstarling shows to the world: sl_* and nothing else, and every function
# that include/starling declares.
#
#     tools/check_symbols.sh [BUILD] [SOURCE]
set -eu
source_dir=${2:-$(dirname "$0")/..}
build=${1:-$source_dir/build}
lib=$build/src/libstarling
export LC_ALL=C

if ! [ -f "$lib.so" ] || ! [ -f "$lib.a" ]; then
    echo "check_symbols: no $lib.so and $lib.a: build first"
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
problems=0
complain() {
    echo "$1"
    problems=$((problems + 1))
}

# Sanitizers add symbols of their own; those of the linker are no functions.
nm -D --defined-only "$lib.so" | awk '{ print $NF }' | grep -v -E '^__(asan|odr_asan|tsan|ubsan|sanitizer|start|stop)_?' |
    sort -u > "$work/exported"
for name in $(grep -v '^sl_' "$work/exported" || true); do
    complain "libstarling.so exports $name: no sl_ name"
done

# SL_API, a type, a name, a parenthesis: also over several lines.
cat "$source_dir"/include/starling/*.h | tr '\n' ' ' | grep -o 'SL_API [^;(]*(' |
    sed -n 's/.*[ *]\(sl_[a-z0-9_]*\) *($/\1/p' | sort -u > "$work/declared"
for name in $(comm -23 "$work/declared" "$work/exported"); do
    complain "$name is declared with SL_API and not exported by libstarling.so"
done
for name in $(comm -13 "$work/declared" "$work/exported" | grep '^sl_' || true); do
    complain "libstarling.so exports $name, which include/starling does not declare"
done

# Weak symbols are C++ templates, shared by design with whoever else has them.
nm -g --defined-only "$lib.a" 2>/dev/null | awk 'NF == 3 && $2 !~ /^[WVuvw]$/ { print $3 }' |
    grep -v -E '^(sl_|__(asan|odr_asan|tsan|ubsan|sanitizer)_?)' | sort -u > "$work/foreign" || true
while read -r name; do
    complain "libstarling.a defines the global symbol $name: no sl_ name"
done < "$work/foreign"

echo "check_symbols: $(wc -l < "$work/exported") exported, $(wc -l < "$work/declared") declared, $problems breaches"
[ "$problems" -eq 0 ]
