#!/bin/sh
# run_case.sh STARLING CASE.sh MODEL GRIDS RECURRENT PACKED: run the case in an empty folder; all that it prints must be
# CASE.expected.
# With UPDATE=yes the printed becomes the expected: look at the difference before you commit it.
#
# A case uses: starling (the program), $model, $grids (prepared data), $recurrent (a model that answers at every
# epoch), $packed (one of features, packed), show CMD... (prints the command, runs it, prints its exit code where that is not 0), books (standard input without times).
set -u
program=$1 case=$2 model=$3 grids=$4 recurrent=$5 packed=$6
expected=${case%.sh}.expected
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
case $program in /*) ;; *) program=$PWD/$program ;; esac
case $model in /*) ;; *) model=$PWD/$model ;; esac
case $grids in /*) ;; *) grids=$PWD/$grids ;; esac
case $recurrent in /*) ;; *) recurrent=$PWD/$recurrent ;; esac
case $packed in /*) ;; *) packed=$PWD/$packed ;; esac

starling() {
    "$program" "$@"
}

show() {
    printf '$ %s\n' "$*" | sed "s|$model|MODEL|g; s|$grids|DATA|g; s|$recurrent|RECURRENT|g; s|$packed|PACKED|g"
    "$@" 2>&1
    code=$?
    if [ $code != 0 ]; then echo "exit code $code"; fi
}

# Times and rates differ from run to run; a model's hash with the machine that made it up.
books() {
    sed -E "s/; [0-9.]+ s, [0-9 ]+ a second$//; s|$model|MODEL|g; s|$packed|PACKED|g; s/model (\")?[0-9a-f]{16}/model \\1HASH/; s/\"model\": \"[0-9a-f]{16}/\"model\": \"HASH/g"
}

cd "$folder" || exit 1
# shellcheck source=/dev/null
(. "$case") >printed 2>&1
if [ "${UPDATE:-}" = yes ]; then
    cp printed "$expected"
elif ! diff -u "$expected" printed; then
    echo "FAILED: ${case##*/} printed something else (UPDATE=yes makes it the expected)"
    exit 1
fi
