#!/bin/sh
# The benchmarks: each stage, the peers beside it in the same run, and the memory
# of a long night; or, with --check, what each stage costs in instructions against
# bench/baseline.json.
#
#     bench/run.sh [BUILD] [--quick | --nights] [--write]
#     bench/run.sh [BUILD] --check [--update]
#     bench/run.sh [BUILD] --train [--write]     training beside PyTorch
#     bench/run.sh [BUILD] --packed [--write]    packed models beside uncoded ones
#
# --write puts the tables into bench/RESULTS.md; --quick is one round and no long
# night, --nights a million LSST alerts too; --update writes the baseline. Real packets and models come from
# $STARLING_SHARED or ../shared where these are at hand, PLAsTiCC's light curves
# from $STARLING_PLASTICC.
set -eu
cd "$(dirname "$0")/.."
build=build write='' quick='' nights='' check='' update='' train='' packed=''
for argument in "$@"; do
    case $argument in
    --quick) quick=yes ;;
    --nights) nights=yes ;;
    --peers) ;; # they are always there
    --write) write=yes ;;
    --check) check=yes ;;
    --train) train=yes ;;
    --packed) packed=yes ;;
    --update) update=yes ;;
    -*)
        echo "usage: bench/run.sh [BUILD] [--quick | --nights] [--write] | --check [--update] | --train [--write] | --packed [--write]" >&2
        exit 2
        ;;
    *) build=$argument ;;
    esac
done
shared=${STARLING_SHARED:-../shared}
python=${PYTHON:-/usr/bin/python3}
venv=$build/venv-bench
work=$build/bench-data
mkdir -p "$work"

if [ -n "$check" ]; then
    exec "$python" bench/check.py --build "$build" ${update:+--update}
fi

if [ -n "$train" ]; then
    venv=$build/venv-train
    if ! cmp -s bench/requirements-train.txt "$venv/made-for"; then
        "$python" -m venv "$venv" && "$venv/bin/pip" install -q -r bench/requirements-train.txt
        cp bench/requirements-train.txt "$venv/made-for"
    fi
    exec "$venv/bin/python" bench/train_peers.py --build "$build" ${write:+--write bench/RESULTS.md}
fi

if [ -n "$packed" ]; then
    exec "$python" bench/packed.py --build "$build" --shared "$shared" ${write:+--write bench/RESULTS.md}
fi

# Real packets and a trained model where they are at hand, else what can be made here.
if [ -f "$shared/data/ztf_public_20181129.tar.gz" ]; then
    packets=$work/ztf_public_20181129
    mkdir -p "$packets"
    tar -xzf "$shared/data/ztf_public_20181129.tar.gz" -C "$packets"
else
    packets=$work/simulated
    mkdir -p "$packets"
    "$build/cli/starling" simulate -n 300 -o - | tar -xf - -C "$packets"
fi
model=$work/model
if [ -f "$shared/models/tinho-gr.tflite" ]; then
    "$build/cli/starling" import "$shared/models/tinho-gr.tflite" --contract reference -o "$model"
else
    "$build/tests/helpers/make_model" reference "$model"
fi

# The peers, installed once and again when their list changes.
if ! cmp -s bench/requirements.txt "$venv/made-for"; then
    if "$python" -m venv "$venv" && "$venv/bin/pip" install -q -r bench/requirements.txt; then
        cp bench/requirements.txt "$venv/made-for"
    else
        echo "bench: the peers cannot be installed; starling runs alone"
        exec "$build/cli/starling" bench -m "$model" "$packets"
    fi
fi

set -- --build "$build" --packets "$packets" --model "$model"
if [ -d "$shared/models" ]; then set -- "$@" --shared "$shared"; fi
if [ -n "$quick" ]; then set -- "$@" --rounds 1; fi
if [ -n "$write" ]; then set -- "$@" --write bench/RESULTS.md; fi
"$venv/bin/python" -B bench/peers.py "$@"

# Memory that does not grow with the night. The model for LSST takes any bands: random weights, true work.
if [ -n "$quick" ]; then exit; fi
set -- --starling "$build/cli/starling" --measure "$build/bench/measure"
if [ -n "$write" ]; then set -- "$@" --append bench/RESULTS.md; fi
"$python" bench/memory.py "$@" --model "$model"
if [ -n "$nights" ]; then
    "$build/tests/helpers/make_model" starling "$work/random"
    "$python" bench/memory.py "$@" --model "$work/random" --survey lsst --points 30:300 --threads 2 --alerts 10000 1000000
fi
