"""The tables of docs/compression.md: every combination of the steps on models of ours, the imported one, and its peers.

usage: compression.py STARLING DOCS [--model NAME MODEL DATA OPTIONS]... [--tflite FILE]...

For each --model the program is run with --table (OPTIONS is one string of more options; DATA may be "-": without
training). Each TFLite file is imported and gets rows of its own; LiteRT opens and runs it in the same run, where it is
installed. Writes DOCS/compression.md and, beside it, NAME.csv and NAME.svg in DOCS/compression/.
"""
import argparse
import re
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

INTRODUCTION = """# Compression

Made by `./dev compress-table`, which trains the networks of these tables itself: they are not the models that the program
carries. No row is copied from another. Every combination of the four steps is written to a file, opened and run. *Bits a weight* are those of the whole file, labels and contract included,
over the parameters of the original. Times are medians: from the file's name to an open model, to its first answer, and
an answer after that. The log-loss weighs classes alike; it is that of objects that neither the model nor its
teachers learned from (a fifth of PLAsTiCC's training set without the reserved objects); the difference is paired and
has the middle 95 % of 1000 resamples. The same objects chose the epoch and the temperature of each run, original and
compressed alike, so both losses are somewhat too good. Pruned and clustered rows share what was learned: one fine-tuning with pruning, one with
clusters, one with both.
"""

PUBLISHED = """
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
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


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


def table_of(starling, folder, name, model, data, options):
    command = [starling, "compress", model, "--table", "-q", "-o", folder / name, *shlex.split(options)]
    run(*command, *(["--data", data] if data != "-" else []))
    return (folder / f"{name}.md").read_text()


def small_of(starling, model, data, options):
    """The words of the program about the model compressed with all four steps."""
    with tempfile.TemporaryDirectory() as folder:
        return run(starling, "compress", model, "-q", "-o", Path(folder) / "small", "--data", data, *shlex.split(options))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("starling", type=Path)
    parser.add_argument("docs", type=Path)
    parser.add_argument("--model", nargs=4, action="append", default=[], metavar=("NAME", "MODEL", "DATA", "OPTIONS"))
    parser.add_argument("--tflite", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    arguments.starling = arguments.starling.resolve()
    folder = arguments.docs / "compression"
    folder.mkdir(exist_ok=True)
    text = [INTRODUCTION]
    for name, model, data, options in arguments.model:
        start = time.monotonic()
        table = table_of(arguments.starling, folder, name, model, data, options)
        minutes = (time.monotonic() - start) / 60
        shown = f"`starling compress {name} --table {options}`" if options else "no options"
        text.append(f"\n## {name}\n\n{shown}; the whole table, its fine-tuning included, took {minutes:.1f} minutes.\n\n{table}"
                    f"\n![bytes against loss](compression/{name}.svg)\n")
    peers = []
    for path in arguments.tflite:
        with tempfile.TemporaryDirectory() as other:
            imported = Path(other) / "imported"
            run(arguments.starling, "import", path, "--contract", "reference", "-o", imported)
            table = table_of(arguments.starling, folder, path.stem, imported, "-", "--sparsity 0.3 --clusters 32 --clusters-vector 0")
            text.append(f"\n## {path.name}, imported, without training\n\nThe weights as they are: 30 % pruned, 32 values a matrix.\n\n{table}")
        measured = lite_rt(path)
        if measured:
            peers.append(f"| {path.name} | {measured[0]} | " + " | ".join(f"{x:.0f}" for x in measured[1:]) + " |\n")
    if peers:
        text.append("\n## LiteRT on the TFLite files, in the same run\n\n| file | bytes | open [us] | first answer [us] | answer [us] |\n"
                    "|---|--:|--:|--:|--:|\n" + "".join(peers))
    text.append(PUBLISHED)
    for path in [*folder.glob("*.md"), *(folder / f"{path.stem}.svg" for path in arguments.tflite)]: # nothing was judged there
        path.unlink()
    (arguments.docs / "compression.md").write_text(re.sub(r"\n{3,}", "\n\n", "".join(text)))


if __name__ == "__main__":
    main()
