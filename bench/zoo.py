"""Every network of the zoo on the same objects: how good, how large, how fast; and which changed views help it.

usage: zoo.py STARLING LIGHTCURVES.csv METADATA.csv [--exclude IDS] [-d FOLDER] [-s gr,photoz] [-n NET,...] [-j THREADS]
              [--only-ablation | --only-zoo]

Everything by starling's own commands. Networks are trained on four fifths of the objects (`train --fold 0`) and judged
on the rest, on whole light curves and on the view that an alert has: all up to a detection chosen by chance, nothing
later, nothing else changed. The epoch that is kept is that of the lowest validation loss on whole curves of the same
fifth, as everywhere in this table, so that figures are a little better than those of the final examination.

Each network learns from four changed views of every object, half of which are an alert's; "mlp, no alert views" tells
what that costs on whole light curves. Epochs are as many as some two minutes of one core allow. The second table changes one thing after the other in the views that mlp learns from.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

SETTINGS = {"gr": ["--bands", "gr"], "photoz": ["--bands", "ugrizy", "--redshift"]}
TITLES = {"gr": "g and r", "photoz": "six bands and photometric redshift"}
# What a network sees: the name of a kind of data and what prepare is told for it; and how it is trained.
SIGHTS = {"grid": ["--half"], "nights": ["--nights", "100", "--half"], "features": ["--no-grid"],
          "waves": ["--wavelengths", "32", "--planes", "error", "--half"]}
NETS = {
    "mlp": ("features", ["--epochs", "60", "--teach", "0"]),
    "mlp, taught": ("features", []),
    "mlp, no alert views": ("features", ["--epochs", "60", "--teach", "0"]),
    "t2": ("grid", ["--epochs", "25"]),
    "gru": ("grid", ["--epochs", "8"]),
    "lstm": ("nights", ["--epochs", "20"]),
    "tcn": ("grid", ["--epochs", "8"]),
    "cnn": ("waves", ["--epochs", "40"]),
}
NONE = {"--drop-points": "0", "--noise-share": "0", "--weak-share": "0", "--dim-share": "0"}
ABLATION = {
    "no views": None,
    "points left out": {"--drop-points": "0.5"},
    "noise": {"--noise-share": "1"},
    "dimmed": {"--dim-share": "1"},
    "bands left out": {"--drop-bands": "0.2"},
    "another redshift": {"--move-share": "1"},
    "alert views": {"--alert-share": "1"},
    "the default mix": {},
    "the default mix, half of it alert views": {"--alert-share": "0.5"},
}


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(w) for w in words)}\n{done.stderr}")
    return done.stdout


def processor_seconds():
    """Of the programs that were run so far: others on the machine disturb it less than the clock on the wall."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Bench:
    def __init__(self, args):
        self.args = args
        self.common = ["--labels", args.metadata, "-q", "-j", args.threads]
        if args.exclude:
            self.common += ["--exclude", args.exclude]

    def prepare(self, name, options):
        path = self.args.folder / name
        if not path.exists():
            run(self.args.starling, "prepare", self.args.lightcurves, *self.common, *options, "-o", f"{path}.new")
            Path(f"{path}.new").rename(path)
        return path

    def alert_views(self, data):
        """One row as it is and one cut at a detection, made as the data's are."""
        views = [word for pair in NONE.items() for word in pair]
        return self.prepare(f"{data.name}.exam", ["--like", data, "--copies", "1", "--alert-share", "1", "--seed", "77", *views])

    def train(self, name, net, data, options):
        model = self.args.folder / f"{name.replace(', ', '-').replace(' ', '-')}-{data.name}.starling"
        start = processor_seconds()
        run(self.args.starling, "train", data, "--net", net, "--patience", "0", "-q", "-j", self.args.threads, "-o", model, *options)
        return model, processor_seconds() - start

    def judge(self, model, data):
        told = json.loads(run(self.args.starling, "evaluate", "-m", model, data, "--fold", "0", "--json", "-j", self.args.threads))
        return told["models"][0]

    def microseconds(self, model):
        """Of the network alone, an alert, in processor time of one core; NaN where bench has no alerts for it."""
        try:
            told = json.loads(run(self.args.starling, "bench", "-m", model, "--json", "--warm-only", "-n", "3", "-t", "0.1",
                                  "--alerts", "100", "--night", "100"))
            return 1e6 / told["stages"]["network_32"]["per_second"]
        except (RuntimeError, KeyError, TypeError):
            return float("nan")


def figure(judged, rows, name, digits=3):
    x = judged[rows]["figures"][name]
    return f"{x['value']:.{digits}f} ({x['low']:.{digits}f} to {x['high']:.{digits}f})"


def zoo(bench, setting):
    print(f"\n### {TITLES[setting]}\n")
    print("| network | log-loss, whole | accuracy | log-loss, alert views | accuracy | parameters | us an alert | trained, processor |")
    print("|---|---|---|---|---|---:|---:|---:|", flush=True)
    for name, (sight, options) in NETS.items():
        if bench.args.nets and name not in bench.args.nets.split(";"):
            continue
        share = "0" if "no alert" in name else "0.5"
        data = bench.prepare(f"{setting}-{sight}-{share}",
                             [*SETTINGS[setting], *SIGHTS[sight], "--copies", "4", "--alert-share", share])
        model, seconds = bench.train(name, name.split(",")[0], data, options)
        judged = bench.judge(model, bench.alert_views(data))
        print(f"| {name} | {figure(judged, 'whole', 'log_loss')} | {figure(judged, 'whole', 'accuracy')} | "
              f"{figure(judged, 'views', 'log_loss')} | {figure(judged, 'views', 'accuracy')} | "
              f"{judged['parameters']:,} | {bench.microseconds(model):.1f} | {seconds:.0f} s |", flush=True)


def ablation(bench, setting):
    print(f"\n### Changed views, {TITLES[setting]}: mlp, 4 views of each object beside the whole one\n")
    print("| views | log-loss, whole | accuracy | log-loss, alert views | accuracy |")
    print("|---|---|---|---|---|", flush=True)
    exam = None
    for name, change in ABLATION.items():
        if name == "another redshift" and setting == "gr":
            continue
        words = [*SETTINGS[setting], *SIGHTS["features"]]
        if change is not None:
            given = change if name.startswith("the default") else {**NONE, **change}
            words += ["--copies", "4", *(word for pair in given.items() for word in pair)]
        data = bench.prepare(f"{setting}-ablation-{name.replace(' ', '-').replace(',', '')}", words)
        model, _ = bench.train("ablation", "mlp", data, ["--epochs", "60", "--teach", "0"])
        exam = bench.alert_views(data)
        judged = bench.judge(model, exam)
        exam.unlink()
        print(f"| {name} | {figure(judged, 'whole', 'log_loss')} | {figure(judged, 'whole', 'accuracy')} | "
              f"{figure(judged, 'views', 'log_loss')} | {figure(judged, 'views', 'accuracy')} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("starling")
    parser.add_argument("lightcurves")
    parser.add_argument("metadata")
    parser.add_argument("--exclude")
    parser.add_argument("-d", "--folder", default="build/zoo", type=Path)
    parser.add_argument("-s", "--settings", default="gr,photoz")
    parser.add_argument("-n", "--nets", help="rows of the first table with semicolons between them")
    parser.add_argument("-j", "--threads", default="0")
    parser.add_argument("--only-zoo", action="store_true")
    parser.add_argument("--only-ablation", action="store_true")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(args)
    for setting in args.settings.split(","):
        if not args.only_zoo:
            ablation(bench, setting)
        if not args.only_ablation:
            zoo(bench, setting)
    return 0


if __name__ == "__main__":
    sys.exit(main())
