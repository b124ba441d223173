#!/usr/bin/env python3
"""The models and LightGBM on the same objects that none of them has seen: log-loss, and the difference in pairs.

    bench/examination.py FOLDER IDS [--model gr=FILE ...] [--against gr=FILE ...] [--alone] [--build build] [--threads 2]

FOLDER holds plasticc_train_{lightcurves,metadata}.csv, IDS is a CSV with a column object_id: the objects of the
examination. Models are those that the program carries unless given. LightGBM (bench/lightgbm_peer.py) learns from all
other objects, with three augmented copies of each, in the same run; not with --alone. --against names models to compare with
in pairs, the uncompressed ones, say: the objects are prepared as these want them. Prints Markdown.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SETTINGS = {"gr": "gr", "ugrizy": "ugrizy", "ugrizy-photoz": "photoz"}
RESAMPLES = 1000


def by_class(loss, label, n_classes, weight=None):
    """Mean loss of each class; weight counts how often each object was drawn."""
    weight = np.ones(len(loss)) if weight is None else weight
    count = np.bincount(label, weight, n_classes)
    with np.errstate(invalid="ignore"):
        return np.bincount(label, weight * loss, n_classes) / count


def interval(loss, label, n_classes):
    """95 % of the flat means over resamplings of the objects."""
    rng = np.random.default_rng(1)
    drawn = [np.bincount(rng.integers(0, len(loss), len(loss)), minlength=len(loss)) for _ in range(RESAMPLES)]
    return np.percentile([np.nanmean(by_class(loss, label, n_classes, w.astype(float))) for w in drawn], [2.5, 97.5])


def ask(starling, model, folder, ids, work, against):
    """What the model answers: ids, labels, probabilities, class names; and the JSON of starling evaluate."""
    data, answers = work / "exam.data", work / "answers.csv"
    subprocess.run([starling, "prepare", folder / "plasticc_train_lightcurves.csv", "-l",
                    folder / "plasticc_train_metadata.csv", "--like", against or model, "--only", ids, "-q", "-o", data], check=True)
    told = subprocess.run([starling, "evaluate", "-m", model, data, "--json", "--answers", answers,
                           *(["--against", against] if against else [])], check=True, capture_output=True, text=True).stdout
    lines = answers.read_text().splitlines()
    names = lines[0].split(",")[3:]
    rows = [line.split(",") for line in lines[1:]]
    label = np.array([names.index(r[2]) for r in rows])
    p = np.array([[float(x) for x in r[3:]] for r in rows])
    return {"id": np.array([int(r[0]) for r in rows]), "label": label, "p": p, "names": names, "told": json.loads(told)}


def losses(p, label):
    return -np.log(np.clip(p[np.arange(len(label)), label] / p.sum(1), 1e-15, 1))


def show_difference(told, name):
    """The paired difference to the model of --against, of starling evaluate itself."""
    if "difference" not in told:
        return
    d = told["difference"]["log_loss"]
    print(f"\n{name}: log-loss minus that of the model compared with {d['value']:+.4f} "
          f"(95 % {d['low']:+.4f} to {d['high']:+.4f})\n")
    print("| | log-loss | compared with | difference |\n|---|---|---|---|")
    for a, b in zip(*(model["whole"]["classes"] for model in told["models"])):
        if a["rows"] > 0:
            x, y = a["log_loss"]["value"], b["log_loss"]["value"]
            print(f"| {a['class']} ({a['rows']}) | {x:.3f} | {y:.3f} | {x - y:+.3f} |")


def show_figures(name, told):
    whole = told["models"][0]["whole"]["figures"]
    print(f"\n{name}: log-loss of starling evaluate {whole['log_loss']['value']:.4f} "
          f"({whole['log_loss']['low']:.3f} to {whole['log_loss']['high']:.3f}), accuracy {whole['accuracy']['value']:.3f}, "
          f"mean F1 {whole['f1']['value']:.3f}, "
          f"calibration error {100 * whole['ece']['value']:.1f} %, at the classes' shares {100 * whole['ece_shares']['value']:.1f} %")


def show(name, ours, peer):
    order = np.argsort(peer["id"])
    at = order[np.searchsorted(peer["id"], ours["id"], sorter=order)]
    if not (peer["id"][at] == ours["id"]).all() or len(peer["id"]) != len(ours["id"]):
        sys.exit("the two did not answer on the same objects")
    n = len(ours["names"])
    label = ours["label"]
    mine, theirs = losses(ours["p"], label), losses(peer["p"][at], peer["label"][at])
    print(f"\n### {name}: {len(label)} objects\n")
    print("| | starling | LightGBM | difference |\n|---|---|---|---|")
    cells = []
    for loss in (mine, theirs, mine - theirs):
        low, high = interval(loss, label, n)
        cells.append(f"{np.nanmean(by_class(loss, label, n)):.3f} ({low:.3f} to {high:.3f})")
    print("| log-loss, every class the same | " + " | ".join(cells) + " |")
    right = [np.mean(p.argmax(1) == y) for p, y in ((ours["p"], label), (peer["p"][at], peer["label"][at]))]
    print(f"| accuracy | {right[0]:.3f} | {right[1]:.3f} | {right[0] - right[1]:+.3f} |")
    a, b = by_class(mine, label, n), by_class(theirs, peer["label"][at], n)
    b_names = {k: peer["label"][at][label == k][0] for k in range(n) if (label == k).any()}
    for k, class_name in enumerate(ours["names"]):
        if k in b_names:
            print(f"| {class_name} ({np.sum(label == k)}) | {a[k]:.3f} | {b[b_names[k]]:.3f} | {a[k] - b[b_names[k]]:+.3f} |")
    show_figures(name, ours["told"])


def ask_peer(models, arguments, written):
    subprocess.run([sys.executable, HERE / "lightgbm_peer.py", arguments.folder, "--exclude", arguments.ids, "--only",
                    "--setting", *[SETTINGS[m] for m in models], "--threads", arguments.threads, "--build", arguments.build,
                    "--write", written], check=True, stdout=sys.stderr)
    return np.load(written)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("ids")
    parser.add_argument("--model", nargs="+", default=[])
    parser.add_argument("--against", nargs="+", default=[])
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--build", default=str(HERE.parent / "build"))
    parser.add_argument("--threads", default="2")
    arguments = parser.parse_args()
    starling = str(Path(arguments.build) / "cli" / "starling")
    models = dict(pair.split("=", 1) for pair in arguments.model) or {name: name for name in SETTINGS}
    against = dict(pair.split("=", 1) for pair in arguments.against)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        ours = {name: ask(starling, model, arguments.folder, arguments.ids, work, against.get(name))
                for name, model in models.items()}
        peers = {} if arguments.alone else ask_peer(models, arguments, work / "peer.npz")
        for name in models:
            if arguments.alone:
                show_figures(name, ours[name]["told"])
            else:
                show(name, ours[name], {key: peers[f"{SETTINGS[name]}_{key}"] for key in ("p", "label", "id")})
            show_difference(ours[name]["told"], name)


if __name__ == "__main__":
    main()
