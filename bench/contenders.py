"""The peers, and the inputs that they and we are measured on; bench/peers.py runs them."""
import io
import json
import os
import statistics
import time
import zipfile

# One thread each: set before the libraries are loaded.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np


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


class Curve:
    """A light curve as the recipe has it: time [d], flux and error [FLUXCAL], wavelength [Angstrom]."""

    ZTF = {"g": 4804.79, "r": 6436.92, "i": 7968.22}
    LSST = {"u": 3685.0, "g": 4802.0, "r": 6231.0, "i": 7542.0, "z": 8690.0, "y": 9736.0}

    def __init__(self, mjd, bands, flux, error, wavelengths=ZTF):
        order = np.argsort(mjd, kind="stable")
        self.mjd, self.flux, self.error = (np.asarray(a, float)[order] for a in (mjd, flux, error))
        self.bands = [bands[i] for i in order]
        # The recipe counts time backwards from the first point; the fit does not mind.
        self.time = self.mjd[0] - self.mjd
        self.wavelength = np.array([wavelengths[b] for b in self.bands])
        self.channels = np.array(sorted({wavelengths[b] for b in self.bands}))


def golden_curves(shared):
    import pandas as pd

    table = pd.read_parquet(shared / "golden" / "golden.parquet")
    curves = []
    for row in table[table["status"] == "ok"].to_dict("records"):
        bands = ["?gri"[int(fid)] for fid in row["raw_filter"]]
        # raw_mjd runs backwards from 0; days forward are what a file has.
        curves.append(Curve(58000.0 - np.asarray(row["raw_mjd"], float), bands, row["raw_flux"], row["raw_fluxerr"]))
    return curves


def open_plasticc(path):
    """The light curves of PLAsTiCC's training set: a CSV, or the wheel of snmachine, which holds it."""
    if str(path).endswith(".whl"):
        return zipfile.ZipFile(path).open("snmachine/example_data/plasticc_train_lightcurves.csv")
    return open(path, "rb")


def plasticc_curves(path, reserved, bounds, most, seed=1):
    """For each (from, to) of bounds some light curves of so many points: all bands, trimmed to 50 days around the
    detections. Objects listed in the file `reserved` are left out before anything is done with them."""
    import pandas as pd

    kept_back = set(pd.read_csv(reserved)["object_id"])
    with open_plasticc(path) as file:
        table = pd.read_csv(file)
    table = table[~table["object_id"].isin(kept_back)]
    detected = table[table["detected_bool"] == 1].groupby("object_id")["mjd"]
    first, last = table["object_id"].map(detected.min()), table["object_id"].map(detected.max())
    table = table[(table["mjd"] > first - 50) & (table["mjd"] < last + 50)].sort_values(["object_id", "mjd"])
    points = table.groupby("object_id").size()
    random = np.random.default_rng(seed)
    chosen = []
    for least, largest in bounds:
        ids = points.index[(points >= least) & (points <= largest)].to_numpy()
        ids = random.permutation(ids)[:most]
        chosen.append([])
        for _, rows in table[table["object_id"].isin(ids)].groupby("object_id"):
            bands = ["ugrizy"[int(band)] for band in rows["passband"]]
            chosen[-1].append(Curve(rows["mjd"], bands, rows["flux"], rows["flux_err"], Curve.LSST))
    return chosen


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


def george_fit(curve):
    """The published recipe on plain arrays: two parameters at the maximum of the likelihood."""
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
    return gp


def george_fit_and_grid(curve, channels=2):
    """Fit, and the mean on 100 times in each channel (some of PLAsTiCC's objects lack a band: then fewer)."""
    gp = george_fit(curve)
    times = np.linspace(curve.time.min(), curve.time.max(), 100)
    wavelengths = curve.channels[:channels]
    grid = np.empty((100 * len(wavelengths), 2))
    grid[:, 0] = np.tile(times, len(wavelengths))
    grid[:, 1] = np.repeat(wavelengths, 100)
    return gp.predict(curve.flux, grid, return_cov=False).reshape(-1, 100).T


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


def container_alerts(data):
    import fastavro

    return list(fastavro.reader(io.BytesIO(data)))


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


def lean_recipe(decode, tflite):
    """The published recipe as lean as Python can have it, without frames and tables: fastavro, the Gaussian process,
    LiteRT, a line of JSON. A function of a packet's index; bench/published.py has the program as it is."""
    net = LiteRT(tflite, 1)

    def whole(i):
        alert = decode(i)
        curve = ztf_curve(alert)
        p = None if curve is None else net(scaled(george_fit_and_grid(curve))[None])[0].tolist()
        return json.dumps({"alert_id": alert["candid"], "object_id": alert["objectId"], "p": p})

    return whole


# Whole programs: the network, once. They are given the path of a TFLite file.
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
