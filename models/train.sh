#!/bin/sh
# models/train.sh BUILD DATA EXCLUDE [NAME...]: make the models that the program carries anew; ./dev train-models builds
# first and fetches the data.
#
# DATA is a folder with PLAsTiCC's two tables; objects listed in EXCLUDE ('' for none) take no part. Each model is
# trained six times, once for each of five folds, whose answers on what they did not see give the scores of the model's
# card and its temperature, and once on all objects, which is the one kept. Same data, program and instruction set
# (STARLING_CPU): same bytes.
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

# Run starling, and keep what was run for the model's card.
run() {
    echo "starling $*" | sed "s|$work/||g; s|${exclude:-nothing}|${exclude##*/}|" >>"$work/$name.commands"
    "$starling" "$@"
}

# What distinguishes the models, and what all have in common. models/README.md tells how it was found.
inputs_of() {
    case $1 in
    gr) echo '--bands gr --min-points 1' ;;
    ugrizy) echo '--bands ugrizy' ;;
    ugrizy-photoz) echo '--bands ugrizy --redshift' ;;
    *)
        echo "models/train.sh: there is no model '$1'; there are gr, ugrizy and ugrizy-photoz" >&2
        exit 2
        ;;
    esac
}
# With more inputs a network is sooner sure of what it cannot know.
epochs_of() {
    case $1 in
    gr) echo 200 ;;
    ugrizy) echo 120 ;;
    *) echo 100 ;;
    esac
}
views='--no-grid --keep-empty --half --copies 40 --alert-share 0.2'
recipe='--net mlp --teach 4 --teach-epochs 150 --teach-dropout 0.4 --dropout 0.3 --patience 0'

for name; do
    inputs=$(inputs_of "$name")
    epochs=$(epochs_of "$name")
    grids=$work/$name.data
    printf '\n== %s: light curves to features\n' "$name"
    rm -f "$work/$name.commands"
    # shellcheck disable=SC2086  # words
    run prepare plasticc_train_lightcurves.csv --labels plasticc_train_metadata.csv ${exclude:+--exclude "$exclude"} \
        $inputs $views -o "$grids"

    printf '\n== %s: five folds\n' "$name"
    rm -f "$work/$name.ledger"
    folds=
    for k in 0 1 2 3 4; do
        # shellcheck disable=SC2086
        run train "$grids" $recipe --epochs "$epochs" --fold $k --novelty none --ledger "$work/$name.ledger" -o "$work/$name-$k.starling"
        folds=$folds${folds:+,}$work/$name-$k.starling
    done
    run evaluate -m "$folds" "$grids" --json >"$work/$name-folds.json"
    temperature=$(sed 's/.*"temperature": *\([0-9.]*\).*/\1/' "$work/$name.ledger" | awk '{ sum += $1 } END { print sum / NR }')

    printf '\n== %s: all objects, at temperature %s\n' "$name" "$temperature"
    # shellcheck disable=SC2086
    run train "$grids" $recipe --epochs "$epochs" --folds 0 --temperature "$temperature" --ledger "$work/$name.ledger" \
        -o "$work/$name.starling"
    # Eight bits a weight, coded: a quarter of the size, and the log-loss of fold 0 moves by less than 0.001.
    run compress "$work/$name.starling" --steps quantize,code -q -o "$work/$name-packed.starling"
    cp "$work/$name-packed.starling" "$models/$name.starling"
    python3 "$models/card.py" "$name" "$work" >"$models/$name.md"
done
