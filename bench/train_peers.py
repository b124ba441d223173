#!/usr/bin/env python3
"""Training t2 beside PyTorch: objects a second and peak memory, in one run.

    bench/train_peers.py [--build build] [--python PYTHON] [--rounds 3] [--threads 1 2] [--write FILE]

Both do the same: t2 with six bands, 100 steps and batches of 64, forward,
backward, clipped norm, AdamW, dropout, average of the weights. PyTorch runs
with scaled_dot_product_attention and with nn.MultiheadAttention; the faster
counts. Each runs between two of the others, and the medians are shown.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OBJECTS, EPOCHS = 6000, 3
TITLE = "## Training t2 (six bands, batch 64)"


def run(command, threads):
    """Of a command on as many cores: its standard output."""
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    words = ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]
    # PyTorch's threads spin while they wait, which beside other programs costs it most of its speed.
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"train_peers: {words[3]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def ours(build, folder, threads):
    """(objects a second, peak MB) of the best epoch of a short training."""
    ledger, size = folder / "ledger", folder / "size"
    ledger.unlink(missing_ok=True)
    command = [build / "bench" / "measure", size, build / "cli" / "starling", "train", folder / "data", "-q"]
    command += ["--folds", 0, "--epochs", EPOCHS, "-j", threads, "--ledger", ledger, "-o", folder / "model"]
    run(command, threads)
    told = json.loads(ledger.read_text())
    return told["objects_per_second"], float(size.read_text().split()[1]) / 1024


def theirs(python, attention, threads):
    told = json.loads(run([python, HERE / "train_torch.py", "--threads", threads, "--attention", attention], threads))
    return told["objects_per_second"], told["peak_mb"], told["version"]


def measure(arguments, folder):
    """Rows of (threads, contender, objects a second, peak MB)."""
    rows, version = [], ""
    for threads in arguments.threads:
        figures = {}
        for _ in range(arguments.rounds):
            for attention in ("sdpa", "module"):
                figures.setdefault("starling", []).append(ours(arguments.build, folder, threads))
                *figure, version = theirs(arguments.python, attention, threads)
                figures.setdefault(attention, []).append(figure)
        medians = {name: [statistics.median(column) for column in zip(*got)] for name, got in figures.items()}
        best = max(("sdpa", "module"), key=lambda name: medians[name][0])
        names = {"sdpa": "scaled_dot_product_attention", "module": "nn.MultiheadAttention"}
        rows.append((threads, "starling", *medians["starling"]))
        rows.append((threads, f"PyTorch {version}, {names[best]}", *medians[best]))
    return rows


def table(rows):
    lines = [TITLE, "", "| threads | | objects/s | peak MB | starling is |", "|---:|---|---:|---:|---|"]
    for i, (threads, name, rate, peak) in enumerate(rows):
        ratio = ""
        if i % 2 == 1:
            _, _, our_rate, our_peak = rows[i - 1]
            ratio = f"{our_rate / rate:.1f} x as fast, in 1/{peak / our_peak:.0f} of the memory"
        lines.append(f"| {threads} | {name} | {f'{rate:,.0f}'.replace(',', ' ')} | {peak:.0f} | {ratio} |")
    return "\n".join(lines) + "\n"


def put(path, text):
    """Into a file, in the place of the section that was there."""
    old = path.read_text() if path.exists() else ""
    before, found, behind = old.partition(TITLE)
    rest = behind[behind.find("\n## ") + 1 :] if found and "\n## " in behind else ""
    path.write_text(before.rstrip() + "\n\n" + text + ("\n" + rest if rest else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has torch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run([arguments.build / "bench" / "make_grids", folder / "data", OBJECTS, 100, 6], 1)
        text = table(measure(arguments, folder))
    print(text)
    if arguments.write:
        put(arguments.write, text)


if __name__ == "__main__":
    main()
