"""The light curve room against the published recipe, pandas and astropy.

Environment: STARLING_BUILD, the build directory (default ./build);
STARLING_SHARED, the folder with golden/ and data/ (default ../shared).
"""
import ctypes as c
import glob
import gzip
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


def dump(*args):
    """What the readers of files give: [(status, id, redshift, error, points)], a point a list of text."""
    run = subprocess.run([BUILD / "tests" / "oracle" / "dump_table", *args], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    objects = []
    for line in run.stdout.splitlines():
        cells = line.split(" ")
        if cells[0] == "O":
            objects.append((cells[1], cells[2], float(cells[3]), float(cells[4]), []))
        else:
            objects[-1][4].append(cells)
    return objects


def column(points, index):
    return np.array([float(p[index]) for p in points])


def compare_table(path, table, name, band):
    """A sound table object by object; `table` is its pandas twin with mjd, value, error, limit, detected."""
    groups = list(table.groupby(name, sort=False))
    objects = dump("csv", path)
    assert len(objects) == len(groups) > 0
    for (status, who, _, _, points), (want, rows) in zip(objects, groups):
        assert status == "ok" and who == str(want) and len(points) == len(rows)
        assert np.array_equal(column(points, 0), rows.mjd)
        assert [p[3] for p in points] == list(rows[band])
        assert np.array_equal(column(points, 4) == 1, rows.limit)
        assert np.array_equal(column(points, 5).astype(int) & 2 != 0, rows.detected & ~rows.limit)
        sound = ~rows.limit.to_numpy()
        assert np.array_equal(column(points, 1)[sound], rows.value[sound], equal_nan=True)
        assert np.array_equal(column(points, 2)[sound], rows.error[sound], equal_nan=True)


def test_bright_transient_magnitudes_are_those_that_pandas_reads(tmp_path):
    path = tmp_path / "bts.csv"
    path.write_bytes(gzip.decompress(shared("data/ztf_bts_photometry.csv.gz").read_bytes()))
    table = pd.read_csv(path)
    table = table.assign(value=table.mag, error=table.magerr, limit=table.magerr.isna(), detected=table.detected == 1)
    compare_table(path, table, "name", "filter")


def test_plasticc_fluxes_are_those_that_pandas_reads(tmp_path):
    """The real training set where STARLING_PLASTICC leads to it, else one of its form made up."""
    path = os.environ.get("STARLING_PLASTICC")
    if path is None:
        rng, rows = np.random.default_rng(2), []
        for who in rng.choice(10**8, 50, replace=False):
            n = rng.integers(1, 200)
            rows.append(pd.DataFrame({
                "object_id": who, "mjd": np.sort(rng.uniform(59580, 60674, n)), "passband": rng.integers(0, 6, n),
                "flux": rng.normal(0, 10.0 ** rng.integers(-3, 6), n), "flux_err": rng.lognormal(0, 3, n),
                "detected_bool": rng.integers(0, 2, n)}))
        path = tmp_path / "plasticc.csv"
        pd.concat(rows).to_csv(path, index=False)
    table = pd.read_csv(path)
    detected = table["detected_bool" if "detected_bool" in table else "detected"] == 1
    letter = [*map("ugrizy".__getitem__, table.passband)]
    table = table.assign(value=table.flux, error=table.flux_err, limit=False, letter=letter, detected=detected)
    compare_table(path, table, "object_id", "letter")


def snana_objects(head, phot):
    """The pair as astropy sees it."""
    fits = pytest.importorskip("astropy.io.fits")
    with fits.open(head) as h, fits.open(phot) as p:
        zero_point = p[0].header.get("ZP_FLUXCAL", h[0].header.get("ZP_FLUXCAL", 27.5))
        for row in h[1].data:
            rows = p[1].data[row["PTROBS_MIN"] - 1:row["PTROBS_MAX"]]
            final = row["REDSHIFT_FINAL"] > -1
            z = [row[("REDSHIFT_FINAL" if final else "HOSTGAL_PHOTOZ") + end] for end in ("", "_ERR")]
            z = [v if z[0] > -1 and v > -1 else np.nan for v in z]
            yield row["SNID"].strip(), z, zero_point, rows[rows["MJD"] != -777]


def test_snana_files_are_those_that_astropy_reads(tmp_path):
    with tarfile.open(shared("data/elasticc2_snana.tar.bz2")) as tar:
        tar.extractall(tmp_path)
    heads, n_objects = sorted(glob.glob(str(tmp_path / "**" / "*_HEAD.FITS.gz"), recursive=True)), 0
    assert len(heads) == 120
    for head in heads:
        pair = []
        for name in (head, head.replace("_HEAD", "_PHOT")):
            subprocess.run(["gunzip", "-f", name], check=True)
            pair.append(name[:-3])
        objects = dump("snana", *pair)
        want = list(snana_objects(*pair))
        assert len(objects) == len(want)
        for (status, who, z, z_error, points), (name, (z_want, error_want), zero_point, rows) in zip(objects, want):
            assert status == "ok" and who == name
            np.testing.assert_allclose([z, z_error], [z_want, error_want], rtol=1e-7)
            assert np.array_equal(column(points, 0), rows["MJD"])
            assert np.array_equal(column(points, 1), rows["FLUXCAL"].astype(float))
            assert np.array_equal(column(points, 2), rows["FLUXCALERR"].astype(float))
            assert [p[3] for p in points] == [b.strip().lower() for b in rows["BAND"]]
            assert np.array_equal(column(points, 5).astype(int) & 2 != 0, rows["PHOTFLAG"] & 4096 != 0)
            assert np.all(column(points, 6) == zero_point)
            n_objects += 1
    assert n_objects == 346


def test_zp_fluxcal_is_honoured_as_astropy_writes_it(tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    head = fits.BinTableHDU.from_columns([
        fits.Column("SNID", "16A", array=["a", "b"]), fits.Column("PTROBS_MIN", "J", array=[1, 4]),
        fits.Column("PTROBS_MAX", "J", array=[2, 5])])
    phot = fits.BinTableHDU.from_columns([
        fits.Column("MJD", "D", array=[1, 2, -777, 3, 4, -777]),
        fits.Column("FLT", "2A", array=["g", "r", "-", "g", "r", "-"]),
        fits.Column("FLUXCAL", "D", array=[1.5, 2, 0, 3, 4, 0]),
        fits.Column("FLUXCALERR", "E", array=[1, 1, 0, 1, 1, 0])])
    primary = fits.PrimaryHDU()
    primary.header["HIERARCH ZP_FLUXCAL"] = 31.4
    for name, first, table in (("HEAD", fits.PrimaryHDU(), head), ("PHOT", primary, phot)):
        fits.HDUList([first, table]).writeto(tmp_path / f"x_{name}.FITS")
    objects = dump("snana", tmp_path / "x_HEAD.FITS", tmp_path / "x_PHOT.FITS")
    assert [o[1] for o in objects] == ["a", "b"]
    assert all(float(p[6]) == 31.4 for o in objects for p in o[4]) and objects[1][4][0][1] == "3"


def test_leap_seconds_are_those_of_astropy(library):
    """Seen from outside: an alert in UTC under `starling`. No time on the day of a leap second: astropy smears it."""
    time = pytest.importorskip("astropy.time").Time
    build = Builder(library, "starling")
    nan = float("nan")
    for mjd in (41317.5, 41497.9, 44786.1, 51177.99, 51179.01, 54832.5, 57752.9, 57754.1, 60000.0):
        points = (Point * 2)(*(Point(mjd + dt, 1, 1, 27.5, nan, nan, b"g", 0, 1, 4, 0) for dt in (0, 0.01)))
        lc, reason = build(Alert(survey=1, redshift=nan, redshift_error=nan, n_points=2, points=points))
        assert reason is None
        assert abs(lc.origin_mjd - time(mjd, format="mjd", scale="utc").tai.mjd) * 86400 < 1e-5
