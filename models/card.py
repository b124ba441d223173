#!/usr/bin/env python3
"""A model's card in Markdown, from what its training left: models/card.py NAME FOLDER > models/NAME.md

FOLDER holds NAME.ledger (a line for each of the five folds, the model itself last), NAME-folds.json (starling evaluate
of the folds' models), NAME.told (starling inspect of the model) and NAME.commands (what was run). Nothing in a card is written by hand.
"""
import json
import sys
from pathlib import Path

FOR = {
    "gr": "g and r without a redshift: ZTF's alerts",
    "ugrizy": "six bands without a redshift: Rubin/LSST's alerts",
    "ugrizy-photoz": "six bands with a photometric redshift of the host galaxy",
}
FIGURES = [
    ("log_loss", "log-loss, every class counts the same"), ("log_loss_kaggle", "log-loss, PLAsTiCC's weights"),
    ("accuracy", "accuracy"), ("recall", "mean recall"), ("f1", "mean F1"), ("roc_area", "ROC area, mean"),
    ("pr_area", "PR area, mean"), ("ece_shares", "calibration error at the classes' shares"),
]

CHOSEN = {
    False: "of each the best epoch on that fold is kept, which makes the figures a\nlittle too good.",
    True: "the last epoch of each is kept, and only the temperature is fitted to the fold.",
}


def cell(figure):
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def about(name, final):
    """What the model is: rows of a table."""
    yield "data", (f"PLAsTiCC's training set, under the contract `starling`; {final['n_train']} objects learned from; "
                   f"data set {final['data_id']}")
    yield "network", f"{final['net']}: {final['head']} and {final['head2']} units on features, {final['parameters']} parameters"
    yield "training", f"{final['seconds']:.0f} s of wall time, {final['epochs']} epochs"


def about_small(name, final):
    """The same of a model that compress made."""
    yield "data", f"those of {name.removesuffix('-small')}; data set {final['data_id']}"
    yield "network", (f"{final['units_left']} of {final['units_before']} hidden units, {final['features_left']} input values; of "
                      f"{final['weights']} weights {final['zeros']} are 0, the others one of {final['clusters'] - 1} values of their matrix")
    yield "size", f"{final['bytes']} bytes, {final['bytes_before']} before"
    yield "training", f"{final['seconds']:.0f} s of wall time behind the teachers, {final['epochs']} epochs"


def show_figures(scores):
    views = {"whole light curves": scores["whole"], "views of them": scores.get("views")}
    present = {k: v for k, v in views.items() if v}
    print("| | " + " | ".join(f"{k}, {v['rows']}" for k, v in present.items()) + " |\n|---" + "|---" * len(present) + "|")
    for key, text in FIGURES:
        print(f"| {text} | " + " | ".join(cell(v["figures"][key]) for v in present.values()) + " |")


def show_classes(scores):
    print("\n| class | objects | log-loss | precision | recall | F1 |\n|---|---|---|---|---|---|")
    for row in scores["whole"]["classes"]:
        print(f"| {row['class']} | {row['rows']} | {cell(row['log_loss'])} | {row['precision']['value']:.2f} | "
              f"{row['recall']['value']:.2f} | {row['f1']['value']:.2f} |")


def main():
    name, folder = sys.argv[1], Path(sys.argv[2])
    lines = [json.loads(line) for line in (folder / f"{name}.ledger").read_text().splitlines()]
    final, folds = lines[-1], lines[:-1]
    told = json.loads((folder / f"{name}-folds.json").read_text())
    temperature = json.loads((folder / f"{name}.told").read_text())["temperature"]
    small = name.endswith("-small")
    print(f"# {name}\n\nFor {FOR[name.removesuffix('-small')]}. Made by `./dev train-models`; nothing below is written by hand.\n")
    print("| | |\n|---|---|")
    for what, text in (about_small if small else about)(name, final):
        print(f"| {what} | {text} |")
    print("| answers | 14 classes, all as frequent: multiply by their shares where you know better |")
    print(f"| seed | {final['seed']} |\n| made with | starling {final['version']}, {final['cpu']} |")
    print(f"| temperature | {temperature:.4f}, the mean of five folds |\n\n## Commands\n")
    print("\n".join("    " + line for line in (folder / f"{name}.commands").read_text().splitlines()))
    print("\n## Scores in five folds\n\nEach object is judged by a model that did not see it (95 % intervals of 1 000 resamples of"
          f" the objects). {len(folds)} folds; " + CHOSEN[small] + "\n")
    show_figures(told["models"][0])
    if "difference" in told:
        d = told["difference"]["log_loss"]
        print(f"\nLog-loss minus that of {name.removesuffix('-small')}'s five folds, in pairs: {d['value']:+.4f} ({d['low']:+.4f} to "
              f"{d['high']:+.4f}).")
    show_classes(told["models"][0])
    print("\nThe objects are simulated; how the model does on a real survey's alerts these figures do not say.")


main()
