"""PLAsTiCC's light curves as columns of points, augmentation, and features of points and Gaussian process in NumPy.

A light curve is a run of rows in `Points`; statistics are taken over all objects at once. The Gaussian process is ours
(libstarling through ctypes), one object at a time.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "oracle"))
from gp_library import Gp, light_curve  # noqa: E402
WAVELENGTH = np.array([3685.0, 4802.0, 6231.0, 7542.0, 8690.0, 9736.0])  # [Angstrom], ugrizy
CLASS_IDS = (6, 15, 16, 42, 52, 53, 62, 64, 65, 67, 88, 90, 92, 95)
PHASES = (-60, -35, -20, -10, -5, 0, 5, 10, 20, 35, 60, 100)  # [d] from the peak


@dataclasses.dataclass
class Points:
    """Rows sorted by object, then time; `object` counts from 0 and `n_objects` says how many there are."""

    n_objects: int
    object: np.ndarray
    time: np.ndarray  # [d]
    band: np.ndarray  # 0 .. 5 for ugrizy
    flux: np.ndarray
    error: np.ndarray
    detected: np.ndarray

    def take(self, keep):
        columns = {f.name: getattr(self, f.name)[keep] for f in dataclasses.fields(self)[1:]}
        return Points(self.n_objects, **columns)

    def starts(self):
        return np.searchsorted(self.object, np.arange(self.n_objects + 1))


@dataclasses.dataclass
class Objects:
    id: np.ndarray
    label: np.ndarray  # index into CLASS_IDS
    redshift: np.ndarray  # photometric, of the host; 0 in the Galaxy
    redshift_error: np.ndarray


def load(folder, exclude=None, only=None):
    """Objects and their points, trimmed to 50 days around the detections; ids in `exclude` are dropped unread."""
    import pandas as pd

    folder = Path(folder)
    meta = pd.read_csv(folder / "plasticc_train_metadata.csv", skipinitialspace=True)
    if exclude is not None:
        meta = meta[~meta.object_id.isin(exclude)]
    if only is not None:
        meta = meta[meta.object_id.isin(only)]
    meta = meta.sort_values("object_id")
    rows = pd.read_csv(folder / "plasticc_train_lightcurves.csv")
    rows = rows[rows.object_id.isin(meta.object_id)].sort_values(["object_id", "mjd"], kind="stable")
    points = Points(
        len(meta), np.searchsorted(meta.object_id.to_numpy(), rows.object_id.to_numpy()), rows.mjd.to_numpy(float),
        rows.passband.to_numpy(int), rows.flux.to_numpy(float), rows.flux_err.to_numpy(float),
        rows.detected_bool.to_numpy() == 1)
    label = np.searchsorted(CLASS_IDS, meta.target.to_numpy())
    objects = Objects(meta.object_id.to_numpy(), label, meta.hostgal_photoz.to_numpy(float),
                      meta.hostgal_photoz_err.to_numpy(float))
    return objects, trim(points)


def trim(p, days=50.0):
    first, last = np.full(p.n_objects, np.inf), np.full(p.n_objects, -np.inf)
    np.minimum.at(first, p.object[p.detected], p.time[p.detected])
    np.maximum.at(last, p.object[p.detected], p.time[p.detected])
    none = ~np.isfinite(first)
    first[none], last[none] = -np.inf, np.inf
    return p.take((p.time >= first[p.object] - days) & (p.time <= last[p.object] + days))


def augment(p, rng, drop=0.5, noise=1.0, band=0.0):
    """Every object once more: up to `drop` of its points left out, its errors grown up to sqrt(1 + noise^2)."""
    share = rng.uniform(0, drop, p.n_objects)[p.object]
    keep = rng.random(len(p.time)) >= share
    if band > 0:
        lost = rng.random((p.n_objects, 6)) < band
        keep &= ~lost[p.object, p.band]
    significance = p.flux / p.error
    best = np.lexsort((significance, p.object))[p.starts()[1:] - 1]  # the brightest point stays
    keep[best] = True
    p = p.take(keep)
    growth = (rng.uniform(0, noise, p.n_objects) * (rng.random(p.n_objects) < 0.5))[p.object]
    flux = p.flux + growth * p.error * rng.standard_normal(len(p.time))
    return dataclasses.replace(p, flux=flux, error=p.error * np.sqrt(1 + growth**2))


class Groups:
    """Statistics over groups of rows; a group without rows gives NaN (counts: 0)."""

    def __init__(self, group, n_groups):
        self.n = n_groups
        self.group = group
        self.order = np.argsort(group, kind="stable")
        self.sorted = group[self.order]
        self.count = np.bincount(group, minlength=n_groups).astype(float)
        self.starts = np.searchsorted(self.sorted, np.arange(n_groups))
        self.full = self.count > 0

    def sum(self, x):
        return np.bincount(self.group, x, self.n)

    def mean(self, x, weight=None):
        with np.errstate(all="ignore"):
            if weight is None:
                return self.sum(x) / self.count
            return self.sum(x * weight) / self.sum(weight)

    def reduce(self, ufunc, x):
        out = np.full(self.n, np.nan)
        out[self.full] = ufunc.reduceat(x[self.order], self.starts[self.full])
        return out

    def max(self, x):
        return self.reduce(np.maximum, x)

    def min(self, x):
        return self.reduce(np.minimum, x)

    def quantile(self, x, q):
        """The value at rank floor(q (n - 1) + 1/2)."""
        order = np.lexsort((x, self.group))
        rank = np.floor(q * (self.count - 1) + 0.5).astype(int)
        out = np.full(self.n, np.nan)
        out[self.full] = x[order][(self.starts + rank)[self.full]]
        return out

    def steps(self, x):
        """Differences to the row before in the same group, and which rows have one, in the groups' order."""
        x = x[self.order]
        same = np.zeros(len(x), bool)
        same[1:] = self.sorted[1:] == self.sorted[:-1]
        return np.diff(x, prepend=x[:1] if len(x) else 0.0), same


def log_ratio(x, floor=1e-6):
    return np.log(np.maximum(x, floor))


def band_statistics(p, bands, peak):
    """Columns of (object x band) from points alone. peak: largest |flux| of each object."""
    n_bands = len(bands)
    group = p.object * n_bands + np.searchsorted(bands, p.band)
    g = Groups(group, p.n_objects * n_bands)
    f, e = p.flux / peak[p.object], p.error / peak[p.object]
    snr = p.flux / p.error
    w = 1 / e**2
    mean, weighted = g.mean(f), g.mean(f, w)
    with np.errstate(all="ignore"):
        residual = f - mean[group]
        std = np.sqrt(g.mean(residual**2))
        skew = g.mean(residual**3) / (std**3 + 1e-9)
        kurtosis = g.mean(residual**4) / (std**4 + 1e-12)
        chi2 = g.sum((f - weighted[group])**2 * w) / np.maximum(g.count - 1, 1)
        median = g.quantile(f, 0.5)
        mad = g.quantile(np.abs(f - median[group]), 0.5)
        df, same = g.steps(f)
        dt, _ = g.steps(p.time)
        de = np.hypot(e[g.order], np.concatenate([e[g.order][:1], e[g.order][:-1]]))
        neighbour = np.bincount(g.sorted[same], df[same]**2, g.n) / np.maximum(g.count - 1, 1)
        slope = np.where(same, df / np.maximum(dt, 0.5), 0)
        up = np.full(g.n, -np.inf)
        down = np.full(g.n, np.inf)
        np.maximum.at(up, g.sorted[same], slope[same])
        np.minimum.at(down, g.sorted[same], slope[same])
        up[~np.isfinite(up)], down[~np.isfinite(down)] = np.nan, np.nan
        jump = np.bincount(g.sorted[same], np.abs(df / de)[same], g.n) / np.maximum(g.count - 1, 1)
        bright = g.sum(snr > 3)
        top, second = g.max(f), g.quantile(f, 0.9)
    columns = {
        "n": np.log1p(g.count), "max": top, "min": g.min(f), "mean": mean, "std": std, "weighted": weighted,
        "skew": skew, "kurtosis": log_ratio(kurtosis), "chi2": log_ratio(chi2), "mad": mad, "median": median,
        "q90": second, "q10": g.quantile(f, 0.1), "neumann": log_ratio(neighbour / (std**2 + 1e-9)),
        "jump": log_ratio(jump), "up": up, "down": down, "bright": bright / np.maximum(g.count, 1),
        "dark": g.sum(snr < -3) / np.maximum(g.count, 1), "snr": np.arcsinh(g.max(snr)),
        "error": log_ratio(g.quantile(e, 0.5)),
    }
    return {name: x.reshape(p.n_objects, n_bands) for name, x in columns.items()}


def point_statistics(p, bands):
    """Columns of one value an object, and those of one a band."""
    g = Groups(p.object, p.n_objects)
    peak = g.max(np.abs(p.flux))
    snr = p.flux / p.error
    strong = np.abs(snr) > 5
    gs = Groups(p.object[strong], p.n_objects)
    t = p.time[strong]
    with np.errstate(all="ignore"):
        span = g.max(p.time) - g.min(p.time)
        strong_span = np.nan_to_num(gs.max(t) - gs.min(t))
        weight = np.minimum(np.abs(snr[strong]), 100.0)
        centre = gs.mean(t, weight)
        spread = np.sqrt(gs.mean((t - centre[p.object[strong]])**2, weight))
        dt, same = gs.steps(t)
        gap = np.zeros(p.n_objects)
        np.maximum.at(gap, gs.sorted[same], dt[same])
        order = np.lexsort((np.abs(p.flux), p.object))
        last = g.starts + g.count.astype(int) - 1
        top_band = p.band[order][np.minimum(last, len(order) - 1)]
        second = np.abs(p.flux)[order][np.maximum(last - 1, 0)]
        second[g.count < 2] = 0
        third = np.abs(p.flux)[order][np.maximum(last - 2, 0)]
        third[g.count < 3] = 0
        top_time = p.time[order][np.minimum(last, len(order) - 1)]
        columns = {
            "peak": np.log(peak), "span": np.log1p(span), "n": np.log1p(g.count), "snr": log_ratio(g.max(np.abs(snr))),
            "bright": g.sum(snr > 3) / g.count, "dark": g.sum(snr < -3) / g.count, "n_strong": np.log1p(gs.count),
            "strong_span": np.log1p(strong_span), "strong_spread": np.log1p(np.nan_to_num(spread)),
            "strong_gap": np.log1p(gap), "second": second / peak, "third": third / peak, "top_band": top_band * 1.0,
            "top_time": (top_time - g.min(p.time)) / np.maximum(span, 1), "negative": -g.min(p.flux) / peak,
            "positive": g.max(p.flux) / peak, "skew_all": g.mean((p.flux / peak[p.object])**3),
            "detected": g.sum(p.detected) / g.count,
        }
    return columns, band_statistics(p, bands, peak), peak


def cross(t, x, start, level, step):
    """Days from index `start` to where x first falls under `level` walking by `step`; NaN where it never does."""
    i = start
    while 0 <= i + step < len(x):
        i += step
        if x[i] < level:
            return abs(t[i] - t[start])
    return np.nan


def process():
    """Our Gaussian process, of the library in the folder that STARLING_BUILD names."""
    return Gp()


def process_row(gp, t, flux, error, wavelength, channels, peak):
    """What the Gaussian process says about one object: a vector, see process_names."""
    lc = light_curve(t, flux, error, wavelength)
    info = gp.fit(lc)
    t, flux, error, wavelength = lc.columns
    n = len(t)
    null = -0.5 * np.sum((flux / error)**2) - np.sum(np.log(error)) - 0.5 * n * np.log(2 * np.pi)
    grid_time = np.linspace(t[0], t[-1], 100)
    grid = gp.predict(grid_time, channels) / peak
    at = gp.predict(t, channels)[np.arange(n), np.searchsorted(channels, wavelength)]
    pull = (flux - at) / error
    chi2 = np.mean(pull**2)
    total = grid.sum(axis=1)
    top = int(total.argmax())
    height = total[top]
    out = [info.p[1], info.p[0] - 2 * np.log(peak), info.log_likelihood / n + np.log(peak),
           np.arcsinh((info.log_likelihood - null) / n), np.log(chi2 + 1e-3), np.abs(pull).max() ** 0.5]
    for level in (0.7, 0.5, 0.2):
        for step in (-1, 1):
            out.append(np.log1p(cross(grid_time, total, top, level * height, step)))
    out.append(np.mean(total > 0.5 * height))
    out.append((grid_time[top] - t[0]) / max(t[-1] - t[0], 1))
    slope = np.diff(total)
    out.append(np.sum((slope[1:] < 0) & (slope[:-1] > 0) & (total[1:-1] > 0.2 * height)))
    out.append(np.arcsinh(height * 10))
    wanted = grid_time[top] + np.array(PHASES, float)
    inside = (wanted >= t[0]) & (wanted <= t[-1])
    shape = np.stack([np.where(inside, np.interp(wanted, grid_time, grid[:, b]), np.nan) for b in range(len(channels))])
    tops = grid.argmax(axis=0)
    for b in range(len(channels)):
        x = grid[:, b]
        mine = wavelength == channels[b]
        out += [x.max(), x.min(), x.mean(), x.std(), (grid_time[tops[b]] - grid_time[top]),
                np.log1p(cross(grid_time, x, tops[b], 0.5 * x.max(), -1)),
                np.log1p(cross(grid_time, x, tops[b], 0.5 * x.max(), 1)),
                np.log(np.mean(pull[mine]**2) + 1e-3) if mine.any() else np.nan]
        out += list(shape[b])
    return np.array(out, np.float32), grid.astype(np.float32), info.p


def process_names(bands):
    names = ["p1", "p0", "likelihood", "gain", "chi2", "pull"]
    names += [f"{w}{round(100 * level)}" for level in (0.7, 0.5, 0.2) for w in ("rise", "fall")]
    names += ["wide", "top", "maxima", "height"]
    for b in bands:
        names += [f"{w}_{'ugrizy'[b]}" for w in ("max", "min", "mean", "std", "lag", "rise", "fall", "chi2")]
        names += [f"at{phase}_{'ugrizy'[b]}" for phase in PHASES]
    return ["gp_" + name for name in names]


def features(p, bands, gp):
    """Table of features (objects x columns), its names, the grids (objects x 100 x bands over peak)."""
    bands = np.asarray(bands)
    p = p.take(np.isin(p.band, bands))
    one, banded, peak = point_statistics(p, bands)
    names = list(one) + [f"{name}_{'ugrizy'[b]}" for name in banded for b in bands]
    table = np.column_stack(list(one.values()) + list(banded.values()))
    starts, channels = p.starts(), WAVELENGTH[bands]
    process = np.full((p.n_objects, len(process_names(bands))), np.nan, np.float32)
    grids = np.zeros((p.n_objects, 100, len(bands)), np.float32)
    for i in range(p.n_objects):
        rows = slice(starts[i], starts[i + 1])
        if starts[i] == starts[i + 1] or not peak[i] > 0:
            continue
        process[i], grids[i], _ = process_row(gp, p.time[rows], p.flux[rows], p.error[rows], WAVELENGTH[p.band[rows]],
                                              channels, peak[i])
    return np.column_stack([table, process]).astype(np.float32), names + process_names(bands), grids


def luminosity_distance(z):
    """[Mpc], flat universe with 70 km/s/Mpc and 0.3 of matter."""
    grid = np.linspace(0, 5, 5001)
    inverse = 1 / np.sqrt(0.3 * (1 + grid)**3 + 0.7)
    comoving = np.concatenate([[0], np.cumsum((inverse[1:] + inverse[:-1]) / 2 * 0.001)]) * 299792.458 / 70
    return np.interp(z, grid, comoving) * (1 + z)


def redshift_features(table, names, objects):
    """Columns from the photometric redshift; in the Galaxy those of distance are missing."""
    z, there = objects.redshift, objects.redshift > 0
    col = {name: table[:, i] for i, name in enumerate(names)}
    distance = np.where(there, luminosity_distance(z), np.nan)
    stretch = np.where(there, np.log1p(z), np.nan)
    more = {"z": z, "z_error": objects.redshift_error, "z_there": there * 1.0,
            "luminosity": col["peak"] + 2 * np.log(distance), "rest_p1": col["gp_p1"] - 2 * stretch}
    for name in ("rise50", "fall50", "fall20"):
        more["rest_" + name] = col["gp_" + name] - stretch
    return np.column_stack(list(more.values())).astype(np.float32), list(more)
