#!/usr/bin/env python3
"""Ours and the peers on the same inputs, in one run, on one core.

    bench/peers.py [--build build] [--shared DIR] [--packets FOLDER] [--plasticc CSV] [--rounds 3] [--core N]
                   [--write FILE]

Ours is what `starling bench --json` says. Each peer is measured between two
measurements of ours; the table holds the medians over the rounds. What is not
at hand (a package, the shared models, PLAsTiCC) is left out and said.
./dev bench calls this through bench/run.sh.
"""
import argparse
import datetime
import importlib
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import contenders as peers
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("george", "scipy", "numpy", "ai-edge-litert", "onnxruntime", "fastavro")
PACKAGES += ("fink-utils", "pandas", "astropy", "scikit-learn")
GEORGE = "george + SciPy L-BFGS-B"
FIT_BINS = ((31, 60), (301, 100000))  # points of a light curve; the second of starling's bins, and its last


def stage(name, wall=False):
    """Of what `starling bench --json` says: (p50 us, p99 us, alerts in a second of processor time)."""

    def figure(told):
        s = told["stages"].get(name)
        if s is None:
            return None
        return (None, None, s["wall_per_second"]) if wall else (s["p50_us"], s["p99_us"], s["per_second"])

    return figure


def fit_of(points, batch=False):
    """Of light curves from so many points on: the fit of one; or fit and mean of many at once, as a rate alone."""

    def figure(told):
        bin = next(b for b in told["fit_by_points"] if b["from"] == points)
        if not bin["curves"]:
            return None
        return (None, None, bin["batch_per_second"]) if batch else (bin["p50_us"], bin["p99_us"], bin["per_second"])

    return figure


class Run:
    """Rows of figures: row -> contender -> [(p50 us, p99 us, alerts a second) of each measurement]."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.starling = Path(arguments.build) / "cli" / "starling"
        self.figures = {}
        self.facts = {}
        self.notes = []

    def note(self, text):
        self.notes.append(text)
        print("note: " + text, file=sys.stderr)

    def add(self, row, contender, figure):
        if figure is not None:
            self.figures.setdefault(row, {}).setdefault(contender, []).append(figure)

    def ours(self, options, rows, cpu=None):
        command = [self.starling, "bench", "--json", "--warm-only", "-n", "2", "-t", "0.1", "-j", "1", *options]
        environment = {**os.environ, "STARLING_CPU": cpu} if cpu else None
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            sys.exit(f"peers: {done.stderr.strip()}")
        told = json.loads(done.stdout)
        for row, figure in rows.items():
            self.add(row, "starling", figure(told))
        return told

    def compare(self, options, rows, contest, cpu=None):
        """Ours, a peer, ours, a peer, ..., ours. rows: row -> what of ours; contest: (row or rows, contender, measure)."""
        told = None
        for _ in range(self.arguments.rounds):
            told = self.ours(options, rows, cpu)
            for row, contender, measure in contest:
                figure = measure()
                for one in row if isinstance(row, tuple) else (row,):
                    self.add(one, contender, figure)
                self.ours(options, rows, cpu)
        return told


def compare_decoding(run, folder, packets, model):
    """Packets to fields, and what the packets are; gives fastavro's function of a packet's index, or None."""
    row = "packet to fields"
    contest, cached = [], None
    if packets:
        try:
            opened, cached = peers.fastavro_peers(packets)
            indices = list(range(len(packets)))
            contest = [
                (row, "fastavro, schema cached", lambda: peers.timed(cached, indices)),
                (row, "fastavro", lambda: peers.timed(opened, indices)),
            ]
        except ImportError as error:
            run.note(f"packets: a peer is missing ({error})")
    else:
        run.note("no real packets: a simulated night, without peers beside it")
    run.facts = run.compare(["-m", model, *([folder] if folder else [])], {row: stage("decode")}, contest)
    run.note(
        f"packets: {run.facts['packets']:.0f} of {run.facts['packet_bytes']:.0f} bytes (mean), "
        f"{run.facts['meet_contract']:.0f} of {run.facts['alerts']:.0f} alerts meet the contract"
    )
    return cached


def agreement(run, name, theirs, model, paths):
    """Notes of how many alerts both sides give the same class, none included; gives our ids with a class."""
    command = [str(word) for word in (run.starling, "classify", "-q", "-m", model, "-o", "-", *paths)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    ours = {record["alert_id"]: record["class"] or "" for record in map(json.loads, lines)}
    theirs = {record["alert_id"]: record["class"] for record in map(json.loads, theirs)}
    classified = {alert for alert, label in theirs.items() if label}
    same = sum(ours[alert] == theirs[alert] for alert in classified)
    refused = sum(not ours[alert] for alert in theirs if alert not in classified)
    run.note(
        f"{name}: of {len(classified)} alerts that the published program classifies {same} get the same class from "
        f"starling; of {len(theirs) - len(classified)} that it does not, {refused} are refused"
    )
    if same < 0.95 * len(classified) or refused < len(theirs) - len(classified):
        sys.exit("peers: that is not the same work")
    return {alert for alert, label in ours.items() if label}


def compare_whole(run, work, inputs, tflite, model, read, batch, n_alerts, lean=None):
    """The whole way, and the published program beside it, which is given `batch`; lean: (function, its arguments)."""
    published = importlib.import_module("published").program(read, tflite)

    def in_one_call():
        start = time.process_time()
        published(batch)
        return None, None, n_alerts / (time.process_time() - start)

    rows = {f"{work} in memory to JSON lines": stage("bytes_to_json_line")}
    if lean:
        rows[f"{work} in a tar to JSON lines"] = stage("tar_to_json_lines")
    contest = [(tuple(rows), "the published program", in_one_call)]
    if lean:
        contest.append((tuple(rows), "the same recipe, lean", lambda: peers.timed(*lean, 2.0)))
    run.compare(["-m", model, inputs], rows, contest)
    return published


def links(files, folder):
    folder.mkdir()
    for file in files:
        (folder / file.name).symlink_to(file.resolve())
    return folder


def compare_records(run, files, packets, cached, models, folder):
    """Bytes in memory to lines of JSON; models: of each the name, our file and the TFLite file."""
    every = list(range(len(files)))

    def read(indices):
        return [cached(i) for i in indices]

    program = importlib.import_module("published").program
    for name, model, tflite in models:
        theirs = program(read, tflite)(every)
        kept = agreement(run, f"packets, {name}", theirs, model, files)
        some = [i for i in every if str(cached(i)["candid"]) in kept]
        for what, chosen in (("packets", every), ("packets that are classified", some)):
            inputs = links([files[i] for i in chosen], folder / f"{what}, {name}")
            # The program was published with its int8 file; lean and float32 is the hardest that it can be made.
            lean = (peers.lean_recipe(cached, tflite), chosen)
            compare_whole(run, f"{what}, {name},", inputs, tflite, model, read, chosen, len(chosen), lean)
    name, model, tflite = models[0]
    container, n = folder / "container.avro", 300
    subprocess.run([run.starling, "simulate", "-q", "-n", str(n), "--form", "container", "-o", container], check=True)
    batch = container.read_bytes()
    agreement(run, f"simulated, {name}", program(peers.container_alerts, tflite)(batch), model, [container])
    work = f"a container of {n} simulated alerts, {name},"
    compare_whole(run, work, container, tflite, model, peers.container_alerts, batch, n)


def compare_packets(run, packets_folder, model, shared, folder):
    files = sorted(path for path in Path(packets_folder).iterdir() if path.is_file()) if packets_folder else []
    packets = [path.read_bytes() for path in files]
    cached = compare_decoding(run, packets_folder, packets, model)
    if cached is None or not shared:
        return
    try:
        importlib.import_module("published")
    except ImportError as error:
        run.note(f"the published program is left out ({error})")
        return
    names = {"float32": "tinho-gr", "int8": "tinho-gr-int8"}
    imported = {kind: import_model(run, shared, name, folder) for kind, name in names.items()}
    models = [(kind, imported[kind], shared / "models" / f"{names[kind]}.tflite") for kind in names]
    compare_records(run, files, packets, cached, models, Path(folder))


def busiest(cores, seconds=0.5):
    """The largest share of a time that one of the cores was not idle."""

    def ticks():
        with open("/proc/stat", encoding="ascii") as file:
            lines = [line.split() for line in file if line.startswith("cpu") and line[3].isdigit()]
        return {int(line[0][3:]): [int(word) for word in line[1:9]] for line in lines}

    before = ticks()
    time.sleep(seconds)
    after = ticks()
    shares = []
    for core in cores:
        spent = [late - early for late, early in zip(after[core], before[core])]
        shares.append(1 - (spent[3] + spent[4]) / max(sum(spent), 1))  # idle, and waiting for a disk
    return max(shares)


def is_idle(cores, patience=0):
    end = time.monotonic() + patience
    while busiest(cores) > 0.1:
        if time.monotonic() > end:
            return False
    return True


def compare_workers(run, packets_folder, model):
    """Two workers against one, by the clock on the wall: on all cores, after the others, where nobody else is there."""
    row = "packets in a tar to JSON lines, two workers, wall"
    options = ["-m", model, "-j", "2", "--night", "8000", *([packets_folder] if packets_folder else [])]
    cores = os.sched_getaffinity(0)
    disturbed = 0
    for _ in range(run.arguments.rounds):
        os.sched_setaffinity(0, run.all_cores)
        before = is_idle(run.all_cores, 60)
        told = run.ours(options, {})
        os.sched_setaffinity(0, cores)
        if not before or not is_idle(run.all_cores):
            disturbed += 1
            continue
        run.add(row, "starling", stage("tar_all_workers", wall=True)(told))
        run.add(row, "starling, one worker on one core", stage("tar_to_json_lines", wall=True)(told))
        run.add(row, "starling, one worker", stage("tar_one_worker", wall=True)(told))
    if disturbed:
        run.note(f"two workers: {disturbed} of {run.arguments.rounds} rounds do not count, another program was there")


def network_contest(run, shared, inputs, name, label, aside=""):
    """Rows and peers of the network alone, for one of the shared models; inputs: n x 100 x 2 float32."""
    contest = []
    kinds = [("LiteRT" + aside, peers.LiteRT, ".tflite"), ("ONNX Runtime" + aside, peers.OnnxRuntime, ".onnx")]
    for batch in (1, 8):
        batches = [inputs[i : i + batch] for i in range(0, len(inputs) - batch + 1, batch)]
        for contender, make, suffix in kinds:
            path = shared / "models" / (name + suffix)
            if not path.exists():
                continue
            try:
                net = make(path, batch)
                net(batches[0])
            except Exception as error:  # a package that is missing, or a batch that the file does not allow
                run.note(f"{contender}, {path.name}, batch {batch}: left out ({str(error).splitlines()[0]})")
                continue

            def measure(net=net, batches=batches, batch=batch):
                p50, p99, rate = peers.timed(net, batches, 0.5)
                return p50 / batch, p99 / batch, rate * batch

            contest.append((f"{label}, batch {batch}", contender, measure))
    return {f"{label}, batch {batch}": stage(f"network_{batch}") for batch in (1, 8)}, contest


def open_contest(shared, one):
    """LiteRT from a file to ready, and to its first answer."""
    path = shared / "models" / "tinho-gr.tflite"
    return [
        ("model file to ready", "LiteRT", lambda: peers.timed(lambda _: peers.LiteRT(path, 1), [0] * 20, 0.5)),
        ("model file to first answer", "LiteRT", lambda: peers.timed(lambda _: peers.LiteRT(path, 1)(one), [0] * 20, 0.5)),
    ]


def compare_curves(run, curves, shared, model, csv):
    """The Gaussian process, the network and both together, on light curves."""
    fit, batch, points = "GP: fit, mean on 100 x 2", "GP: the same, batches of 64", "points to probabilities"
    rows = {
        fit: stage("gp_fit_and_grid"),
        batch: stage("gp_batch"),
        points: stage("points_to_result"),
        "model file to ready": stage("model_open"),
        "model file to first answer": stage("open_to_first_answer"),
    }
    contest, grids = [], None
    try:
        grids = np.stack([peers.scaled(peers.george_fit_and_grid(c)) for c in curves])
        for row in (fit, batch):
            contest.append((row, GEORGE, lambda: peers.timed(peers.george_fit_and_grid, curves, 2.0)))
    except ImportError:
        run.note("no george or SciPy: the Gaussian process runs alone")
    if shared and grids is not None:
        more_rows, more = network_contest(run, shared, grids, "tinho-gr", "network, float32")
        rows.update(more_rows)
        contest += more
        try:
            net = peers.LiteRT(shared / "models" / "tinho-gr.tflite", 1)
            contest += open_contest(shared, grids[:1])

            def recipe(curve):
                return net(peers.scaled(peers.george_fit_and_grid(curve))[None])

            contest.append((points, "george + SciPy + LiteRT", lambda: peers.timed(recipe, curves, 2.0)))
        except ImportError:
            run.note("no LiteRT")
    elif not shared:
        run.note("no shared models: the network runs without LiteRT and ONNX Runtime")
    told = run.compare(["-m", model, csv], rows, contest)
    run.facts["peak_gflops"] = told["peak_gflops"]
    return grids


def compare_int8(run, shared, model, grids, csv):
    rows, contest = network_contest(run, shared, grids, "tinho-gr-int8", "network, int8")
    run.compare(["-m", model, csv], rows, contest)


def compare_bfloat16(run, shared, model, grids, csv, folder):
    """Our weights in half the bits; the peers have no such file and stay in float32."""
    half = Path(folder) / "bfloat16"
    done = subprocess.run([Path(run.arguments.build) / "tests" / "helpers" / "store_bfloat16", model, half])
    if done.returncode != 0:
        run.note("no row for bfloat16: the model cannot be converted")
        return
    rows, contest = network_contest(run, shared, grids, "tinho-gr", "network, bfloat16", ", float32")
    run.compare(["-m", half, csv], rows, contest)


def compare_avx2(run, shared, model, grids, curves, csv):
    """Ours without AVX-512; the peers take what they find."""
    fit, label = "GP: fit, mean on 100 x 2, batches of 64, AVX2 only", "network, float32, AVX2 only"
    rows, contest = network_contest(run, shared, grids, "tinho-gr", label) if shared and grids is not None else ({}, [])
    rows[fit] = stage("gp_batch")
    if grids is not None:
        contest.append((fit, GEORGE, lambda: peers.timed(peers.george_fit_and_grid, curves, 2.0)))
    run.compare(["-m", model, csv], rows, contest, cpu="avx2")


def compare_plasticc(run, path, reserved, folder):
    """The fit of long light curves, in six bands."""
    chosen = peers.plasticc_curves(path, reserved, FIT_BINS, 40)
    for (least, largest), curves in zip(FIT_BINS, chosen):
        if not curves:
            continue
        name = f"{least}-{largest} points" if largest < 1000 else f"over {least - 1} points"
        fit, batch = f"GP: fit, PLAsTiCC ugrizy, {name}", f"GP: fit, mean on 100 x 6, batches of 64, {name}"
        csv = Path(folder) / f"plasticc{least}.csv"
        peers.write_curves(curves, csv)
        contest = [
            (fit, GEORGE, lambda c=curves: peers.timed(peers.george_fit, c, 3.0)),
            (batch, GEORGE, lambda c=curves: peers.timed(lambda curve: peers.george_fit_and_grid(curve, 6), c, 3.0)),
        ]
        run.compare(["--bands", "ugrizy", csv], {fit: fit_of(least), batch: fit_of(least, batch=True)}, contest)


def compare_long_curves(run, folder):
    """Where there is no PLAsTiCC: light curves as long as a wide survey's and a deep one's, made up, in two bands."""
    csv = Path(folder) / "long.csv"
    for n, fewest, most, days in ((192, 31, 60, 200), (64, 301, 350, 900)):
        curves = peers.simulated_curves(n, fewest, fewest, most, days)
        peers.write_curves(curves, csv)
        row = f"GP: {fewest} to {most} points (made up), batches of 64"
        contest = []
        try:
            peers.george_fit_and_grid(curves[0])
            contest.append((row, GEORGE, lambda c=curves: peers.timed(peers.george_fit_and_grid, c, 2.0)))
        except ImportError:
            pass
        run.compare([csv], {row: stage("gp_batch")}, contest)


def started(run, command):
    """(microseconds, peak kB) of a program from its start to its end."""
    with tempfile.NamedTemporaryFile() as out:
        measure = Path(run.arguments.build) / "bench" / "measure"
        done = subprocess.run([measure, out.name, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"exit code {done.returncode}")
        microseconds, kilobytes = out.read().split()
    return float(microseconds), int(kilobytes)


def compare_start(run, packets_folder, model, shared):
    """A program's whole life for one alert. The peers run the network only; ours also decodes and fits."""
    packet = min(path for path in Path(packets_folder).iterdir() if path.is_file())
    programs = {"starling": [run.starling, "classify", "-q", "-m", model, packet]}
    for name, script in peers.START.items() if shared else ():
        programs[name] = [sys.executable, "-c", script, shared / "models" / "tinho-gr.tflite"]
    lives = {name: [] for name in programs}
    for _ in range(3 + 4 * run.arguments.rounds):  # in turns; the first ones fill the caches
        for name, command in list(programs.items()):
            try:
                lives[name].append(started(run, command))
            except RuntimeError as error:
                run.note(f"{name}: left out ({error})")
                del programs[name]
    for name in programs:
        times = [life[0] for life in lives[name][3:]]
        run.add("program start to end, one alert", name, (statistics.median(times), max(times), None))
        peaks = [life[1] / 1024 for life in lives[name][3:]]
        run.add("peak memory of that [MB]", name, (statistics.median(peaks), max(peaks), None))


def medians(figures):
    columns = zip(*figures)
    return [None if None in column else statistics.median(column) for column in columns]


def spread(figures):
    """(largest - smallest) / median of the p50, in percent."""
    p50 = [figure[0] for figure in figures if figure[0] is not None]
    return 100 * (max(p50) - min(p50)) / statistics.median(p50) if p50 else None


def number(value):
    if value is None:
        return "-"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}".replace(",", " ")


def advantage(ours, theirs):
    """How many times as much we do in the same processor time; of the time on the wall where that is all there is."""
    if ours[2] and theirs[2]:
        return f"{ours[2] / theirs[2]:.3g}"
    return f"{theirs[0] / ours[0]:.3g}" if ours[0] and theirs[0] else "-"


def table(run):
    lines = [
        "| work, an alert | starling p50 us | p99 us | alerts/core-s | peer | p50 us | p99 us | alerts/core-s | ratio |",
        "|---|---:|---:|---:|---|---:|---:|---:|---:|",
    ]
    for row, figures in run.figures.items():
        if "starling" not in figures:
            continue
        ours = medians(figures["starling"])
        others = [(name, medians(f)) for name, f in figures.items() if name != "starling"] or [("-", [None] * 3)]
        for name, theirs in others:
            cells = [row, *map(number, ours), name, *map(number, theirs), advantage(ours, theirs)]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def versions():
    for package in PACKAGES:
        try:
            yield f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"no {package}"


def commit():
    """Of the source; what this program itself writes is no change to it."""

    def git(*words):
        return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True).stdout.strip()

    name = git("log", "-1", "--format=%h")
    written = (":!bench/RESULTS.md", ":!bench/baseline.json")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *written)
    return (name or "unknown") + (" and changes on it" if changed else "")


def machine(run):
    def read(path, default):
        try:
            return Path(path).read_text()
        except OSError:
            return default

    cpu = [line.split(":")[1].strip() for line in read("/proc/cpuinfo", "").splitlines() if "model name" in line]
    guest = " hypervisor" in read("/proc/cpuinfo", "")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "not told").strip()
    spreads = [spread(figures["starling"]) for figures in run.figures.values() if "starling" in figures]
    spreads = [s for s in spreads if s is not None]
    return [
        f"{datetime.date.today()}, commit {commit()}, {run.facts.get('kernels')} kernels, "
        f"{run.facts.get('compiler')}",
        f"{cpu[0] if cpu else os.uname().machine}, {os.cpu_count()} cores{', virtual' if guest else ''}, "
        f"{memory / 1e9:.0f} GB, {os.uname().sysname} {os.uname().release}; peak of one "
        f"{number(run.facts.get('peak_gflops'))} GFLOP/s (float32, measured); governor: {governor}; "
        f"load at the end: {os.getloadavg()[0]:.1f}",
        ", ".join(versions()),
        f"{run.arguments.rounds} rounds, one core, one thread; our own p50 varied by {statistics.median(spreads):.0f} % "
        "(median over the rows) between its measurements",
        "p50 and p99 by the clock on the wall; alerts/core-s: in one second of processor time, and the ratio is of these "
        "where they are (long calls are interrupted on a busy machine, short ones are not)",
    ]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(ROOT / "build"), help="the build folder")
    parser.add_argument("--shared", help="folder with golden/ and models/")
    parser.add_argument("--packets", help="folder of Avro packets; without: a simulated night")
    parser.add_argument("--model", help="a model file; without: the shared one, imported")
    parser.add_argument("--plasticc", default=os.environ.get("STARLING_PLASTICC"), help="its CSV, or snmachine's wheel")
    parser.add_argument("--reserved", help="CSV of the objects that must not be used; shared/data has one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, help="core to stay on")
    parser.add_argument("--write", help="write the table here too")
    return parser.parse_args()


def import_model(run, shared, name, folder):
    path = Path(folder) / name
    command = [run.starling, "import", shared / "models" / (name + ".tflite"), "--contract", "reference", "-o", path]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return path


def measure_all(run, shared, folder):
    arguments = run.arguments
    model = arguments.model or (import_model(run, shared, "tinho-gr", folder) if shared else None)
    if model is None:
        sys.exit("peers: no model: give --model or --shared")
    if shared and (shared / "golden" / "golden.parquet").exists():
        curves = peers.golden_curves(shared)
        run.note(f"light curves: the {len(curves)} golden ones")
    else:
        curves = peers.simulated_curves()
        run.note(f"light curves: {len(curves)} made up (no golden ones)")
    csv = Path(folder) / "curves.csv"
    peers.write_curves(curves, csv)
    compare_packets(run, arguments.packets, model, shared, folder)
    grids = compare_curves(run, curves, shared, model, csv)
    if shared and grids is not None:
        compare_int8(run, shared, import_model(run, shared, "tinho-gr-int8", folder), grids, csv)
        compare_bfloat16(run, shared, model, grids, csv, folder)
    if run.facts["kernels"].startswith("avx512"):
        compare_avx2(run, shared, model, grids, curves, csv)
    reserved = arguments.reserved or (shared / "data" / "plasticc_reserved_ids.csv" if shared else None)
    if arguments.plasticc and reserved and Path(reserved).exists():
        compare_plasticc(run, arguments.plasticc, reserved, folder)
    else:
        run.note("no PLAsTiCC (--plasticc), or no list of its reserved objects: long light curves are made up")
        compare_long_curves(run, folder)
    if arguments.packets:
        compare_start(run, arguments.packets, model, shared)
    if len(run.all_cores) > 1:
        compare_workers(run, arguments.packets, model)


def main():
    arguments = parse_arguments()
    run = Run(arguments)
    run.all_cores = os.sched_getaffinity(0)
    if arguments.core is None:
        arguments.core = min(run.all_cores)
    os.sched_setaffinity(0, {arguments.core})
    shared = Path(arguments.shared) if arguments.shared else None
    if shared and not (shared / "models" / "tinho-gr.tflite").exists():
        run.note(f"no models under {shared.name}")
        shared = None
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
        measure_all(run, shared, folder)
    heading = ["- " + line for line in machine(run) + run.notes]
    text = "\n".join(["# Ours and the peers, side by side", "", *heading, "", table(run), ""])
    print(text)
    if arguments.write:
        Path(arguments.write).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
