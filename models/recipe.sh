#!/bin/sh
# models/recipe.sh NAME: the options that make the model NAME and its small copy, a line for each command: prepare, train,
# compress. models/train.sh makes them with these, bench/compression.py a table about them; models/README.md tells how they
# were found.
set -eu
views='--no-grid --keep-empty --half --copies 40 --alert-share 0.2'
train='--net mlp --teach 4 --teach-epochs 150 --teach-dropout 0.4 --dropout 0.3 --patience 0'
compress='--keep-units 50% --sparsity 0.79 --rate 6e-3 --soft-share 0.65 --balance 0.3 --teach-epochs 150 --teach-dropout 0.4'
compress="$compress --cluster-from 1 --cluster-kept 1 --clusters-vector 16"
# Of six bands' values the small ones see the more telling half.
small_gr='--epochs 700 --teach 10 --teach-rounds 3 --clusters 16'
small_ugrizy='--epochs 500 --teach 4 --teach-rounds 4 --clusters 14 --features 130'

# inputs, epochs, compress: with more inputs a network is sooner sure of what it cannot know.
tell() {
    printf 'prepare %s %s\ntrain %s --epochs %s\ncompress %s %s\n' "$1" "$views" "$train" "$2" "$compress" "$3"
}
case ${1:-} in
gr) tell '--bands gr --min-points 1' 200 "$small_gr" ;;
ugrizy) tell '--bands ugrizy' 120 "$small_ugrizy" ;;
ugrizy-photoz) tell '--bands ugrizy --redshift' 100 "$small_ugrizy" ;;
*)
    echo "models/recipe.sh: there is no model '${1:-}'; there are gr, ugrizy and ugrizy-photoz" >&2
    exit 2
    ;;
esac
