#!/bin/sh
# What the program and the library load at each start: these few, and nothing
# that only some inputs or commands need (src/base/late.h).
#
#     tools/check_needed.sh FILE...
set -eu
export LC_ALL=C
allowed='^(ld-.*|lib(c|m|pthread|dl|jansson|z))\.so'
problems=0
for file in "$@"; do
    needed=$(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    for library in $(echo "$needed" | grep -v -E "$allowed" || true); do
        echo "${file##*/} needs $library at its start"
        problems=$((problems + 1))
    done
    case $needed in
    *libc.so*) ;;
    *)
        echo "${file##*/}: no list of what it needs"
        problems=$((problems + 1))
        ;;
    esac
done
echo "check_needed: $# files, $problems breaches"
[ "$problems" -eq 0 ]
