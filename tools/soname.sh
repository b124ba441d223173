#!/bin/sh
# The name under which a shared library is loaded: "archive" is libarchive.so.13
# here, and another number elsewhere.
#
#     tools/soname.sh LIBRARY FOLDER COMPILER...        FOLDER may be empty
set -eu
library=$1 folder=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int main(void) { return 0; }' > "$work/main.c"
"$@" ${folder:+-L"$folder"} -o "$work/main" "$work/main.c" -Wl,--no-as-needed "-l$library"
name=$(LC_ALL=C readelf -d "$work/main" | sed -n "s/.*NEEDED.*\[\(lib$library\.so[^]]*\)\].*/\1/p")
if [ -z "$name" ]; then
    echo "soname: there is no shared lib$library" >&2
    exit 1
fi
echo "$name"
