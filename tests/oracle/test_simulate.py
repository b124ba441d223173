"""A made-up night, read with fastavro and Python's tarfile.

Environment: STARLING_BUILD, the build directory (default ./build).
"""
import collections
import csv
import ctypes as c
import gzip
import io
import json
import math
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STARLING_BUILD", ROOT / "build"))

fastavro = pytest.importorskip("fastavro")

ZTF, LSST = 0, 1
TAR, CONTAINER, FRAMED = 0, 1, 2
READ, QUARANTINED, EITHER = 0, 1, 2
FID_BAND = {1: "g", 2: "r", 3: "i"}


class Options(c.Structure):
    _fields_ = [("survey", c.c_int), ("form", c.c_int), ("n_alerts", c.c_uint64), ("seed", c.c_uint64),
                ("cutouts", c.c_bool), ("hostile_share", c.c_double), ("min_points", c.c_uint32),
                ("max_points", c.c_uint32)]


class Str(c.Structure):
    _fields_ = [("ptr", c.c_void_p), ("len", c.c_size_t)]


lib = c.CDLL(str(BUILD / "src" / "libstarling.so"))
libc = c.CDLL(None)
libc.fopen.restype = c.c_void_p
libc.fclose.argtypes = [c.c_void_p]
lib.sl_simulate_write_truth.argtypes = [c.POINTER(Options), c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p]
lib.sl_simulate_schema.restype = Str
lib.sl_simulate_fault_name.restype = c.c_char_p
FATES = {}
for code in range(17):
    FATES[lib.sl_simulate_fault_name(code).decode()] = lib.sl_simulate_fault_fate(code)


def night(tmp_path, **changes):
    """Write a night; gives its path and the rows of its truth."""
    options = Options()
    lib.sl_simulate_defaults(c.byref(options))
    for name, value in changes.items():
        setattr(options, name, value)
    paths = tmp_path / "night", tmp_path / "truth.csv"
    files = [libc.fopen(str(p).encode(), b"wb") for p in paths]
    status = lib.sl_simulate_write_truth(c.byref(options), files[0], files[1], None, None)
    for f in files:
        libc.fclose(f)
    assert status == 0
    with open(paths[1], newline="") as f:
        return paths[0], list(csv.DictReader(f))


def schema_of(survey):
    text = lib.sl_simulate_schema(survey)
    return json.loads(c.string_at(text.ptr, text.len))


def entries(path):
    with tarfile.open(path) as archive:
        for member in archive:
            yield member.name, archive.extractfile(member).read()


def records(blob):
    return list(fastavro.reader(io.BytesIO(blob)))


def check_fits(blob, side, n_images):
    """A FITS of n_images images, the first side x side float pixels, with a source in the noise."""
    assert len(blob) % 2880 == 0
    assert blob.startswith(b"SIMPLE  =                    T")
    assert blob.count(b"BITPIX  =                  -32") == n_images
    header = blob[:2880].decode("ascii")
    assert f"NAXIS1  = {side:20d}" in header and "END" in header
    pixels = np.frombuffer(blob, ">f4", side * side, 2880).reshape(side, side)
    assert np.isfinite(pixels).all() and pixels.std() > 0


def test_schemas_are_valid_and_of_true_size():
    for survey in (ZTF, LSST):
        schema = schema_of(survey)
        fastavro.parse_schema(schema)
        assert 20000 < len(json.dumps(schema, separators=(",", ":"))) < 26000
        name = "ztf_alert.avsc" if survey == ZTF else "lsst_alert.avsc"
        assert schema == json.loads((ROOT / "schema" / name).read_text())
    assert schema_of(LSST)["namespace"] == "lsst.v10_0"


def check_ztf(record, truth):
    current, earlier = record["candidate"], record["prv_candidates"] or []
    assert str(record["candid"]) == truth["alert_id"] and record["objectId"] == truth["object_id"]
    assert current["candid"] == record["candid"] and len(str(record["candid"])) == 19
    assert len(record["objectId"]) == 12 and record["objectId"].startswith("ZTF")
    times = [p["jd"] for p in earlier] + [current["jd"]]
    assert times == sorted(times) and times[-1] - times[0] <= 30.5
    detected = [p for p in earlier if p["magpsf"] is not None] + [current]
    for p in detected:
        assert 1.0857 / p["sigmapsf"] >= 4.999
        assert 5 < p["magpsf"] < p["diffmaglim"] + 0.2
        assert p["isdiffpos"] in ("t", "f") and p["candid"] is not None
    for p in earlier:
        assert p["fid"] in FID_BAND and 17 < p["diffmaglim"] < 23
        assert (p["magpsf"] is None) == (p["candid"] is None) == (p["isdiffpos"] is None)
    # forced photometry says the same as the detections
    forced = {p["jd"]: p for p in record["fp_hists"] or []}
    assert set(forced) == set(times[:-1])
    for p in detected[:-1]:
        f = forced[p["jd"]]
        mag = f["magzpsci"] - 2.5 * math.log10(abs(f["forcediffimflux"]))
        assert mag == pytest.approx(p["magpsf"], abs=1e-4)
        assert (f["forcediffimflux"] > 0) == (p["isdiffpos"] == "t")
    for name in ("cutoutScience", "cutoutTemplate", "cutoutDifference"):
        stamp = record[name]["stampData"]
        assert 10000 < len(stamp) < 17000
        check_fits(gzip.decompress(stamp), 63, 1)
    return len(detected), {p["fid"] for p in detected}


def test_ztf_night_is_readable_and_sane(tmp_path):
    path, truth = night(tmp_path, survey=ZTF, n_alerts=600)
    sizes, counts, bands = [], [], []
    for (name, blob), row in zip(entries(path), truth, strict=True):
        (record,) = records(blob)
        assert name == f"{record['candid']}.avro" and record["schemavsn"] == "4.02"
        n, seen = check_ztf(record, row)
        sizes.append(len(blob))
        counts.append(n)
        bands.append(len(seen))
    assert len({row["alert_id"] for row in truth}) == len({row["object_id"] for row in truth}) == 600
    assert 66e3 < np.mean(sizes) < 76e3 and max(sizes) < 130e3
    assert 6 <= np.median(counts) <= 11
    assert 0.2 < np.mean(np.array(bands) == 1) < 0.45
    assert len({row["kind"] for row in truth}) == 11


def check_lsst(record, truth):
    current, earlier = record["diaSource"], record["prvDiaSources"] or []
    forced = record["prvDiaForcedSources"]
    assert str(record["diaSourceId"]) == truth["alert_id"] and current["diaSourceId"] == record["diaSourceId"]
    assert str(record["diaObject"]["diaObjectId"]) == truth["object_id"] == str(current["diaObjectId"])
    for points in (earlier + [current], forced):
        times = [p["midpointMjdTai"] for p in points]
        assert times == sorted(times) and times[-1] - times[0] <= 366
        assert {p["band"] for p in points} <= set("ugrizy")
    for p in earlier + [current]:
        assert abs(p["psfFlux"]) / p["psfFluxErr"] >= 4.999
        assert p["snr"] == pytest.approx(abs(p["psfFlux"]) / p["psfFluxErr"], rel=1e-5)
        assert p["isNegative"] == (p["psfFlux"] < 0)
    assert forced[-1]["midpointMjdTai"] == current["midpointMjdTai"]
    assert len({p["diaSourceId"] for p in earlier}) == len(earlier)
    assert record["diaObject"]["nDiaSources"] == len(earlier) + 1
    strong = [p for p in forced if abs(p["psfFlux"]) >= 5 * p["psfFluxErr"]]
    assert abs(len(strong) - len(earlier) - 1) <= 1  # float32 at the very limit
    for name, n_images in (("cutoutDifference", 3), ("cutoutScience", 3), ("cutoutTemplate", 2)):
        check_fits(record[name], 30, n_images)
    return len(forced)


def test_lsst_messages_are_readable_and_sane(tmp_path):
    path, truth = night(tmp_path, survey=LSST, form=FRAMED, n_alerts=300)
    messages = entries(path)
    name, first = next(messages)
    assert name == "lsst.v10_0.avro" and records(first) == []
    writer = fastavro.reader(io.BytesIO(first)).writer_schema
    sizes, points = [], []
    for (name, blob), row in zip(messages, truth, strict=True):
        assert blob[0] == 0 and int.from_bytes(blob[1:5], "big") == 1000
        stream = io.BytesIO(blob[5:])
        record = fastavro.schemaless_reader(stream, writer)
        assert stream.read() == b""
        points.append(check_lsst(record, row))
        sizes.append(len(blob))
    assert 76e3 < np.mean(sizes) < 90e3
    assert min(points) >= 30 and 200 < max(points) <= 301


@pytest.mark.parametrize("survey", [ZTF, LSST])
def test_one_container_holds_the_whole_night(tmp_path, survey):
    path, truth = night(tmp_path, survey=survey, form=CONTAINER, n_alerts=100, hostile_share=0)
    with open(path, "rb") as f:
        blocks = list(fastavro.block_reader(f))
        assert sum(b.num_records for b in blocks) == 100
        assert all(b.num_records < 30 for b in blocks)
    for record, row in zip(records(path.read_bytes()), truth, strict=True):
        (check_ztf if survey == ZTF else check_lsst)(record, row)


@pytest.mark.parametrize("survey,form", [(ZTF, TAR), (LSST, TAR), (LSST, FRAMED)])
def test_hostile_packets_have_the_fate_they_should(tmp_path, survey, form):
    path, truth = night(tmp_path, survey=survey, form=form, n_alerts=800, hostile_share=0.9, seed=7, cutouts=False)
    writer = fastavro.parse_schema(schema_of(survey))
    seen = collections.Counter()
    archive = entries(path)
    if form == FRAMED:
        next(archive)
    for (_, blob), row in zip(archive, truth, strict=True):
        fault = row["fault"]
        seen[fault] += 1
        if FATES[fault] == EITHER:
            continue
        if fault in ("deep_schema", "self_schema"):  # fastavro recurses without end on both, down to a crash
            assert FATES[fault] == QUARANTINED and blob.startswith(b"Obj\x01")
            assert blob.count(b'{"type":"array"') >= 1000 or b'"type":"alert"' in blob
            continue
        try:
            if form == FRAMED:
                assert int.from_bytes(blob[1:5], "big") == 1000
                read = [fastavro.schemaless_reader(io.BytesIO(blob[5:]), writer)]
            else:
                read = records(blob)
        except Exception:
            assert FATES[fault] == QUARANTINED, fault
            continue
        assert FATES[fault] == READ and len(read) == 1, fault
    expected = 14 if form == FRAMED else 16
    assert len(seen) == expected and min(seen.values()) >= 15


def test_faults_in_values_are_in_the_values(tmp_path):
    path, truth = night(tmp_path, survey=LSST, form=CONTAINER, n_alerts=500, hostile_share=1, cutouts=False)
    for record, row in zip(records(path.read_bytes()), truth, strict=True):
        points = (record["prvDiaSources"] or []) + [record["diaSource"]]
        fault = row["fault"]
        forced = record["prvDiaForcedSources"] or []
        if fault == "nulls":
            assert record["diaSource"]["psfFlux"] is None and not forced
            continue
        flux = np.array([p["psfFlux"] for p in forced])
        error = np.array([p["psfFluxErr"] for p in forced])
        times = np.array([p["midpointMjdTai"] for p in forced])
        if fault == "nan":
            assert np.isnan(flux).any()
        elif fault == "infinite":
            assert np.isinf(flux).any() or np.isinf(error).any()
        elif fault == "negative_error":
            assert (error <= 0).any()
        elif fault == "unknown_band":
            assert "q" in {p["band"] for p in forced}
        elif fault == "duplicates":
            assert (np.diff(times) == 0).any()
        elif fault == "unsorted":
            assert (np.diff(times) < 0).any()
        else:
            raise AssertionError(fault)
        assert points
