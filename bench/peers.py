#!/usr/bin/env python3
"""Ours and the peers on the same inputs, in one run, on one core.

    bench/peers.py --bench build/bench/bench [--starling build/cli/starling] [--shared DIR]
                   [--packets FOLDER] [--model FILE] [--rounds 3] [--core N] [--markdown FILE]

Each peer is measured between two measurements of ours; the table holds the
medians over the rounds. What is not at hand (a package, the shared models) is
left out and said. ./dev bench calls this through bench/run.sh.
"""
import argparse
import datetime
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# One thread each: set before the libraries are loaded.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


def timed(function, items, seconds=1.0, warm_up=2):
    """(p50 us, p99 us, items in a second of processor time) of single calls, in passes until the time is up."""
    for item in items[:warm_up]:
        function(item)
    samples = []
    busy = time.process_time()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for item in items:
            start = time.perf_counter_ns()
            function(item)
            samples.append((time.perf_counter_ns() - start) * 1e-3)
            if time.perf_counter() > end and len(samples) >= min(len(items), 50):
                break
    busy = time.process_time() - busy
    return statistics.median(samples), float(np.percentile(samples, 99)), len(samples) / busy


# --- the inputs ------------------------------------------------------------------------------------------------------


class Curve:
    """A light curve as the recipe has it: time [d], flux and error [FLUXCAL], wavelength [Angstrom]."""

    WAVELENGTH = {"g": 4804.79, "r": 6436.92, "i": 7968.22}

    def __init__(self, mjd, bands, flux, error):
        order = np.argsort(mjd, kind="stable")
        self.mjd, self.flux, self.error = (np.asarray(a, float)[order] for a in (mjd, flux, error))
        self.bands = [bands[i] for i in order]
        # The recipe counts time backwards from the first point; the fit does not mind.
        self.time = self.mjd[0] - self.mjd
        self.wavelength = np.array([self.WAVELENGTH[b] for b in self.bands])
        self.channels = np.array(sorted({self.WAVELENGTH[b] for b in self.bands}))


def golden_curves(shared):
    import pandas as pd

    table = pd.read_parquet(shared / "golden" / "golden.parquet")
    curves = []
    for row in table[table["status"] == "ok"].to_dict("records"):
        bands = ["?gri"[int(fid)] for fid in row["raw_filter"]]
        # raw_mjd runs backwards from 0; days forward are what a file has.
        curves.append(Curve(58000.0 - np.asarray(row["raw_mjd"], float), bands, row["raw_flux"], row["raw_fluxerr"]))
    return curves


def simulated_curves(n=200, seed=1, fewest=4, most=40, days=60):
    """Points like ZTF's: a few to many in g and r, a rise and a fall over noise."""
    random = np.random.default_rng(seed)
    curves = []
    for _ in range(n):
        points = int(random.integers(fewest, most + 1))
        mjd = 58000.0 + np.sort(random.uniform(0, days, points))
        bands = ["g" if i % 2 else "r" for i in range(points)]
        phase = (mjd - 58000.0 - random.uniform(5, 30)) / random.uniform(5, 20)
        error = random.uniform(5, 20, points)
        flux = random.uniform(100, 2000) * np.exp(-0.5 * phase**2) + random.normal(0, error)
        curves.append(Curve(mjd, bands, flux, error))
    return curves


def write_curves(curves, path):
    with open(path, "w") as out:
        out.write("object_id,mjd,band,flux,flux_err\n")
        for i, c in enumerate(curves):
            for row in zip(c.mjd, c.bands, c.flux, c.error):
                out.write(f"{i},{float(row[0])!r},{row[1]},{float(row[2])!r},{float(row[3])!r}\n")


# --- the peers -------------------------------------------------------------------------------------------------------


def george_fit_and_grid(curve):
    """The published recipe on plain arrays: fit two parameters, mean on 100 x 2. Returns 100 x channels."""
    import george
    from scipy.optimize import minimize

    x = np.vstack([curve.time, curve.wavelength]).T
    best = np.argmax(np.abs(curve.flux) / np.sqrt(curve.error**2 + (0.01 * np.max(curve.flux)) ** 2))
    scale = abs(curve.flux[best])
    kernel = (0.5 * scale) ** 2 * george.kernels.Matern32Kernel([20.0**2, 6000.0**2], ndim=2)
    kernel.freeze_parameter("k2:metric:log_M_1_1")
    gp = george.GP(kernel)
    gp.compute(x, curve.error)
    start = gp.get_parameter_vector()
    bounds = [(start[0] - 10, start[0] + 10), (0, np.log(1000.0**2))]

    def value(p):
        gp.set_parameter_vector(p)
        return -gp.log_likelihood(curve.flux, quiet=True)

    def gradient(p):
        gp.set_parameter_vector(p)
        return -gp.grad_log_likelihood(curve.flux, quiet=True)

    fit = minimize(value, start, jac=gradient, method="L-BFGS-B", bounds=bounds, tol=1e-6)
    gp.set_parameter_vector(fit.x if fit.success else start)
    times = np.linspace(curve.time.min(), curve.time.max(), 100)
    grid = np.empty((200, 2))
    grid[:, 0] = np.tile(times, 2)
    grid[:, 1] = np.repeat(curve.channels[:2], 100)
    return gp.predict(curve.flux, grid, return_cov=False).reshape(2, 100).T


def scaled(grid):
    low, middle, high = np.percentile(grid, [25, 50, 75], axis=0)
    spread = high - low
    spread[spread < 10 * np.finfo(float).eps] = 1.0
    return ((grid - middle) / spread).astype(np.float32)


class LiteRT:
    """One thread, XNNPACK as it comes."""

    def __init__(self, path, batch):
        from ai_edge_litert.interpreter import Interpreter

        self.net = Interpreter(model_path=str(path), num_threads=1)
        # resize, so that a batch is one call
        self.inputs = self.net.get_input_details()
        shape = list(self.inputs[0]["shape"])
        shape[0] = batch
        if tuple(shape) != tuple(self.inputs[0]["shape"]):
            self.net.resize_tensor_input(self.inputs[0]["index"], shape)
        self.net.allocate_tensors()
        self.output = self.net.get_output_details()[0]["index"]

    def __call__(self, x):
        self.net.set_tensor(self.inputs[0]["index"], x)
        self.net.invoke()
        return self.net.get_tensor(self.output)


class OnnxRuntime:
    def __init__(self, path, batch):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.net = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.name = self.net.get_inputs()[0].name

    def __call__(self, x):
        return self.net.run(None, {self.name: x})[0]


def container_parts(data):
    """Schema text and the first block's record of an uncompressed Avro container."""
    import fastavro

    reader = fastavro.reader(io.BytesIO(data))
    if reader.metadata.get("avro.codec", "null") != "null":
        return None
    at = data.find(data[-16:]) + 16  # the header ends with the same 16 bytes as the block
    for _ in range(2):  # two varints: records in the block, bytes of the block
        while data[at] & 0x80:
            at += 1
        at += 1
    return reader.metadata["avro.schema"], data[at:-16]


def fastavro_peers(packets):
    """(not cached, cached): functions of a packet's index."""
    import fastavro

    schemas, records = {}, []
    for data in packets:
        schema, record = container_parts(data)
        if schema not in schemas:
            schemas[schema] = fastavro.parse_schema(json.loads(schema))
        records.append((schemas[schema], record))

    def opened(i):
        return next(fastavro.reader(io.BytesIO(packets[i])))

    def cached(i):
        schema, record = records[i]
        return fastavro.schemaless_reader(io.BytesIO(record), schema, None)

    assert opened(0).keys() == cached(0).keys()
    return opened, cached


# --- the run ---------------------------------------------------------------------------------------------------------


class Run:
    """Rows of figures: row -> contender -> [(p50 us, p99 us, alerts a second) of each measurement]."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.figures = {}
        self.facts = {}
        self.notes = []

    def note(self, text):
        self.notes.append(text)
        print("note: " + text, file=sys.stderr)

    def add(self, row, contender, figure):
        self.figures.setdefault(row, {}).setdefault(contender, []).append(figure)

    def ours(self, inputs, rows):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            command = [self.arguments.bench, "-r", "3", "-t", "0.1", "--json", out.name, *map(str, inputs)]
            if self.arguments.core is not None:
                command[1:1] = ["-c", str(self.arguments.core)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            self.facts = json.load(out)
        for row, stage in rows.items():
            if stage in self.facts["stages"]:
                s = self.facts["stages"][stage]
                self.add(row, "starling", (s["p50_us"], s["p99_us"], s["per_second"]))

    def compare(self, inputs, rows, peers):
        """Ours, a peer, ours, a peer, ..., ours. rows: row -> stage of ours; peers: (row, contender, measure)."""
        for _ in range(self.arguments.rounds):
            self.ours(inputs, rows)
            for row, contender, measure in peers:
                self.add(row, contender, measure())
                self.ours(inputs, rows)


def ztf_curve(alert):
    """The recipe's points: magnitudes that are not null, history first; None without exactly two bands."""
    points = [p for p in (alert["prv_candidates"] or []) + [alert["candidate"]] if p["magpsf"] is not None]
    if len({p["fid"] for p in points}) != 2:
        return None
    magnitude = np.array([p["magpsf"] for p in points])
    flux = 10 ** (-0.4 * magnitude) * 1e11
    error = 9.21034e10 * np.exp(-0.921034 * magnitude) * np.array([p["sigmapsf"] for p in points])
    mjd = np.array([p["jd"] for p in points]) - 2400000.5
    return Curve(mjd, ["?gri"[p["fid"]] for p in points], flux, error)


def recipe_on_packets(cached, tflite):
    """fastavro, the recipe, LiteRT: a function of a packet's index."""
    net = LiteRT(tflite, 1)

    def whole(i):
        curve = ztf_curve(cached(i))
        return None if curve is None else net(scaled(george_fit_and_grid(curve))[None])

    return whole


def compare_packets(run, packets_folder, model, shared):
    inputs = (["-m", model] if model else []) + ([packets_folder] if packets_folder else [])
    rows = {
        "packet to fields": "decode",
        "packet to result": "bytes_to_result",
        "tar of packets to JSON lines": "tar_to_json_lines",
    }
    peers = []
    if packets_folder:
        packets = [path.read_bytes() for path in sorted(Path(packets_folder).iterdir()) if path.is_file()]
        try:
            opened, cached = fastavro_peers(packets)
            indices = list(range(len(packets)))
            peers = [
                ("packet to fields", "fastavro, schema cached", lambda: timed(cached, indices)),
                ("packet to fields", "fastavro", lambda: timed(opened, indices)),
            ]
            if shared:
                whole = recipe_on_packets(cached, shared / "models" / "tinho-gr.tflite")
                peers.append(
                    ("packet to result", "fastavro + george + SciPy + LiteRT", lambda: timed(whole, indices, 2.0))
                )
        except ImportError:
            run.note("a peer is missing: the decoder runs alone")
    else:
        run.note("no real packets: a simulated night, without fastavro beside it")
    run.compare(inputs, rows, peers)
    run.note(
        f"packets: {run.facts['packets']} of {run.facts['packet_bytes']} bytes (mean), "
        f"{run.facts['meet_contract']} of {run.facts['alerts']} alerts meet the contract"
    )


def network_peers(run, shared, inputs, name):
    """Rows and peers of the network alone, for one of the shared models; inputs: n x 100 x 2 float32."""
    peers = []
    contenders = [("LiteRT", LiteRT, ".tflite"), ("ONNX Runtime", OnnxRuntime, ".onnx")]
    for batch in (1, 8):
        batches = [inputs[i : i + batch] for i in range(0, len(inputs) - batch + 1, batch)]
        for contender, make, suffix in contenders:
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
                p50, p99, rate = timed(net, batches, 0.5)
                return p50 / batch, p99 / batch, rate * batch

            peers.append((f"network {name}, batch {batch}", contender, measure))
    return {f"network {name}, batch {batch}": f"network_{batch}" for batch in (1, 8)}, peers


def open_peer(path, one):
    def first_answer(_):
        LiteRT(path, 1)(one)

    return lambda: timed(first_answer, [0] * 20, 0.5)


def compare_curves(run, curves, shared, model, csv):
    """The Gaussian process, the network and both together, on light curves."""
    inputs = ["--curves", csv] + (["-m", model] if model else [])
    rows = {"GP: fit, mean on 100 x 2, scaled": "gp_fit_and_grid", "the same, batches of 64": "gp_batch"}
    peers = []
    try:
        grids = np.stack([scaled(george_fit_and_grid(c)) for c in curves])
        for row in rows:
            peers.append((row, "george + SciPy L-BFGS-B", lambda: timed(george_fit_and_grid, curves, 2.0)))
    except ImportError:
        run.note("no george or SciPy: the Gaussian process runs alone")
        grids = None
    points = "points to probabilities"
    if model:
        rows[points] = "points_to_result"
        rows["model file to first answer"] = "open_to_first_answer"
    if shared and grids is not None:
        more_rows, more_peers = network_peers(run, shared, grids, "tinho-gr")
        rows.update(more_rows)
        peers += more_peers
        tflite = shared / "models" / "tinho-gr.tflite"
        try:
            net = LiteRT(tflite, 1)

            def recipe(curve):
                return net(scaled(george_fit_and_grid(curve))[None])

            peers.append((points, "george + SciPy + LiteRT", lambda: timed(recipe, curves, 2.0)))
            peers.append(("model file to first answer", "LiteRT", open_peer(tflite, grids[:1])))
        except ImportError:
            run.note("no LiteRT")
    elif not shared:
        run.note("no shared models: the network runs without LiteRT and ONNX Runtime")
    run.compare(inputs, rows, peers)
    if shared and grids is not None:
        name = "tinho-gr-int8"
        rows, peers = network_peers(run, shared, grids, name)
        run.compare(["--curves", csv, "-m", shared / "models" / (name + ".tflite")], rows, peers)


def compare_long_curves(run, csv):
    """The Gaussian process in batches, on made-up light curves as long as a wide survey's and a deep one's."""
    for n, fewest, most, days in ((192, 31, 60, 200), (64, 301, 350, 900)):
        curves = simulated_curves(n, fewest, fewest, most, days)
        write_curves(curves, csv)
        row = f"GP: {fewest} to {most} points, batches of 64"

        def measure(curves=curves):
            return timed(george_fit_and_grid, curves, 2.0)

        try:
            george_fit_and_grid(curves[0])
            peers = [(row, "george + SciPy L-BFGS-B", measure)]
        except ImportError:
            peers = []
        run.compare(["--curves", csv], {row: "gp_batch"}, peers)


START = {
    "LiteRT under Python": """
import sys, numpy
from ai_edge_litert.interpreter import Interpreter
net = Interpreter(model_path=sys.argv[1], num_threads=1)
net.allocate_tensors()
net.set_tensor(net.get_input_details()[0]["index"], numpy.zeros((1, 100, 2), numpy.float32))
net.invoke()
""",
    "ONNX Runtime under Python": """
import sys, numpy, onnxruntime
net = onnxruntime.InferenceSession(sys.argv[1].replace(".tflite", ".onnx"), providers=["CPUExecutionProvider"])
net.run(None, {net.get_inputs()[0].name: numpy.zeros((1, 100, 2), numpy.float32)})
""",
}


def started(run, command):
    """(microseconds, peak kB) of a program from its start to its end."""
    with tempfile.NamedTemporaryFile() as out:
        measure = Path(run.arguments.bench).with_name("measure")
        done = subprocess.run([measure, out.name, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"exit code {done.returncode}")
        microseconds, kilobytes = out.read().split()
    return float(microseconds), int(kilobytes)


def compare_start(run, packets_folder, model, shared):
    """A program's whole life for one alert. The peers run the network only; ours also decodes and fits."""
    packet = min(path for path in Path(packets_folder).iterdir() if path.is_file())
    contenders = {"starling": [run.arguments.starling, "classify", "-q", "-m", model, packet]}
    for name, script in START.items() if shared else ():
        contenders[name] = [sys.executable, "-c", script, shared / "models" / "tinho-gr.tflite"]
    lives = {name: [] for name in contenders}
    for _ in range(3 + 4 * run.arguments.rounds):  # in turns; the first ones fill the caches
        for name, command in list(contenders.items()):
            try:
                lives[name].append(started(run, command))
            except RuntimeError as error:
                run.note(f"{name}: left out ({error})")
                del contenders[name]
    for name in contenders:
        times = [life[0] for life in lives[name][3:]]
        run.add("program start to end, one alert", name, (statistics.median(times), max(times), None))
    peaks = [f"{name} {statistics.median(life[1] for life in lives[name]) / 1024:.1f} MB" for name in contenders]
    run.note("peak memory of that program: " + ", ".join(peaks))


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
    for row, contenders in run.figures.items():
        if "starling" not in contenders:
            continue
        ours = medians(contenders["starling"])
        others = [(name, medians(f)) for name, f in contenders.items() if name != "starling"] or [("-", [None] * 3)]
        for name, theirs in others:
            ratio = advantage(ours, theirs)
            cells = [row, *map(number, ours), name, *map(number, theirs), ratio]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine(run):
    def read(path, default):
        try:
            return Path(path).read_text()
        except OSError:
            return default

    model = [line.split(":")[1].strip() for line in read("/proc/cpuinfo", "").splitlines() if "model name" in line]
    governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "not told").strip()
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    spreads = [spread(c["starling"]) for c in run.figures.values() if "starling" in c]
    spreads = [s for s in spreads if s is not None]
    return [
        f"{datetime.date.today()}, commit {commit or 'unknown'}, {run.facts.get('kernels')} kernels",
        f"{model[0] if model else os.uname().machine}, {os.cpu_count()} cores; governor: {governor}; "
        f"load at the end: {os.getloadavg()[0]:.1f}",
        f"{run.arguments.rounds} rounds, one core, one thread; our own p50 varied by {statistics.median(spreads):.0f} % "
        "(median over the rows) between its measurements",
        "p50 and p99 by the clock on the wall; alerts/core-s: in one second of processor time, and the ratio is of these "
        "(long calls are interrupted on a busy machine, short ones are not)",
    ]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", default=str(ROOT / "build/bench/bench"), help="the program bench/bench.c")
    parser.add_argument("--starling", help="the program, to time it from start to end")
    parser.add_argument("--shared", help="folder with golden/ and models/")
    parser.add_argument("--packets", help="folder of Avro packets; without: a simulated night")
    parser.add_argument("--model", help="model file or TFLite file; without: the shared one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, help="core to stay on")
    parser.add_argument("--markdown", help="write the table here too")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.core is None:
        arguments.core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {arguments.core})
    run = Run(arguments)
    shared = Path(arguments.shared) if arguments.shared else None
    if shared and not (shared / "models" / "tinho-gr.tflite").exists():
        run.note(f"no models under {shared.name}")
        shared = None
    model = arguments.model or (shared / "models" / "tinho-gr.tflite" if shared else None)
    if shared and (shared / "golden" / "golden.parquet").exists():
        curves = golden_curves(shared)
        run.note(f"light curves: the {len(curves)} golden ones")
    else:
        curves = simulated_curves()
        run.note(f"light curves: {len(curves)} made up (no golden ones)")
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
        csv = Path(folder) / "curves.csv"
        write_curves(curves, csv)
        compare_packets(run, arguments.packets, model, shared)
        compare_curves(run, curves, shared, model, csv)
        compare_long_curves(run, csv)
    if arguments.starling and arguments.packets and arguments.model:
        compare_start(run, arguments.packets, arguments.model, shared)
    heading = ["- " + line for line in machine(run) + run.notes]
    text = "\n".join(["# Ours and the peers, side by side", "", *heading, "", table(run), ""])
    print(text)
    if arguments.markdown:
        Path(arguments.markdown).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
