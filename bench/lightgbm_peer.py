#!/usr/bin/env python3
"""LightGBM on features of points and Gaussian process: the peer that the networks' scores stand beside.

    bench/lightgbm_peer.py FOLDER --exclude IDS [--only] [--setting gr|ugrizy|photoz ...] [--copies 3]
                           [--folds 5] [--build build] [--write FILE.npz]

FOLDER holds plasticc_train_{lightcurves,metadata}.csv. Without --only the objects in IDS (a CSV with a column
object_id) are dropped unread, and the flat log-loss is of each fold by the model of the others, pooled. With --only the
objects in IDS are the examination: the models of the folds of all others are averaged over it. Folds go by a hash of
the object's id. Trees stop early on the fold that they do not see, so that the pooled figure is a little too good.
"""
import argparse
import hashlib
import os
import time
from pathlib import Path

import numpy as np
import plasticc_features as peer

SETTINGS = {"gr": ([1, 2], False), "ugrizy": (list(range(6)), False), "photoz": (list(range(6)), True)}
PARAMETERS = {
    "objective": "multiclass", "num_class": len(peer.CLASS_IDS), "metric": "multi_logloss", "learning_rate": 0.08,
    "num_leaves": 12, "min_data_in_leaf": 20, "feature_fraction": 0.3, "bagging_fraction": 0.6, "bagging_freq": 1,
    "lambda_l2": 3.0, "max_bin": 63, "verbose": -1,
}


def fold_of(identity, n_folds):
    return int(hashlib.md5(str(identity).encode()).hexdigest()[:8], 16) % n_folds


def losses(probability, label):
    """Mean -ln p of each class, NaN where it has no object."""
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    loss = -np.log((p / p.sum(1, keepdims=True))[np.arange(len(label)), label])
    return np.array([loss[label == k].mean() if (label == k).any() else np.nan for k in range(len(peer.CLASS_IDS))])


def interval(probability, label, rounds=500):
    """Standard deviation of the flat log-loss over resamplings of the objects."""
    rng = np.random.default_rng(1)
    n = len(label)
    drawn = [rng.integers(0, n, n) for _ in range(rounds)]
    return np.std([np.nanmean(losses(probability[i], label[i])) for i in drawn])


def tables(objects, points, setting, copies, gp):
    """Features of the objects as they are, then of each augmented copy."""
    bands, redshift = SETTINGS[setting]
    out = []
    for copy in range(copies + 1):
        p = points if copy == 0 else peer.augment(points, np.random.default_rng(100 + copy))
        table, names, _ = peer.features(p, bands, gp)
        if redshift:
            table = np.hstack([table, peer.redshift_features(table, names, objects)[0]])
        out.append(table)
    return out


def balance(label):
    weight = 1 / np.bincount(label, minlength=len(peer.CLASS_IDS))[label]
    return weight / weight.mean()


def train(trees, train_tables, train_label, held_table, held_label, seed, threads):
    label = np.tile(train_label, len(train_tables))
    data = trees.Dataset(np.vstack(train_tables), label, weight=balance(label))
    held = trees.Dataset(held_table, held_label, weight=balance(held_label), reference=data)
    return trees.train({**PARAMETERS, "seed": seed, "num_threads": threads}, data, 500, [held],
                       callbacks=[trees.early_stopping(30, verbose=False)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--exclude", required=True, help="CSV of the reserved ids")
    parser.add_argument("--only", action="store_true", help="examine on the reserved ids")
    parser.add_argument("--setting", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--build", default=str(peer.ROOT / "build"))
    parser.add_argument("--write", help="probabilities, labels and ids of each setting")
    arguments = parser.parse_args()
    os.environ["STARLING_BUILD"] = str(Path(arguments.build).resolve())
    import lightgbm as trees
    import pandas as pd

    gp = peer.process()
    reserved = set(pd.read_csv(arguments.exclude).object_id)
    objects, points = peer.load(arguments.folder, exclude=reserved)
    if arguments.only:
        examined, examined_points = peer.load(arguments.folder, only=reserved)
    fold = np.array([fold_of(i, arguments.folds) for i in objects.id])
    written = {}
    for setting in arguments.setting:
        started = time.time()
        made = tables(objects, points, setting, arguments.copies, gp)
        scored = objects
        probability = np.zeros((len(objects.id), len(peer.CLASS_IDS)))
        if arguments.only:
            scored = examined
            examined_table = tables(examined, examined_points, setting, 0, gp)[0]
            probability = np.zeros((len(examined.id), len(peer.CLASS_IDS)))
        for k in range(arguments.folds):
            held = fold == k
            model = train(trees, [table[~held] for table in made], objects.label[~held], made[0][held],
                          objects.label[held], k, arguments.threads)
            if arguments.only:
                probability += model.predict(examined_table) / arguments.folds
            else:
                probability[held] = model.predict(made[0][held])
        by_class = losses(probability, scored.label)
        accuracy = np.mean(probability.argmax(1) == scored.label)
        print(f"{setting}: flat log-loss {np.nanmean(by_class):.4f} +- {interval(probability, scored.label):.4f}, "
              f"accuracy {accuracy:.3f}, {len(scored.label)} objects, {made[0].shape[1]} features, "
              f"{time.time() - started:.0f} s", flush=True)
        print("  by class " + " ".join(f"{i}:{x:.3f}" for i, x in zip(peer.CLASS_IDS, by_class)), flush=True)
        written.update({f"{setting}_p": probability, f"{setting}_label": scored.label, f"{setting}_id": scored.id})
    if arguments.write:
        np.savez(arguments.write, **written)


if __name__ == "__main__":
    main()
