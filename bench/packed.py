#!/usr/bin/env python3
"""Packed models beside the same networks uncoded, in one run.

    bench/packed.py [--build build] [--shared FOLDER] [--core 1] [--rounds 200] [--write FILE]

The model that the program carries for g and r is pruned, clustered and coded as it is (its answers are worth nothing,
its work is the same); the int8 and the bfloat16 network are coded without loss. Each is opened and asked beside its
uncoded twin by bench/packed_pair.c.
"""
import argparse
import datetime
import subprocess
import tempfile
from pathlib import Path

TITLE = "## Packed models beside uncoded ones"
HEAD = """
{title}

Two files of one network, one core, {rounds} rounds in turn; medians in us, and of the ratio packed / uncoded the median
and the middle 80 % of the rounds. `bench/packed.py`, {day}.

| network | | bytes uncoded | packed | us uncoded | packed | ratio | 80 % within |
|---|---|--:|--:|--:|--:|--:|---|
"""


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def pairs(build, shared, folder):
    """(name, uncoded file, packed file) of each kind of weights."""
    starling, helpers = build / "cli/starling", build / "tests/helpers"
    small, plain = folder / "small", folder / "plain"
    run(starling, "compress", "gr", "--steps", "prune,cluster,code", "--sparsity", "0.925", "--clusters", "6", "-q", "-o", small)
    run(starling, "compress", small, "--steps", "none", "-q", "-o", plain)
    yield "gr, pruned and clustered, float32", plain, small
    t2, halves = folder / "t2", folder / "halves"
    run(helpers / "make_model", "reference", t2)
    if (shared / "models/tinho-gr.tflite").exists():
        run(starling, "import", shared / "models/tinho-gr.tflite", "-o", t2)
    run(helpers / "store_bfloat16", t2, halves)
    originals = [("t2, float32", t2), ("t2, bfloat16", halves)]
    if (shared / "models/tinho-gr-int8.tflite").exists():
        run(starling, "import", shared / "models/tinho-gr-int8.tflite", "-o", folder / "int8")
        originals.append(("t2, int8", folder / "int8"))
    for name, original in originals:
        coded = original.with_name(original.name + ".coded")
        run(starling, "compress", original, "--steps", "code", "-q", "-o", coded)
        yield name, original, coded


def rows(arguments, folder):
    for name, uncoded, packed in pairs(arguments.build, arguments.shared, folder):
        out = run(arguments.build / "bench/packed_pair", "-c", arguments.core, "-r", arguments.rounds, uncoded, packed)
        sizes = [f"{path.stat().st_size:,}".replace(",", " ") for path in (uncoded, packed)]
        for line in out.splitlines():
            what, *numbers = line.split("\t")
            if len(numbers) < 5:
                continue
            us, ratio, low, high = numbers[:2], *numbers[2:]
            yield f"| {name} | {what} | {' | '.join(sizes)} | {' | '.join(us)} | {ratio} | {low} .. {high} |\n"
            name, sizes = "", ["", ""]


def put(path, text):
    """In the place of what stands there under the title, or at the end."""
    before, found, after = path.read_text(encoding="utf-8").partition("\n" + TITLE)
    rest = after[after.index("\n## "):] if "\n## " in after else ""
    path.write_text(before.rstrip() + "\n" + text.rstrip() + "\n" + rest, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = HEAD.format(title=TITLE, rounds=arguments.rounds, day=datetime.date.today())
        text += "".join(rows(arguments, Path(folder)))
    print(text)
    if arguments.write:
        put(arguments.write, text)


if __name__ == "__main__":
    main()
