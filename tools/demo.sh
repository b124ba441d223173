#!/bin/sh
# demo.sh BUILD SHARED: classify a night and show what came out; ./dev demo builds first.
# Real alerts where SHARED has them, else made-up ones.
set -eu
build=$1 shared=$2
work=$build/demo
starling=$build/cli/starling
mkdir -p "$work"

# Show a command as one would type it, and run it.
run() {
    printf '\n$ starling'
    for word in "$@"; do
        case $word in
        "$work"/*) printf ' %s' "${word#"$work"/}" ;;
        "$shared"/*) printf ' %s' "${word##*/}" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$starling" "$@"
}

# How many of each class, longest bar first.
show_classes() {
    sed -n 's/.*"class": "\([^"]*\)".*/\1/p' "$1" | sort | uniq -c | sort -rn | awk '
        NR == 1 { most = $1 }
        {
            bar = ""
            for (i = 0; i < 40 * $1 / most; i++) bar = bar "#"
            printf "  %-12s %6d  %s\n", $2, $1, bar
        }'
}

show_records() {
    grep -v '"class": null' "$1" | head -n 2
    grep '"class": null' "$1" | head -n 1
}

echo
if [ -f "$shared/data/ztf_public_20181129.tar.gz" ]; then
    echo 'A night of real ZTF alerts, and the model that the program carries for them.'
    night=$shared/data/ztf_public_20181129.tar.gz
else
    echo 'No real data here: a night is made up, and classified by the model that the program carries.'
    night=$work/night.tar
    run simulate -n 3000 -o "$night"
fi
run classify -o "$work/night.jsonl" "$night"

printf '\nThree of the records:\n'
show_records "$work/night.jsonl"
printf '\nWhat the night held:\n'
show_classes "$work/night.jsonl"

run simulate -n 300 --points 20:40 --no-cutouts --form container -o "$work/some.avro"
run inspect "$work/some.avro"
run inspect gr

printf '\nThe same for your own alerts:\n  %s classify PATH...\n' "$starling"
