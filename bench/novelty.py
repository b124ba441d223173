"""How well novelty tells a class that was left out of training: one class after the other of a data-set file.

usage: novelty.py STARLING DATA LABELS.csv [-n KIND,...] [-s SEED,...] [train options]

LABELS is the table that DATA was prepared with (object_id and target, or name and type). For each class and seed a
network is trained on the others' objects outside of fold 0 and judged by `starling evaluate --strangers`: all objects
of the class left out against those of fold 0 of the other classes. Prints the area under the ROC curve of the novelty,
for each class the mean over seeds, and the mean over classes; figures of three classes that look alike cannot be high.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def read_labels(path):
    """Label -> ids."""
    classes = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            label = row.get("target") or row.get("type")
            classes.setdefault(label, []).append(row.get("object_id") or row.get("name"))
    return classes


def area(starling, data, ids, kind, options, folder, threads):
    model, left_out = folder / "model", folder / "left_out"
    left_out.write_text("\n".join(ids) + "\n")
    subprocess.run([starling, "train", data, "--exclude", left_out, "--novelty", kind, "-q", "-o", model, "-j", threads,
                    *options], check=True)
    told = subprocess.run([starling, "evaluate", "-m", model, data, "--fold", "0", "--strangers", left_out, "--json",
                           "--resamples", "0", "-j", threads], check=True, capture_output=True, text=True)
    judged = json.loads(told.stdout)["models"][0]
    return judged["strangers"], judged["stranger_roc_area"]["value"], judged["whole"]["figures"]["log_loss"]["value"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("starling")
    parser.add_argument("data")
    parser.add_argument("labels")
    parser.add_argument("-n", "--novelty", default="relative", help="kinds, with commas between them")
    parser.add_argument("-s", "--seeds", default="1", help="with commas between them")
    parser.add_argument("-j", "--threads", default="0")
    args, options = parser.parse_known_args()
    kinds, seeds = args.novelty.split(","), args.seeds.split(",")
    means = {kind: [] for kind in kinds}
    print(f"{'class left out':20s} {'objects':>8s} {'log-loss':>9s}" + "".join(f" {kind:>9s}" for kind in kinds), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for label, ids in sorted(read_labels(args.labels).items()):
            areas = {kind: [] for kind in kinds}
            losses = []
            for seed in seeds:
                for kind in kinds:
                    objects, found, loss = area(args.starling, args.data, ids, kind, [*options, "--seed", seed],
                                                Path(folder), args.threads)
                    if objects == 0:
                        break  # of a class that the data do not have
                    areas[kind].append(found)
                    losses.append(loss)
            if not losses:
                continue
            for kind in kinds:
                means[kind].append(statistics.mean(areas[kind]))
            print(f"{label:20s} {objects:8d} {statistics.mean(losses):9.3f}" + "".join(f" {means[kind][-1]:9.3f}" for kind in kinds),
                  flush=True)
    print(f"{'mean':20s} {'':8s} {'':9s}" + "".join(f" {statistics.mean(means[kind]):9.3f}" for kind in kinds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
