"""The published program's way from packets to records, for many alerts a call: the peer of the whole.

It is what the classifier t2 did inside the Fink broker: `fink_science.t2` (3.13.3
on PyPI), `fink_utils` (PyPI; installed and called here) and `astronet.preprocess`
(tallamjr/astronet on GitHub). The first and the last need Spark and TensorFlow and
cannot be installed beside today's Python, so their operations are written anew
below, with the same libraries in the same order:

| there | here |
|---|---|
| Spark reads the packets, joins history and current point (`concat_col`), hands columns over | fastavro, schema parsed once; columns() |
| `apply_selection_cuts_ztf`: a pandas `apply` for each of four cuts | select() |
| days since the first point, a list an alert | dates in probabilities() |
| `format_data_as_snana`: one frame with a row a point, magnitudes to flux | called as it is |
| `rename`, `dropna`, `reset_index` | the same |
| `get_lite_model` once a call: file to interpreter | Lite |
| `pdf[pdf["object_id"] == candid]`, `np.unique` of its bands, for each alert | the same |
| `generate_gp_all_objects`: selects the object again, pivots, stacks | grid_frame() |
| `fit_2d_gp`: george on columns of the frame, SciPy's L-BFGS-B | fit() |
| `predict_2d_gp`: mean and variance on 100 times a band, astropy tables, to pandas | predict() |
| `robust_scale`: scikit-learn's RobustScaler on the frame | scale() |
| `LiteModel.predict`, one input at a time | Lite.predict() |
| a dictionary of 14 classes an alert; the class of the highest by another pandas `apply` | probabilities(), best_class() |
| records for Kafka | a line of JSON |

Left out, all to its advantage: Spark and its JVM, Arrow between JVM and Python,
Kafka, TensorFlow (LiteRT answers in its stead, with XNNPACK), and the line that
`generate_gp_all_objects` prints for each alert. Different on purpose:

- Columns of other services are such that the cuts are made and cut nothing: no
  match in SIMBAD, no asteroid, first seen at the current point. So both sides
  classify the same alerts.
- The channels are g before r, as in training; there a Python set chose.
- Magnitudes are float64 where Spark hands over float32: NumPy 2 would make the
  flux float32 too.

Over 300 public ZTF packets starling refuses the 129 that the program leaves
unclassified, and gives 168 of the other 171 the same class. The three have three
points each, and starling's maximum of the likelihood is the higher one, by 1.2 to
1.8 in its logarithm. Of 187 simulated alerts 184 have the same class; of those
three starling's maximum is higher twice (by 0.02 and 1.3) and lower once (0.23).
"""
import json
import sys
import types
import warnings
from functools import partial


class SparkStandIn(types.ModuleType):
    """fink_utils imports names of Spark to decorate functions that nobody calls here."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: lambda function: function


for module in ("pyspark", "pyspark.sql", "pyspark.sql.functions", "pyspark.sql.types"):
    sys.modules.setdefault(module, SparkStandIn(module))

import george
import numpy as np
import pandas as pd
from astropy.table import Table, vstack
from fink_utils.data.utils import format_data_as_snana
from fink_utils.xmatch.simbad import return_list_of_eg_host
from scipy.optimize import minimize
from sklearn.preprocessing import RobustScaler

# The program fits the scaler on a frame and gives it an array; being told so for each alert would cost time.
warnings.filterwarnings("ignore", message="X does not have valid feature names")

BANDS = {1: "ztfg", 2: "ztfr", 3: "ztfi"}
WAVELENGTHS = {"ztfg": 4804.79, "ztfr": 6436.92, "ztfi": 7968.22}
CLASSES = "mu-Lens-Single TDE EB SNII SNIax Mira SNIbc KN M-dwarf SNIa-91bg AGN SNIa RRL SLSN-I".split()
STEPS = 100


class Lite:
    """A TFLite file behind the interface that the program has for it: any number of inputs, run one by one."""

    def __init__(self, path):
        from ai_edge_litert.interpreter import Interpreter

        self.net = Interpreter(model_path=str(path), num_threads=1)
        self.net.allocate_tensors()
        self.input, self.output = self.net.get_input_details()[0], self.net.get_output_details()[0]

    def predict(self, inputs):
        inputs = inputs.astype(self.input["dtype"])
        answers = np.zeros((len(inputs), self.output["shape"][1]), dtype=self.output["dtype"])
        for i in range(len(inputs)):
            self.net.set_tensor(self.input["index"], inputs[i : i + 1])
            self.net.invoke()
            answers[i] = self.net.get_tensor(self.output["index"])[0]
        return answers


def columns(alerts):
    """What Spark hands to the classifier: a series a column, history first and the current point last."""

    def joined(field, kind):
        of = lambda alert: [point[field] for point in [*(alert["prv_candidates"] or ()), alert["candidate"]]]
        return pd.Series([np.array(of(alert), kind) for alert in alerts])

    return {
        "candid": pd.Series([alert["candid"] for alert in alerts]),
        "jd": joined("jd", float),
        "fid": joined("fid", int),
        "magpsf": joined("magpsf", float),  # null becomes NaN
        "sigmapsf": joined("sigmapsf", float),
        "roid": pd.Series([0] * len(alerts)),
        "cdsxmatch": pd.Series(["Unknown"] * len(alerts)),
        "jdstarthist": pd.Series([alert["candidate"]["jd"] for alert in alerts]),
    }


def select(magpsf, cdsxmatch, jd, jdstarthist, roid):
    enough = magpsf.apply(lambda values: np.sum(np.array(values) == np.array(values))) >= 2
    young = jd.apply(lambda values: float(values[-1])) - jdstarthist.astype(float) <= 90
    hosts = return_list_of_eg_host()
    return enough & young & (roid.astype(int) != 3) & cdsxmatch.apply(lambda label: label in hosts)


def fit(frame):
    """The process at the maximum of its likelihood; gives what predicts."""
    times, flux, error = (frame[name].astype(float) for name in ("mjd", "flux", "flux_error"))
    wavelengths = frame["filter"].map(WAVELENGTHS)
    loudness = np.abs(flux) / np.sqrt(error**2 + (0.01 * np.max(flux)) ** 2)
    amplitude = np.abs(flux[loudness.idxmax()])
    kernel = (0.5 * amplitude) ** 2 * george.kernels.Matern32Kernel([20.0**2, 6000.0**2], ndim=2)
    kernel.freeze_parameter("k2:metric:log_M_1_1")
    process = george.GP(kernel)
    start = process.get_parameter_vector()
    process.compute(np.vstack([times, wavelengths]).T, error)

    def cost(parameters):
        process.set_parameter_vector(parameters)
        likelihood = process.log_likelihood(flux, quiet=True)
        return -likelihood if np.isfinite(likelihood) else 1e25

    def slope(parameters):
        process.set_parameter_vector(parameters)
        return -process.grad_log_likelihood(flux, quiet=True)

    bounds = [(start[0] - 10, start[0] + 10), (0, np.log(1000.0**2))]
    found = minimize(cost, process.get_parameter_vector(), jac=slope, method="L-BFGS-B", bounds=bounds, tol=1e-6)
    process.set_parameter_vector(found.x if found.success else start)
    return partial(process.predict, flux)


def predict(process, times, wavelengths):
    """A frame of mjd, flux, flux_error, filter (as a wavelength): a table a band, one below another."""
    whole = None
    for wavelength in np.unique(wavelengths):
        where = np.vstack([times, np.ones(len(times)) * wavelength]).T
        mean, variance = process(where, return_var=True)
        rows = np.column_stack((times, mean, np.sqrt(variance)))
        names = ["mjd", "flux", "flux_error", "filter"]
        table = Table([rows[:, 0], rows[:, 1], rows[:, 2], [wavelength] * len(times)], names=names)
        whole = table if whole is None else vstack((whole, table))
    return whole.to_pandas()


def grid_frame(candid, points):
    """Of one object: mjd, a column a band, object_id; 100 rows."""
    bands = list(np.unique(points["filter"]))
    stacked = pd.DataFrame(data=[], columns=["mjd", *bands, "object_id"])
    frame = points[points["object_id"] == candid]
    wavelengths = np.vectorize(WAVELENGTHS.get)(list(np.unique(frame["filter"])))
    process = fit(frame)
    times = np.linspace(min(frame["mjd"]), max(frame["mjd"]), STEPS)
    grid = predict(process, times, wavelengths)
    grid["filter"] = grid["filter"].map({wavelength: band for band, wavelength in WAVELENGTHS.items()})
    grid = pd.pivot_table(grid, index="mjd", columns="filter", values="flux").reset_index()
    grid["object_id"] = candid
    stacked = np.vstack((stacked, grid))
    return pd.DataFrame(data=stacked, columns=grid.columns)


def scale(frame, bands):
    scaler = RobustScaler().fit(frame[bands])
    frame.loc[:, bands] = scaler.transform(frame[bands].to_numpy())


def probabilities(column, tflite):
    """A dictionary an alert, class -> probability; all of them -1 where it is not classified."""
    without = {name: -1.0 for name in CLASSES}
    answers = np.array([without for _ in range(len(column["jd"]))])
    kept = select(*(column[name] for name in ("magpsf", "cdsxmatch", "jd", "jdstarthist", "roid")))
    if not kept.any():
        return pd.Series(answers)
    dates = column["jd"].apply(lambda jd: [jd[0] - one for one in jd])
    flux = (dates, column["magpsf"], column["sigmapsf"], column["fid"], column["candid"], kept)
    points = format_data_as_snana(*flux, filter_conversion_dic=BANDS)
    names = {"SNID": "object_id", "MJD": "mjd", "FLUXCAL": "flux", "FLUXCALERR": "flux_error", "FLT": "filter"}
    points = points.rename(columns=names).dropna().reset_index()
    model = Lite(tflite)
    found = []
    for candid in column["candid"][kept].values:
        own = points[points["object_id"] == candid]
        if len(np.unique(own["filter"])) != 2:
            found.append(without)
            continue
        frame = grid_frame(candid, own)
        bands = [band for band in WAVELENGTHS if band in frame.columns]
        scale(frame, bands)
        inputs = np.expand_dims(np.asarray(frame[bands]).astype("float32"), axis=0)
        found.append(dict(zip(CLASSES, model.predict(inputs).tolist()[0])))
    answers[kept] = found
    return pd.Series(answers)


def best_class(answer):
    values = list(answer.values())
    return "" if -1.0 in values else list(answer.keys())[np.argmax(values)]


def program(read, tflite):
    """A function that gives a list of lines of JSON, of as many alerts as `read` makes of what it is given."""

    def whole(packets):
        alerts = read(packets)
        answers = probabilities(columns(alerts), tflite)
        best = answers.apply(best_class)
        lines = []
        for alert, name, answer in zip(alerts, best, answers):
            record = {"alert_id": str(alert["candid"]), "object_id": alert["objectId"], "class": name, "p": answer}
            lines.append(json.dumps(record))
        return lines

    return whole
