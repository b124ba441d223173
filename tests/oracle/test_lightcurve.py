"""The light curve room against the published recipe, pandas and astropy.

Environment: STARLING_BUILD, the build directory (default ./build);
STARLING_SHARED, the folder with golden/ and data/ (default ../shared).
"""
import csv
import ctypes as c
import glob
import io
import os
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STARLING_BUILD", ROOT / "build"))
SHARED = Path(os.environ.get("STARLING_SHARED", ROOT.parent / "shared"))

pd = pytest.importorskip("pandas")
CONTRACT_ROOM = 1 << 16  # more bytes than an sl_contract has


class Str(c.Structure):
    _fields_ = [("ptr", c.c_char_p), ("len", c.c_size_t)]


class Point(c.Structure):
    _fields_ = [("time", c.c_double), ("value", c.c_double), ("error", c.c_double), ("zero_point", c.c_double),
                ("limit_mag", c.c_float), ("exposure_s", c.c_float), ("band", c.c_char), ("kind", c.c_uint8),
                ("unit", c.c_uint8), ("flags", c.c_uint8), ("sign", c.c_int8)]


class Alert(c.Structure):
    _fields_ = [("survey", c.c_int), ("alert_id", Str), ("object_id", Str), ("schema_version", Str),
                ("alert_number", c.c_int64), ("source_number", c.c_int64), ("publish_time_ms", c.c_int64),
                ("time_is_jd", c.c_bool), ("redshift", c.c_float), ("redshift_error", c.c_float),
                ("n_points", c.c_size_t), ("points", c.POINTER(Point))]


class Lightcurve(c.Structure):
    _fields_ = [("n", c.c_size_t), ("time", c.POINTER(c.c_double)), ("flux", c.POINTER(c.c_double)),
                ("error", c.POINTER(c.c_double)), ("wavelength", c.POINTER(c.c_double)),
                ("band", c.POINTER(c.c_uint8)), ("origin_mjd", c.c_double), ("bands_present", c.c_uint32),
                ("n_bands_present", c.c_uint32), ("n_channels", c.c_uint32), ("channel_wavelength", c.c_double * 8),
                ("redshift", c.c_float), ("redshift_error", c.c_float)]


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("reason", c.c_int), ("line", c.c_int), ("file", c.c_char_p),
                ("message", c.c_char * 240)]


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no {name} (set STARLING_SHARED to the data folder)")
    return path


@pytest.fixture(scope="module")
def library():
    lib = c.CDLL(str(BUILD / "src" / "libstarling.so"))
    lib.sl_reason_name.restype = c.c_char_p
    return lib


class Builder:
    """sl_lightcurve_build under a preset."""

    def __init__(self, lib, preset):
        self.lib, self.contract, self.buffer = lib, c.create_string_buffer(CONTRACT_ROOM), c.c_void_p()
        assert lib.sl_contract_preset(preset.encode(), self.contract, None) == 0
        assert lib.sl_lightcurve_buffer_new(c.byref(self.buffer), None) == 0

    def __call__(self, alert):
        lc, err = Lightcurve(), Error()
        status = self.lib.sl_lightcurve_build(self.contract, c.byref(alert), self.buffer, c.byref(lc), c.byref(err))
        return lc, None if status == 0 else self.lib.sl_reason_name(err.reason).decode()


def ztf_alert(row):
    nan = float("nan")
    points = (Point * len(row.jd))()
    for i, (jd, fid, mag, sigma) in enumerate(zip(row.jd, row.fid, row.magpsf, row.sigmapsf)):
        limit = np.isnan(mag)
        points[i] = Point(jd, mag, sigma, nan, nan, 30, b"?gri"[fid:fid + 1], 1 if limit else 0, 0,
                          0 if i + 1 < len(row.jd) else 1, 0 if limit else 1)
    return Alert(survey=1, time_is_jd=True, redshift=nan, redshift_error=nan, n_points=len(points), points=points)


@pytest.fixture(scope="module")
def golden():
    raw = pd.read_parquet(shared("golden/alerts_raw.parquet")).reset_index(drop=True)
    answers = pd.read_parquet(shared("golden/golden.parquet")).reset_index(drop=True)
    assert (raw.candid == answers.candid).all() and len(raw) == 532
    return list(zip(raw.itertuples(), answers.itertuples()))


def test_reference_points_are_those_of_the_published_recipe(library, golden):
    build = Builder(library, "reference")
    for raw, want in golden:
        lc, reason = build(ztf_alert(raw))
        assert lc.n == want.npoints and lc.n_bands_present == want.nfilters
        if want.status != "ok":
            continue
        assert reason is None, raw.candid
        order = np.lexsort((-want.raw_flux, -want.raw_filter, want.raw_mjd))  # ties: a time order read backwards
        assert np.array_equal(np.array(lc.time[:lc.n]), want.raw_mjd[order])
        assert np.array_equal(np.array(lc.band[:lc.n]) + 1, want.raw_filter[order])
        np.testing.assert_allclose(lc.flux[:lc.n], want.raw_flux[order], rtol=1e-12)
        np.testing.assert_allclose(lc.error[:lc.n], want.raw_fluxerr[order], rtol=1e-12)
        # its grid runs from the first to the last point
        np.testing.assert_allclose([lc.time[0], lc.time[lc.n - 1]], [want.interp_t[0], want.interp_t[-1]], rtol=1e-14)


def test_reference_refuses_what_the_recipe_refuses_and_says_why(library, golden):
    build, reasons = Builder(library, "reference"), {}
    for raw, want in golden:
        _, reason = build(ztf_alert(raw))
        assert (reason is None) == (want.status == "ok"), raw.candid
        reasons[reason] = reasons.get(reason, 0) + 1
        if want.nfilters == 3:
            assert reason == "too_many_bands"
        elif want.nfilters == 1:
            assert reason == ("too_few_points" if want.npoints == 1 else "too_few_bands")
    assert reasons[None] == 281 and reasons["too_many_bands"] == 36 and sum(reasons.values()) == 532


def test_starling_takes_one_band_and_runs_forward(library, golden):
    build, taken = Builder(library, "starling"), 0
    for raw, want in golden:
        lc, reason = build(ztf_alert(raw))
        if reason is None:
            taken += 1
            assert lc.time[0] == 0 and np.all(np.diff(lc.time[:lc.n]) >= 0) and lc.n_channels == 2
        else:
            assert reason in ("too_few_points", "no_time_span", "no_points")
    assert taken > 281
