#!/usr/bin/env python3
"""Peak memory of `starling classify` over nights of two lengths: it must not grow.

    bench/memory.py --starling build/cli/starling --model MODEL [--alerts 1000 200000] [--threads 1] [--survey ztf]
                    [--points MIN:MAX] [--append FILE]

Each night is simulated and piped in, never stored. Exits 1 where the longest
night needs over a tenth (and over 4 MB) more than the shortest.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile


def classify(arguments, alerts):
    """(peak MB, seconds, the ledger's line) of one night."""
    make = [arguments.starling, "simulate", "-n", str(alerts), "-s", arguments.survey, "-o", "-"]
    make += ["--points", arguments.points] if arguments.points else []
    take = [arguments.starling, "classify", "-j", str(arguments.threads), "-o", os.devnull]
    take += ["-m", arguments.model] if arguments.model else []
    with tempfile.NamedTemporaryFile() as out:
        maker = subprocess.Popen(make, stdout=subprocess.PIPE)
        command = [arguments.measure, out.name, *take, "-"]
        taker = subprocess.run(command, stdin=maker.stdout, stderr=subprocess.PIPE, text=True)
        maker.stdout.close()
        ledger = taker.stderr.strip()
        if taker.returncode != 0 or maker.wait() != 0:
            sys.exit(f"memory: classify ended with {taker.returncode}, simulate with {maker.returncode}: {ledger}")
        microseconds, kilobytes = out.read().split()
    return int(kilobytes) / 1024, float(microseconds) * 1e-6, ledger.splitlines()[-1] if ledger else ""


def append(path, rows):
    """Rows of one table: its head goes before the first that are put into the file."""
    title = "## Long nights, simulated and piped in"
    with open(path, "a+", encoding="utf-8") as file:
        file.seek(0)
        if title not in file.read():
            file.write(f"\n{title}\n\n| night | alerts | workers | peak MB | s, with the simulation | books |\n")
            file.write("|---|---:|---:|---:|---:|---|\n")
        file.writelines(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starling", default="build/cli/starling")
    parser.add_argument("--measure", default="build/bench/measure")
    parser.add_argument("--model")
    parser.add_argument("--alerts", type=int, nargs="+", default=[1000, 200000])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--survey", default="ztf")
    parser.add_argument("--points", help="detections an alert, as of starling simulate")
    parser.add_argument("--append", help="a Markdown file to put the figures into")
    arguments = parser.parse_args()
    peaks, rows = [], []
    for alerts in arguments.alerts:
        peak, seconds, ledger = classify(arguments, alerts)
        read = re.search(r"read\D*(\d+)", ledger)
        if read is None or int(read.group(1)) != alerts:
            sys.exit(f"memory: {alerts} alerts went in, the ledger says: {ledger}")
        print(f"{alerts:>9} alerts: peak {peak:6.1f} MB, {seconds:6.1f} s with the simulation, {ledger}", flush=True)
        peaks.append(peak)
        night = f"{arguments.survey}{', ' + arguments.points + ' points' if arguments.points else ''}"
        rows.append(f"| {night} | {alerts} | {arguments.threads} | {peak:.1f} | {seconds:.1f} | {ledger} |\n")
    if arguments.append:
        append(arguments.append, rows)
    growth = max(peaks) - peaks[0]
    if growth > 4 and growth > 0.1 * peaks[0]:
        print(f"memory: grew by {growth:.1f} MB")
        return 1
    print(f"memory: flat (within {growth:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
