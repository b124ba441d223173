#!/bin/sh
# models/train.sh BUILD DATA EXCLUDE [NAME...]: make the models that the program carries anew; ./dev train-models builds
# first and fetches the data.
#
# DATA is a folder with PLAsTiCC's two tables; objects listed in EXCLUDE ('' for none) take no part. Each model is
# trained six times, once for each of five folds, whose answers on what they did not see give the scores of the model's
# card and its temperature, and once on all objects, which is the one kept. Each then teaches and becomes a small one in
# the same six rounds. Same data, program and instruction set (STARLING_CPU): same bytes.
set -eu
models=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) data=$2 exclude=$3
shift 3
starling=$build/cli/starling
work=$build/models
mkdir -p "$work"
if [ -n "$exclude" ]; then exclude=$(cd "$(dirname "$exclude")" && pwd)/$(basename "$exclude"); fi
cd "$data" # so that no folder gets into a model's source
if [ $# = 0 ]; then set -- gr ugrizy ugrizy-photoz; fi

for recipe; do sh "$models/recipe.sh" "$recipe" >/dev/null; done # is there such a model?

# Run starling, and keep what was run for the model's card.
run() {
    echo "starling $*" | sed "s|$work/||g; s|${exclude:-nothing}|${exclude##*/}|" >>"$work/$name.commands"
    "$starling" "$@"
}

# The options of a command for $recipe.
options() {
    sh "$models/recipe.sh" "$recipe" | sed -n "s/^$1 //p"
}

# The mean temperature of the folds' models, whose names end in -0.starling to -4.starling.
mean_temperature() {
    for k in 0 1 2 3 4; do
        "$starling" inspect "$1-$k.starling" --json | sed 's/.*"temperature": *\([0-9.]*\).*/\1/'
    done | awk '{ sum += $1 } END { print sum / NR }'
}

# Five folds and the whole of $name: learn FOLD OPTION... makes one.
six_times() {
    printf '\n== %s: five folds\n' "$name"
    rm -f "$work/$name.ledger"
    folds=
    for k in 0 1 2 3 4; do
        $1 "$k" --fold "$k" --ledger "$work/$name.ledger" -o "$work/$name-$k.starling"
        folds=$folds${folds:+,}$work/$name-$k.starling
    done
    temperature=$(mean_temperature "$work/$name")
    printf '\n== %s: all objects, at temperature %s\n' "$name" "$temperature"
    $1 all --folds 0 --temperature "$temperature" --ledger "$work/$name.ledger" -o "$work/$name.starling"
}

learn() {
    novelty=
    if [ "$1" != all ]; then novelty='--novelty none'; fi
    shift
    # shellcheck disable=SC2046,SC2086  # words
    run train "$grids" $(options train) $novelty "$@"
}

learn_small() {
    of=$work/$recipe-$1.starling
    if [ "$1" = all ]; then of=$work/$recipe.starling; fi
    shift
    # shellcheck disable=SC2046
    run compress "$of" --data "$grids" $(options compress) "$@"
}

large_model() {
    six_times learn
    run evaluate -m "$folds" "$grids" --json >"$work/$name-folds.json"
    # Eight bits a weight, coded: a quarter of the size, and the log-loss of fold 0 moves by less than 0.001.
    run compress "$work/$name.starling" --steps quantize,code -q -o "$work/$name-packed.starling"
    cp "$work/$name-packed.starling" "$models/$name.starling"
}

small_model() {
    large_folds=$folds name=$recipe-small
    rm -f "$work/$name.commands"
    six_times learn_small
    run evaluate -m "$folds" --against "$large_folds" "$grids" --json >"$work/$name-folds.json"
    cp "$work/$name.starling" "$models/$name.starling"
}

# The card of $name.
card() {
    "$starling" inspect "$work/$name.starling" --json >"$work/$name.told"
    python3 "$models/card.py" "$name" "$work" >"$models/$name.md"
}

for recipe; do
    name=$recipe grids=$work/$recipe.data
    printf '\n== %s: light curves to features\n' "$name"
    rm -f "$work/$name.commands"
    # shellcheck disable=SC2046,SC2086
    run prepare plasticc_train_lightcurves.csv --labels plasticc_train_metadata.csv ${exclude:+--exclude "$exclude"} \
        $(options prepare) -o "$grids"
    large_model
    card
    small_model
    card
done
