#!/usr/bin/env python3
"""A model's card in Markdown, from what its training left: models/card.py NAME FOLDER > models/NAME.md

FOLDER holds NAME.ledger (a line for each of the five folds, the model itself last), NAME-folds.json (starling evaluate
of the folds' models) and NAME.commands (what was run). Nothing in a card is written by hand.
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


def cell(figure):
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def main():
    name, folder = sys.argv[1], Path(sys.argv[2])
    lines = [json.loads(line) for line in (folder / f"{name}.ledger").read_text().splitlines()]
    final, folds = lines[-1], lines[:-1]
    scores = json.loads((folder / f"{name}-folds.json").read_text())["models"][0]
    views = {"whole light curves": scores["whole"], "views of them": scores.get("views")}
    print(f"# {name}\n\nFor {FOR[name]}. Made by `./dev train-models`; nothing below is written by hand.\n")
    print("| | |\n|---|---|")
    print("| data | PLAsTiCC's training set, under the contract `starling`; "
          f"{final['n_train']} objects learned from; data set {final['data_id']} |")
    print(f"| network | {final['net']}: {final['head']} and {final['head2']} units on features, {final['parameters']} parameters |")
    print(f"| answers | 14 classes, all as frequent: multiply by their shares where you know better |")
    print(f"| seed | {final['seed']} |\n| made with | starling {final['version']}, {final['cpu']} |")
    print(f"| training | {final['seconds']:.0f} s of wall time, {final['epochs']} epochs |")
    print(f"| temperature | {final['temperature']:.4f}, the mean of five folds |\n")
    print("## Commands\n")
    print("\n".join("    " + line for line in (folder / f"{name}.commands").read_text().splitlines()))
    print("\n## Scores in five folds\n\nEach object is judged by a model that did not see it (95 % intervals of 1 000 resamples of"
          f" the objects). {len(folds)} folds; of each the best epoch on that fold is kept, which makes the figures a\n"
          "little too good.\n")
    present = {k: v for k, v in views.items() if v}
    print("| | " + " | ".join(f"{k}, {v['rows']}" for k, v in present.items()) + " |\n|---" * 1 + "|---" * len(present) + "|")
    for key, text in FIGURES:
        print(f"| {text} | " + " | ".join(cell(v["figures"][key]) for v in present.values()) + " |")
    print("\n| class | objects | log-loss | precision | recall | F1 |\n|---|---|---|---|---|---|")
    for row in scores["whole"]["classes"]:
        print(f"| {row['class']} | {row['rows']} | {cell(row['log_loss'])} | {row['precision']['value']:.2f} | "
              f"{row['recall']['value']:.2f} | {row['f1']['value']:.2f} |")
    print("\nThe objects are simulated; how the model does on a real survey's alerts these figures do not say.")


main()
