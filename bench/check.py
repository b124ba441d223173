#!/usr/bin/env python3
"""What each stage costs in instructions, against a baseline: unlike times these do not change with the machine's load.

    bench/check.py [--build build] [--update] [--tolerance 3]

Runs `starling bench` on a made-up night under valgrind's callgrind, once for each
set of kernels that valgrind can run, and adds up the instructions of each stage
(functions stage_* of cli/bench_stages.c with all that they call) and of each
kernel. bench/baseline.json holds what they were, by kernels and compiler;
--update writes it. Exits 1 where anything costs more than the tolerance [%]
beyond the baseline, 77 where there is nothing to compare with.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "bench" / "baseline.json"
KERNELS = ("scalar", "avx2")  # valgrind has no AVX-512
STAGES = re.compile(r"stage_\w+$")
# Whole runs have threads that wait for each other: not the same twice.
LEFT_OUT = {"stage_tar_to_json_lines"}


def instructions(profile, names):
    """{name: instructions a call, with all that is called} of a callgrind file without compression."""
    spent, called = {}, {}
    function, callee, calls = None, None, 0
    for line in profile.splitlines():
        if line.startswith("fn="):
            function = line[3:].split("'")[0]
        elif line.startswith("cfn="):
            callee = line[4:].split("'")[0]
        elif line.startswith("calls="):
            calls = int(line[6:].split()[0])
        elif calls and line[:1] in "0123456789+-*":
            # The line behind calls= is the call's inclusive cost.
            if names(callee):
                spent[callee] = spent.get(callee, 0) + int(line.split()[1])
                called[callee] = called.get(callee, 0) + calls
            calls = 0
    return {name: spent[name] / called[name] for name in spent}


def measure(starling, model, night, kernels):
    """(compiler, {stage or kernel: instructions a call})."""
    with tempfile.TemporaryDirectory(prefix="starling-check-") as folder:
        out = Path(folder) / "profile"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=no"]
        command += ["--compress-pos=no", starling, "bench", "--json", "--warm-only", "-n", "1", "-t", "0", "-j", "1"]
        command += ["--night", "2", "-m", model, night]
        environment = {**os.environ, "STARLING_CPU": kernels}
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            sys.exit(f"check: {done.stderr.strip()}")
        told = json.loads(done.stdout)
        if told["kernels"] != kernels:
            return None
        tables = {"gemm", "attention", "norm", "quantize", "pack", "mean", "softmax"}
        cost = instructions(out.read_text(), lambda name: STAGES.match(name) or name in tables)
    return told["compiler"], {name: round(cost[name]) for name in sorted(cost) if name not in LEFT_OUT}


def compare(key, now, before, tolerance):
    """Tells line by line; how many cost too much."""
    worse = 0
    for name in sorted(now.keys() | before.keys()):
        if name not in before:
            print(f"  {name:<28} {now[name]:>12,}            new")
        elif name not in now:
            print(f"  {name:<28} {'':>12} {before[name]:>12,}  gone: --update")
        else:
            change = 100 * (now[name] / before[name] - 1)
            verdict = "MORE" if change > tolerance else "less: --update" if change < -tolerance else ""
            worse += change > tolerance
            print(f"  {name:<28} {now[name]:>12,} {before[name]:>12,} {change:+7.1f} %  {verdict}")
    print(f"{key}: {worse} of {len(now)} cost over {tolerance:g} % more")
    return worse


def make_inputs(build, folder):
    model, night = Path(folder) / "model", Path(folder) / "night.tar"
    subprocess.run([build / "tests/helpers/make_model", "reference", model], check=True)
    # Points as ZTF's alerts have them, and few of them: valgrind is 50 times slower.
    simulate = [build / "cli/starling", "simulate", "-q", "-n", "24", "--points", "4:40", "-o", night]
    subprocess.run(simulate, check=True)
    return model, night


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--update", action="store_true", help="write the baseline")
    parser.add_argument("--tolerance", type=float, default=3, help="percent")
    arguments = parser.parse_args()
    build = Path(arguments.build)
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    worse = compared = 0
    with tempfile.TemporaryDirectory(prefix="starling-check-") as folder:
        model, night = make_inputs(build, folder)
        for kernels in KERNELS:
            found = measure(build / "cli/starling", model, night, kernels)
            if found is None:
                print(f"{kernels}: not on this machine")
                continue
            key = f"{kernels}, {found[0]}"
            if arguments.update:
                baseline[key] = found[1]
            elif key in baseline:
                compared += 1
                worse += compare(key, found[1], baseline[key], arguments.tolerance)
            else:
                print(f"{key}: no baseline (--update makes one)")
    if arguments.update:
        BASELINE.write_text(json.dumps(baseline, indent=1, sort_keys=True) + "\n")
        print(f"{BASELINE.relative_to(ROOT)}: {len(baseline)} sets of figures")
        return 0
    return 1 if worse else 0 if compared else 77


if __name__ == "__main__":
    sys.exit(main())
