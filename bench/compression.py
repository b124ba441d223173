"""The tables of docs/compression.md: every combination of the steps on networks of ours, on imported ones, and LiteRT.

usage: compression.py BUILD DOCS --plasticc FOLDER [--exclude IDS] [--shared FOLDER] [--only NAME,...] [--epochs N]
                      [--threads N]

FOLDER has PLAsTiCC's two tables. Each network of MODELS is prepared, trained and compressed in every combination, with the
options that models/recipe.sh tells, on four fifths of the objects; the TFLite files under the shared folder are imported and get rows of their own, and LiteRT opens and runs them in the same run,
where it is installed. Writes DOCS/compression.md and, beside it, NAME.csv and NAME.svg in DOCS/compression/. What was prepared
and trained stays in BUILD/compress-table and is taken again; a change of the recipe makes it anew. --only and
--epochs (of everything that learns) are for trying: what they leave out is missing in DOCS.
"""
import argparse
import csv
import hashlib
import json
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

MODELS = ["gr", "ugrizy", "ugrizy-photoz"]
RECIPE = Path(__file__).resolve().parent.parent / "models/recipe.sh"

# Imported networks: their weights as they are.
IMPORTED = {"table": "--no-tuning --folds 2 --sparsity 0.3 --clusters 32 --clusters-vector 0"}
G, R = "1", "2"  # PLAsTiCC's passbands

INTRODUCTION = """# Compression

Made by `./dev compress-table`, which trains the networks of these tables itself, by the recipe of the models that the program
carries (`models/recipe.sh`) but on four fifths of the objects, so that the others can judge. No row is copied from another. Every combination of the four steps is written to a file, opened and run. *Bits a weight* are those of the whole file, labels and contract included,
over the parameters of the original. Times are medians: from the file's name to an open model, to its first answer, and
an answer after that. The log-loss weighs classes alike; it is that of objects that neither the model nor its
teachers learned from (a fifth of PLAsTiCC's training set without the reserved objects); the difference is paired and
has the middle 95 % of 1000 resamples. The same objects chose the temperature of each run, and the epoch of the originals and of
the rows without clusters, whose losses are somewhat too good by that (by 0.01 of the originals in g and r, `models/README.md`); rows with clusters are their last epoch's. Pruned and clustered rows share what was learned: one fine-tuning with pruning, one with
clusters, one with both; one set of teachers teaches all three. Clusters alone have so many values for all weights of a
dense matrix; beside pruning the zeros have theirs.
"""

OUTRO = """
The options of our networks were found in some 150 runs judged on five folds, of which this is one, and runs that differ in
little scatter by 0.02 to 0.03 on one fold: what counts is an [exam on others](../models/README.md#the-small-ones).
"""

PUBLISHED = """
## Fewer units

Pruning makes files small; networks that are really narrower, and answer two and three times as fast for little more loss, come
of whole units and heads that are taken out: [narrower.md](narrower.md).

## Search

How narrow a network, on how few features or times, for how many bytes and microseconds: [search.md](search.md).

## What was published

Allam, Peloton & McEwen 2023 (arXiv:2303.08951), their figures, t2 trained on grids of g and r. Losses are of another
test set than ours above. Sizes are blocks of a file system, "Huffman" a zip of the folder; "clustering" touched the last layer's 448 weights, and the pruned model has no zero among its weights.

| model | kB | load [ms] | log-loss |
|---|--:|--:|--:|
| baseline (SavedModel) | 1100 | 6324 | 0.968 |
| Huffman | 244 | 6015 | |
| clustering | 892 | 5559 | 0.836 |
| clustering, pruning | 688 | 5721 | 1.017 |
| clustering, Huffman | 240 | 4991 | |
| clustering, pruning, Huffman | 128 | 5251 | |
| TFLite, clustering | 92 | 0.426 | |
| TFLite, clustering, quantization | 60 | 0.271 | 0.834 |
"""



def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"compression: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def count(n):
    return f"{n:,}".replace(",", " ")


def lite_rt(path):
    """(bytes, us to open, us to the first answer, us an answer) of a TFLite file, or None without LiteRT."""
    try:
        import numpy as np
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return None

    def first():
        start = time.perf_counter()
        net = Interpreter(model_path=str(path), num_threads=1)
        net.allocate_tensors()
        opened = time.perf_counter()
        what = net.get_input_details()[0]
        x = np.zeros(what["shape"], np.float32)
        net.set_tensor(what["index"], x)
        net.invoke()
        return net, what["index"], x, opened - start, time.perf_counter() - start

    rounds = [first() for _ in range(21)]
    net, index, x = rounds[-1][:3]
    answers = []
    for _ in range(201):
        start = time.perf_counter()
        net.set_tensor(index, x)
        net.invoke()
        answers.append(time.perf_counter() - start)
    return (path.stat().st_size, 1e6 * statistics.median(r[3] for r in rounds),
            1e6 * statistics.median(r[4] for r in rounds), 1e6 * statistics.median(answers))


class Tables:
    """One run of it all: where things are, and the text so far."""

    def __init__(self, arguments, work):
        self.arguments = arguments
        self.starling = arguments.build.resolve() / "cli/starling"
        self.work = work
        self.folder = arguments.docs / "compression"
        self.folder.mkdir(exist_ok=True)
        self.exclude = ["--exclude", arguments.exclude] if arguments.exclude else []
        self.threads = ["--threads", arguments.threads]
        self.seconds = 0.0  # of fine-tuning, teachers included

    def learn(self):
        """The end of a line of options for whatever learns."""
        return ["--epochs", self.arguments.epochs] if self.arguments.epochs else []

    def made(self, name, ending, *command):
        """The file that the command makes with -o, or the one it made before: its name tells the command, the name of what it
        begins with too."""
        told = hashlib.sha256(" ".join(map(str, command)).encode()).hexdigest()[:8]
        path = self.work / f"{name}-{told}.{ending}"
        if not path.exists():
            print(f"  {path.name}", flush=True)
            draft = path.with_suffix(".draft")
            run(self.starling, *command, "-o", draft)
            draft.rename(path)
        return path

    def prepared(self, name, curves, *options):
        labels = self.arguments.plasticc / "plasticc_train_metadata.csv"
        return self.made(name, "data", "prepare", curves, "--labels", labels, *options, *self.exclude, *self.threads, "-q")

    def table(self, name, model, data, options):
        """(Markdown, judged objects, minutes) of the table of a model."""
        start = time.monotonic()
        ledger = self.work / f"{name}.ledger"
        ledger.unlink(missing_ok=True)
        run(self.starling, "compress", model, "--data", data, "--table", "-q", "-o", self.folder / name, *options.split(),
            *self.threads, "--ledger", ledger)
        text = self.folder / f"{name}.md"
        table = text.read_text()
        text.unlink()
        objects = json.loads(ledger.read_text().splitlines()[0])["objects"]
        return table, count(int(objects)), (time.monotonic() - start) / 60

    def own(self, name):
        """Section of a network of ours."""
        recipe = dict(line.split(" ", 1) for line in run("sh", RECIPE, name).splitlines())
        print(f"{name}:", flush=True)
        data = self.prepared(name, self.arguments.plasticc / "plasticc_train_lightcurves.csv", *recipe["prepare"].split())
        model = self.made(name, "starling", "train", data, *recipe["train"].split(), "--novelty", "none", *self.learn(),
                          *self.threads, "-q")
        options = " ".join([recipe["compress"], *map(str, self.learn())])
        table, objects, minutes = self.table(name, model, data, options)
        self.seconds += 60 * minutes
        print(f"  {minutes:.1f} minutes", flush=True)
        return (f"\n## {name}\n\n`starling prepare {recipe['prepare']}`, `starling train {recipe['train']}`, "
                f"`starling compress {name} --table {options}`; the table, its teachers and its fine-tuning included, took "
                f"{minutes:.1f} minutes. Judged on {objects} objects.\n\n{table}\n![bytes against loss](compression/{name}.svg)\n")

    def two_bands(self):
        """PLAsTiCC's light curves in g and r alone, of objects with a detection in each: what a network of two channels takes."""
        path = self.work / "two-bands.csv"
        if path.exists():
            return path
        with open(self.arguments.plasticc / "plasticc_train_lightcurves.csv", newline="") as file:
            rows = list(csv.reader(file))
        head = rows[0]
        object_id, band, detected = (head.index(name) for name in ("object_id", "passband", "detected_bool"))
        kept = [row for row in rows[1:] if row[band] in (G, R)]
        seen = {(row[object_id], row[band]) for row in kept if row[detected] == "1"}
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(row for row in kept if (row[object_id], G) in seen and (row[object_id], R) in seen)
        return path

    def imported(self, path):
        """Section of a network that was trained elsewhere, float32."""
        print(f"{path.name}:", flush=True)
        model = self.made(path.stem, "starling", "import", path, "--contract", "reference")
        data = self.prepared(path.stem, self.two_bands(), "--like", model)
        table, objects, _ = self.table(path.stem, model, data, IMPORTED["table"])
        (self.folder / f"{path.stem}.svg").unlink()
        return (f"\n## {path.name}, imported, without training\n\nThe weights as they are: `starling compress --table "
                f"{IMPORTED['table']}`. Judged on {objects} objects of PLAsTiCC, half of those that have a detection in g and one in r, "
                f"prepared with `starling prepare --like` as its published recipe says, the faults included; its classes are these. "
                f"It was trained on other light curves, and is sure of itself where it is wrong about these: whatever blurs its weights "
                f"makes the log-loss less, so what compression costs is told by the share of the same answers.\n\n{table}")

    def timed(self, uncoded, coded):
        """us to open, to the first answer, an answer: of both files, in turn."""
        out = run(self.arguments.build / "bench/packed_pair", "-r", 60, uncoded, coded)
        figures = dict((line.split("\t")[0], line.split("\t")[1:3]) for line in out.splitlines())
        return [[float(figures[what][i]) for what in ("open", "file to first answer", "answer")] for i in range(2)]

    def beside(self, paths):
        """LiteRT and ours on the TFLite files."""
        rows = []
        for path in paths:
            ours = self.made(path.stem, "starling", "import", path, "--contract", "reference")
            coded = self.made(path.stem, "coded", "compress", ours, "--steps", "code", "-q")
            who = [(path.name, "LiteRT", lite_rt(path))]
            names = (("starling, imported", ours), ("starling, coded without loss", coded))
            for (name, file), us in zip(names, self.timed(ours, coded)):
                who.append(("", name, (file.stat().st_size, *us)))
            for name, runner, measured in who:
                if measured:
                    rows.append(f"| {name} | {runner} | {count(measured[0])} | " + " | ".join(f"{x:.0f}" for x in measured[1:]) + " |\n")
                else:
                    rows.append(f"| {name} | {runner}: not installed | {count(path.stat().st_size)} | - | - | - |\n")
        return ("\n## LiteRT on the TFLite files, in the same run\n\nFiles whose name says int8 have int8 weights and run in int8 "
                "arithmetic, there and here; coded, they keep it. Medians.\n\n"
                "| file | run by | bytes | open [us] | first answer [us] | answer [us] |\n|---|---|--:|--:|--:|--:|\n" + "".join(rows))


def sections(tables, names, paths, wanted):
    for name in names:
        yield tables.own(name)
    if names:
        yield f"\nAll that these tables learned, teachers and fine-tuning, took {tables.seconds / 60:.1f} minutes in all.\n" + OUTRO
    for path in paths:
        if "imported" in wanted and "int8" not in path.stem:
            yield tables.imported(path)
    if "litert" in wanted and paths:
        yield tables.beside(paths)
    yield PUBLISHED


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("docs", type=Path)
    parser.add_argument("--plasticc", type=Path, required=True)
    parser.add_argument("--exclude", type=Path)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--only", help="these of " + ", ".join([*MODELS, "imported", "litert"]))
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    wanted = (arguments.only or ",".join([*MODELS, "imported", "litert"])).split(",")
    work = arguments.build / "compress-table"
    work.mkdir(exist_ok=True)
    tables = Tables(arguments, work)
    paths = sorted((arguments.shared / "models").glob("*.tflite")) if arguments.shared else []
    text = [INTRODUCTION]
    # What was made is written at once: an hour's work is not to depend on its last minute.
    for section in sections(tables, [name for name in MODELS if name in wanted], paths, wanted):
        text.append(section)
        (arguments.docs / "compression.md").write_text(re.sub(r"\n{3,}", "\n\n", "".join(text)))


if __name__ == "__main__":
    main()
