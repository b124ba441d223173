"""Features, error plane and nights against the formulas of include/starling/feature.h in NumPy."""

import ctypes as c
import math
import pathlib
import re
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gp_library import ROOT, SCALING, FitInfo, Gp, light_curve  # noqa: E402

WAVELENGTHS = (3685.0, 4802.0, 6231.0, 7542.0, 8690.0, 9736.0)
HEADER = (ROOT / "include" / "starling" / "feature.h").read_text()
FEATURES = {name.lower(): int(number) for name, number in re.findall(r"SL_FEATURE_(\w+) = (\d+),", HEADER)}
FEATURES = {name: number for name, number in FEATURES.items() if name != "first_of_bands"}
STEPS = 50


@pytest.fixture
def gp():
    gp = Gp()
    assert gp.lib.sl_contract_preset(b"starling", c.byref(gp.contract), None) == 0
    for b, wavelength in enumerate(WAVELENGTHS):
        gp.contract.bands[b].name = "ugrizy"[b].encode()
        gp.contract.bands[b].wavelength_aa = wavelength
    gp.contract.n_bands = gp.contract.n_channels = len(WAVELENGTHS)
    gp.contract.gp.grid_length = STEPS
    gp.contract.scaling = SCALING["none"]
    gp.contract.n_features = len(FEATURES)
    for i, number in enumerate(FEATURES.values()):
        gp.contract.features[i] = number
    for i in range(len(gp.contract.feature_spread)):
        gp.contract.feature_spread[i] = 1e6  # so that none is clamped
    gp._call("sl_contract_check", c.byref(gp.contract))
    return gp


def made_up(seed, n):
    rng = np.random.default_rng(seed)
    band = rng.integers(0, 6 if seed % 3 else 4, n)  # two bands without points, at times
    time = np.sort(rng.uniform(0, 200, n))
    error = rng.uniform(3, 30, n)
    flux = 400 * np.exp(-((time - 90) / 25) ** 2) * (1 + 0.1 * band) + error * rng.standard_normal(n)
    if seed % 2:
        flux -= 60
    return time, flux, error, band


def library_values(gp, time, flux, error, band, z):
    lc = light_curve(time, flux, error, [WAVELENGTHS[b] for b in band], z, np.nan if np.isnan(z) else 0.05)
    lc.n_channels = 6
    lc.channel_wavelength[:6] = WAVELENGTHS
    bands = np.ascontiguousarray(band, np.uint8)
    lc.band = bands.ctypes.data
    n = gp.lib.sl_contract_input_floats(c.byref(gp.contract))
    values, info = np.empty(n, np.float32), FitInfo()
    mean = np.empty((STEPS, 6))
    gp._call("sl_gp_grid", gp.handle, c.byref(gp.contract), c.byref(lc), c.c_void_p(values.ctypes.data),
             c.c_void_p(mean.ctypes.data), c.byref(info))
    out, at = {}, n - gp.lib.sl_contract_input_features(c.byref(gp.contract))
    for name, number in FEATURES.items():
        size = 6 if number >= 64 else 1
        out[name] = values[at:at + size].astype(float) * 1e6
        at += size
    assert at == n
    return out, mean, info


def missing_as_zero(x):
    x = np.atleast_1d(np.asarray(x, float))
    return np.where(np.isfinite(x), x, 0)


def luminosity_distance(z):
    from scipy.integrate import quad
    return (1 + z) * 299792.458 / 70 * quad(lambda x: (0.3 * (1 + x) ** 3 + 0.7) ** -0.5, 0, z)[0]


def of_points(t, f, e, band, z):
    p = np.abs(f).max()
    hit = np.abs(f) > 3 * e
    out = {
        "log_peak": np.log(p), "log_span": np.log1p(t[-1] - t[0]), "log_points": np.log(len(t)),
        "log_detections": np.log1p(hit.sum()), "detected_share": hit.mean(), "negative_share": (f < -3 * e).mean(),
        "detected_span": np.log1p(np.ptp(t[hit])) if hit.any() else np.nan,
        "log_max_snr": np.log1p((np.abs(f) / e).max()), "log_noise": np.log(np.median(e) / p),
        "log_max_gap": np.log1p(np.diff(t).max()) if len(t) > 1 else 0,
        "peak_place": (t[f.argmax()] - t[0]) / (t[-1] - t[0]), "redshift": z,
        "redshift_error": np.nan if np.isnan(z) else 0.05, "has_redshift": float(z > 0),
        "log_luminosity": np.log(p * luminosity_distance(z) ** 2) if z > 0 else np.nan}
    strong = np.abs(f) > 5 * e
    ts, w = t[strong], np.minimum(np.abs(f) / e, 100)[strong]
    sizes = np.sort(np.abs(f))[::-1] / p
    out.update({
        "strong_span": np.log1p(np.ptp(ts)) if strong.any() else 0, "log_strong": np.log1p(strong.sum()),
        "strong_gap": np.log1p(np.diff(ts).max()) if strong.sum() > 1 else 0,
        "strong_spread": np.log1p(np.sqrt(np.average((ts - np.average(ts, weights=w))**2, weights=w))) if strong.any() else 0,
        "max": f.max() / p, "min": f.min() / p, "mean_cube": np.mean((f / p)**3),
        "second": sizes[1] if len(t) > 1 else np.nan, "third": sizes[2] if len(t) > 2 else np.nan,
        "peak_band": band[np.abs(f).argmax()]})
    for b in range(6):
        k = band == b
        n, tb, fb, eb = k.sum(), t[k], f[k], e[k]
        one = {name: np.nan for name in FEATURES if name.startswith("band_")}
        one["band_points"] = np.log1p(n)
        if n:
            weighted, sigma, d = np.sum(fb / eb**2) / np.sum(1 / eb**2), fb.std(), fb - fb.mean()
            one.update(band_max=fb.max() / p, band_min=fb.min() / p, band_mean=fb.mean() / p, band_deviation=sigma / p,
                       band_weighted_mean=weighted / p, band_mad=np.median(np.abs(fb - np.median(fb))) / p,
                       band_detected_share=np.mean(np.abs(fb) > 3 * eb), band_negative_share=np.mean(fb < -3 * eb),
                       band_max_snr=np.log1p(np.max(np.abs(fb) / eb)))
            at = [int(q * (n - 1) + 0.5) for q in (0.1, 0.5, 0.9)]
            one.update(zip(("band_low", "band_median", "band_high"), np.sort(fb)[at] / p))
            one["band_noise"] = np.log(np.sort(eb)[at[1]] / p)
        if n >= 2:
            rate = np.diff(fb) / np.maximum(np.diff(tb), 0.5) / p
            one.update(band_max_rate=rate.max(), band_min_rate=rate.min(),
                       band_jump=np.log(np.mean(np.abs(np.diff(fb)) / np.hypot(eb[1:], eb[:-1]))))
            df, dt = np.diff(fb), np.maximum(np.diff(tb), 0.01)
            one.update(band_chi2=np.log1p(np.sum(((fb - weighted) / eb) ** 2) / (n - 1)),
                       band_max_slope=np.log1p(np.max(np.abs(df) / dt) / p),
                       band_roughness=np.sum(df**2) / (n - 1) / sigma**2)
        if n >= 3:
            one["band_skew"] = np.mean(d**3) / sigma**3
        if n >= 4:
            one["band_kurtosis"] = np.mean(d**4) / sigma**4 - 3
        for name, value in one.items():
            out.setdefault(name, np.full(6, np.nan))[b] = value
    return out


def covariance(t1, w1, t2, w2, p):
    dt, dw = t1[:, None] - t2[None, :], w1[:, None] - w2[None, :]
    s = np.sqrt(3 * (dt**2 * np.exp(-p[1]) + dw**2 / 6000**2))
    return 2 * np.exp(p[0]) * (1 + s) * np.exp(-s)


PHASES = {"band_gp_peak": 0, **{f"band_gp_before_{-d}": d for d in (-60, -35, -20, -10, -5)},
          **{f"band_gp_after_{d}": d for d in (5, 10, 20, 35, 60, 100)}}


def log_days(x, top, level, way, step):
    """ln(1 + days) from `top` to where x first falls under `level` walking by `way`."""
    walk = x[top::way][1:] < level
    return np.log1p((walk.argmax() + 1) * step) if walk.any() else np.nan


def of_fit(t, f, e, band, mean, info, z):
    peak, p, w = np.abs(f).max(), info.p, np.array(WAVELENGTHS)[band]
    k = covariance(t, w, t, w, p)
    residual = (f - k @ np.linalg.solve(k + np.diag(e**2 + 1.25e-12), f)) / e
    top, channel = np.unravel_index(mean.argmax(), mean.shape)
    height, step = mean.max(), (t[-1] - t[0]) / (STEPS - 1)
    curve = mean[:, channel]
    before = [i for i in range(top) if curve[i] < height / 2]
    behind = [i for i in range(top, STEPS) if curve[i] < height / 2]
    rise = top - (before[-1] if before else 0)
    decline = (behind[0] if behind else STEPS - 1) - top
    out = {"gp_scale": p[1], "gp_amplitude": p[0] - 2 * np.log(peak),
           "gp_likelihood": info.log_likelihood / len(t) + np.log(peak), "gp_residual": np.log1p(np.mean(residual**2)),
           "gp_rise": np.log1p(rise * step), "gp_decline": np.log1p(decline * step),
           "band_gp_residual": [np.log1p(np.mean(residual[band == b] ** 2)) if (band == b).any() else np.nan
                                for b in range(6)],
           "band_gp_color": mean[top] / height, "band_gp_max": mean.max(0) / height,
           "band_gp_delay": np.arcsinh((mean.argmax(0) - top) * step)}
    total, x, stretch = mean.sum(1), mean.sum(1), np.log1p(z) if z > 0 else np.nan
    summed = total.argmax()
    noise = -np.sum((f / e)**2) / 2 - np.sum(np.log(e)) - len(t) / 2 * np.log(2 * np.pi)
    out.update(gp_gain=np.arcsinh((info.log_likelihood - noise) / len(t)), gp_max_pull=np.sqrt(np.abs(residual).max()),
               gp_wide=np.mean(total > total.max() / 2), gp_peak_place=summed / (STEPS - 1),
               gp_maxima=np.sum((x[1:-1] > x[:-2]) & (x[1:-1] > x[2:]) & (x[1:-1] > 0.2 * x.max())),
               gp_peak_height=np.arcsinh(10 * total.max() / peak), gp_rest_scale=p[1] - 2 * stretch,
               band_gp_mean=mean.mean(0) / peak, band_gp_min=mean.min(0) / peak, band_gp_deviation=mean.std(0) / peak)
    for name, way in (("rise", -1), ("fall", 1)):
        for share in (70, 50, 20):
            out[f"gp_{name}_{share}"] = log_days(total, summed, share / 100 * total.max(), way, step)
        out[f"band_gp_{name}"] = [log_days(x, x.argmax(), x.max() / 2, way, step) if x.max() > 0 else np.nan for x in mean.T]
    for name in ("rise_50", "fall_50", "fall_20"):
        out["gp_rest_" + name] = out["gp_" + name] - stretch
    if total.max() <= 0:
        out.update({name: np.nan for name in FEATURES if name.startswith(("gp_rise_", "gp_fall_", "gp_rest_r", "gp_rest_f"))})
        out.update(dict.fromkeys(("gp_wide", "gp_maxima", "gp_peak_place", "gp_peak_height"), np.nan))
    for name, day in PHASES.items():
        at, steps = summed + (day / step if day else 0), np.arange(STEPS)
        inside = 0 <= at <= STEPS - 1
        out[name] = [np.interp(at, steps, mean[:, b]) / peak if inside else np.nan for b in range(6)]
    if height <= 0:
        out.update({name: np.nan for name in ("gp_rise", "gp_decline", "band_gp_color", "band_gp_max", "band_gp_delay")})
    return out


@pytest.mark.parametrize("n", [2, 3, 5, 17, 64, 65, 150])
def test_every_feature_is_its_formula(gp, n):
    for seed in range(20):
        t, f, e, band = made_up(seed, n)
        z = [0.0, 0.3, math.nan, 1.7][seed % 4]
        got, mean, info = library_values(gp, t, f, e, band, np.float32(z))
        expected = {**of_points(t, f, e, band, float(np.float32(z))), **of_fit(t, f, e, band, mean, info, z)}
        expected["redshift_error"] = np.nan if np.isnan(z) else np.float32(0.05)
        assert set(got) == set(expected)
        for name, values in got.items():
            wanted = np.broadcast_to(missing_as_zero(expected[name]), values.shape)
            assert np.allclose(values, wanted, rtol=2e-5, atol=2e-5), (name, seed, values, wanted)


def test_the_error_plane_is_george_s_deviation(gp):
    george = pytest.importorskip("george")
    gp.contract.planes, gp.contract.n_features = 2, 0
    for seed, n in ((1, 12), (2, 60), (3, 130)):
        t, f, e, band = made_up(seed, n)
        lc = light_curve(t, f, e, [WAVELENGTHS[b] for b in band])
        lc.n_channels = 6
        lc.channel_wavelength[:6] = WAVELENGTHS
        values, info = np.empty((STEPS, 12), np.float32), FitInfo()
        gp._call("sl_gp_grid", gp.handle, c.byref(gp.contract), c.byref(lc), c.c_void_p(values.ctypes.data), None,
                 c.byref(info))
        model = george.GP(2 * np.exp(info.p[0]) * george.kernels.Matern32Kernel([np.exp(info.p[1]), 6000.0**2], ndim=2))
        model.compute(np.column_stack([t, np.array(WAVELENGTHS)[band]]), e)
        times = np.linspace(t[0], t[-1], STEPS)
        for b in range(6):
            _, variance = model.predict(f, np.column_stack([times, np.full(STEPS, WAVELENGTHS[b])]), return_var=True)
            assert np.allclose(values[:, 6 + b], np.sqrt(variance), rtol=1e-5, atol=1e-3)


def test_nights_are_weighted_means(gp):
    gp.contract.sees, gp.contract.max_nights, gp.contract.planes = 1, 200, 1
    gp.contract.n_features, gp.contract.scaling = 0, SCALING["peak"]
    gp._call("sl_contract_check", c.byref(gp.contract))
    for seed in range(6):
        t, f, e, band = made_up(seed, 140)
        lc = light_curve(t, f, e, [WAVELENGTHS[b] for b in band])
        lc.n_channels = 6
        bands = np.ascontiguousarray(band, np.uint8)
        lc.band = bands.ctypes.data
        rows = np.empty((200, 25), np.float32)
        gp._call("sl_gp_grid", gp.handle, c.byref(gp.contract), c.byref(lc), c.c_void_p(rows.ctypes.data), None, None)
        expected, starts, i = np.zeros((200, 25)), [], 0
        while i < len(t):
            k = (t >= t[i]) & (t - t[i] <= 0.5)
            row = expected[len(starts)]
            for b in np.unique(band[k]):
                w, x = 1 / e[k & (band == b)] ** 2, f[k & (band == b)]
                mean = (w * x).sum() / w.sum()
                row[3 * b:3 * b + 3] = mean / np.abs(f).max(), w.sum() ** -0.5 / np.abs(f).max(), 1
                row[18 + b] = np.arcsinh(mean / 10)
            row[24] = np.log1p(t[i] - starts[-1]) if starts else 0
            starts.append(t[i])
            i = np.flatnonzero(k)[-1] + 1
        assert np.allclose(rows, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n_knots", range(3, 18))
def test_tables_give_normal_scores(gp, n_knots):
    from scipy.stats import norm
    rng = np.random.default_rng(n_knots)
    contract, scores = gp.contract, norm.ppf((np.arange(n_knots) + 0.5) / n_knots)
    contract.n_features, contract.features[0] = 1, FEATURES["band_skew"]
    contract.feature_knots = n_knots
    spread = np.array([1e-3, 0.3, 1, 30, 500, 0])
    knots = np.sort(rng.standard_normal((6, n_knots)) * spread[:, None], 1).astype(np.float16)
    knots[2] = np.round(knots[2])  # ties
    contract.feature_table[:6 * n_knots] = knots.view(np.uint16).ravel().tolist()
    gp._call("sl_contract_check", c.byref(contract))
    for _ in range(200):
        x = (rng.standard_normal(6) * 1.5 * (spread + 1e-4)).astype(np.float32)
        if rng.random() < 0.3:
            x = knots[np.arange(6), rng.integers(0, n_knots, 6)].astype(np.float32) * np.float32(1 + 1e-5)
        x[rng.random(6) < 0.1] = rng.choice([np.nan, np.inf, -np.inf])
        got = np.empty(6, np.float32)
        gp.lib.sl_contract_scale_features(c.byref(contract), c.c_void_p(x.ctypes.data), c.c_void_p(got.ctypes.data))
        for value, raw, q in zip(got, x, knots.astype(float)):
            tied = q == float(np.float16(raw)) if np.isfinite(raw) else np.zeros(n_knots, bool)
            if not np.isfinite(raw):
                expected = 0
            elif tied.any():
                expected = scores[tied].mean()
            else:
                place = np.searchsorted(q, raw)
                low, high = max(place - 1, 0), min(place, n_knots - 1)
                expected = np.interp(raw, q[[low, high]], scores[[low, high]]) if low < high else scores[low]
            assert abs(value - expected) < 2e-6, (raw, q)
