"""The alert room against fastavro: every field of every packet of the shared data.

Environment: STARLING_BUILD, the build directory (default ./build);
STARLING_SHARED, the folder with data/ (default ../shared).
"""
import collections
import io
import json
import math
import os
import re
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STARLING_BUILD", ROOT / "build"))
SHARED = Path(os.environ.get("STARLING_SHARED", ROOT.parent / "shared"))
DUMP = BUILD / "tests" / "oracle" / "dump_alert"

fastavro = pytest.importorskip("fastavro")

NAN = float("nan")
DETECTION, LIMIT, FORCED = 0, 1, 2
MAG, FLUX = 0, 1
CURRENT, MIDDLE, TAI = 1, 4, 8


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A function from an archive's name to its unpacked files."""
    folders = {}

    def unpack(name):
        if name not in folders:
            path = SHARED / "data" / f"{name}.tar.gz"
            if not path.exists():
                pytest.skip(f"no {path} (set STARLING_SHARED to the data folder)")
            if not DUMP.exists():
                pytest.skip(f"no {DUMP} (set STARLING_BUILD to the build directory)")
            folder = tmp_path_factory.mktemp(name)
            with tarfile.open(path) as archive:
                archive.extractall(folder)
            folders[name] = sorted(p for p in folder.rglob("*") if p.is_file())
        return folders[name]

    return unpack


def f32(x):
    """The nearest float, as limit_mag and exposure_s have it."""
    return struct.unpack("f", struct.pack("f", x))[0]


def num(x):
    return NAN if x is None else float(x)


def ztf_band(fid):
    return {1: "g", 2: "r", 3: "i"}.get(fid, "?")


def ztf_point(p, flags=0):
    kind = LIMIT if p.get("magpsf") is None else DETECTION
    sign = {"t": 1, "1": 1, True: 1, "f": -1, "0": -1, False: -1}.get(p.get("isdiffpos"), 0)
    return [num(p["jd"]), num(p.get("magpsf")), num(p.get("sigmapsf")), NAN, f32(num(p.get("diffmaglim"))),
            f32(num(p.get("exptime"))), ztf_band(p.get("fid")), kind, MAG, flags, sign]


def ztf_forced(p):
    def value(name):
        x = num(p.get(name))
        return NAN if x == -99999.0 else x

    return [num(p["jd"]), value("forcediffimflux"), value("forcediffimfluxunc"), value("magzpsci"),
            f32(value("diffmaglim")), f32(value("exptime")), ztf_band(p.get("fid")), FORCED, FLUX, 0, 0]


def ztf(r, schema):
    history = [p for p in r.get("prv_candidates") or [] if p is not None]
    # Trial packets of 2021 have forced photometry there.
    forced = [p for p in history if "magpsf" not in p] + [p for p in r.get("fp_hists") or [] if p is not None]
    points = [ztf_point(p) for p in history if "magpsf" in p]
    points.append(ztf_point(r["candidate"], CURRENT))
    points += [ztf_forced(p) for p in forced]
    return {"survey": 1, "alert_id": str(r["candid"]), "object_id": r["objectId"],
            "schema_version": r.get("schemavsn") or schema.get("version", ""), "alert_number": r["candid"],
            "source_number": r["candid"], "time_is_jd": True, "redshift": NAN, "redshift_error": NAN,
            "points": points}


def first(p, *names):
    return next((p[n] for n in names if n in p), None)


def dia_point(p, zero_point, kind, flags=0):
    band = first(p, "band", "filterName")
    band = "y" if band == "Y" else band if band in set("ugrizy") else "?"
    return [num(first(p, "midpointMjdTai", "midPointTai")), num(first(p, "psfFlux", "psFlux")),
            num(first(p, "psfFluxErr", "psFluxErr")), zero_point, NAN, NAN, band, kind, FLUX, flags | MIDDLE | TAI, 0]


def dia(r, schema):
    source, dia_object = r["diaSource"], r.get("diaObject") or {}
    elasticc = "hostgal_z" in dia_object or "elasticc" in schema["name"]
    zero_point = 27.5 if elasticc else 31.4
    points = [dia_point(p, zero_point, DETECTION) for p in r.get("prvDiaSources") or [] if p is not None]
    points.append(dia_point(source, zero_point, DETECTION, CURRENT))
    points += [dia_point(p, zero_point, FORCED) for p in r.get("prvDiaForcedSources") or [] if p is not None]
    alert = r.get("diaSourceId") or r.get("alertId") or source["diaSourceId"]
    if elasticc:
        alert = source["diaSourceId"]
    dia_id = source.get("diaObjectId") or dia_object.get("diaObjectId") or source.get("ssObjectId") or ""
    version = re.match(r"(.*\.v\d.*)\.[^.]*$", schema["name"])
    z, z_error = num(dia_object.get("hostgal_z")), num(dia_object.get("hostgal_z_err"))
    z = z if z >= 0 else NAN
    return {"survey": 3 if elasticc else 2, "alert_id": str(alert), "object_id": str(dia_id),
            "schema_version": version.group(1) if version else str(schema.get("version", "")),
            "alert_number": r.get("alertId") or alert, "source_number": r.get("diaSourceId") or source["diaSourceId"],
            "time_is_jd": False, "redshift": z, "redshift_error": z_error if z >= 0 and z_error >= 0 else NAN,
            "points": points}


def expected(record, schema):
    return (ztf if "candidate" in record else dia)(record, schema)


def same(a, b):
    if isinstance(a, float) and isinstance(b, (int, float)):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def plain(value):
    """Numbers out of the dump's texts for NaN and infinity."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    return float(value) if value in ("nan", "inf", "-inf") else value


def dump(files, schemas=None):
    """What starling makes of the files: name -> list of records."""
    command = [DUMP] + (["--schemas", schemas] if schemas else [])
    out = subprocess.run([*map(str, command), *map(str, files)], stdout=subprocess.PIPE, check=True).stdout
    result, records = {}, None
    for line in out.decode().splitlines():
        if line.startswith("# "):
            records = result.setdefault(Path(line[2:]), [])
        else:
            records.append({k: plain(v) for k, v in json.loads(line).items()})
    return result


def compare(path, ours, wanted):
    assert set(wanted) <= set(ours), (path, ours)
    for name, value in wanted.items():
        if name == "points":
            assert len(ours["points"]) == len(value), (path, name)
            for i, (a, b) in enumerate(zip(value, ours["points"])):
                assert same(a, b), (path, i, a, b)
        else:
            assert same(value, ours[name]), (path, name, value, ours[name])


def read_container(path):
    """fastavro's records up to where it fails, the schema, and its complaint."""
    records, schema = [], None
    try:
        reader = fastavro.reader(io.BytesIO(path.read_bytes()))
        schema = reader.writer_schema
        for record in reader:
            records.append(record)
    except Exception as e:  # noqa: BLE001 - whatever it says, it could not
        return records, schema, e
    return records, schema, None


# What fastavro cannot read, and why we say it cannot be read.
UNREADABLE = {
    "ztf_schemas": {"schema_4.02.avro": "bad_container"},  # bytes without sync marker behind the first block
    "lsst_schemas": {"4c59948b_fakeAlert.avro": "unknown_format",  # bare records: no container, no frame
                     "9b24e413_fakeAlert.avro": "unknown_format"},
}
COUNTS = {"ztf_public_20181129": 300, "ztf_fink_402": 260, "ztf_schemas": 78, "lsst_alerts": 76,
          "lsst_schemas": 37, "elasticc_09": 800}


@pytest.mark.parametrize("name", COUNTS)
def test_every_field_equals_fastavros(data, name):
    files = data(name)
    ours = dump(files)
    assert set(ours) == set(files)
    n, unreadable = 0, {}
    for path in files:
        records, schema, complaint = read_container(path)
        told = ours[path]
        if complaint is not None:
            unreadable[path.name] = told.pop().get("reason")
        assert len(told) == len(records), path
        for record, one in zip(records, told):
            compare(path, one, expected(record, schema))
            n += 1
    assert unreadable == UNREADABLE.get(name, {})
    assert n == COUNTS[name]


# The messages whose schema is in none of the containers.
NO_SCHEMA = {"lsst.v11_1.avro": 1101, "rapid.v01_00.avro": 100, "lsst.v7_0.avro": 12345, "lsst.v7_2.avro": 12345,
             "lsst.v7_3.avro": 12345, "lsst.v7_4.avro": 12345}


def writer_schemas(files):
    """Schema id -> writer's schemas, in the order of the files."""
    found = collections.defaultdict(list)
    for path in files:
        _, schema, _ = read_container(path)
        version = re.match(r"lsst\.v(\d+)_(\d+)\.alert", schema["name"]) if schema else None
        if version:
            found[100 * int(version.group(1)) + int(version.group(2))].append(schema)
    return found


def read_message(message, schemas):
    """The record by the first schema that takes all its bytes."""
    for schema in schemas:
        body = io.BytesIO(message[5:])
        try:
            record = fastavro.schemaless_reader(body, schema, None)
        except Exception:  # noqa: BLE001 - another schema of this version may fit
            continue
        if body.tell() == len(message) - 5:
            return record, schema
    return None, None


def test_framed_messages_equal_fastavros(data):
    schema_files, files = data("lsst_schemas"), data("lsst_confluent")
    ours = dump(files, schema_files[0].parent)
    schemas = writer_schemas(schema_files)
    missing = {}
    for path in files:
        message = path.read_bytes()
        schema_id = struct.unpack(">I", message[1:5])[0]
        assert len(ours[path]) == 1
        if ours[path][0].get("reason") == "unknown_schema":
            missing[path.name] = schema_id
            assert schema_id not in schemas
            continue
        record, schema = read_message(message, schemas[schema_id])
        assert record is not None, path
        compare(path, ours[path][0], expected(record, schema))
    assert missing == NO_SCHEMA


def split_schema(schema, folder):
    """A writer's schema as a file for each named type, as LSST publishes them."""
    def walk(t):
        if isinstance(t, list):
            return [walk(x) for x in t]
        if not isinstance(t, dict):
            return t
        t = {k: v for k, v in t.items() if not k.startswith("__")}
        if t["type"] == "array":
            return {**t, "items": walk(t["items"])}
        if t["type"] == "map":
            return {**t, "values": walk(t["values"])}
        if t["type"] == "record":
            t["fields"] = [{**f, "type": walk(f["type"])} for f in t["fields"]]
            (folder / (t["name"] + ".avsc")).write_text(json.dumps(t))
            return t["name"]
        return t

    walk(schema)


def test_schemas_in_several_files_are_put_together(data, tmp_path):
    schemas = writer_schemas(data("lsst_schemas"))
    for schema_id in (700, 703, 800, 1100):
        split_schema(schemas[schema_id][0], tmp_path)
    assert len(list(tmp_path.glob("lsst.v7_3.*.avsc"))) > 3
    files = [p for p in data("lsst_confluent") if p.name in ("18936c43_lsst.v7_3.avro", "lsst.v8_0.avro",
                                                             "lsst.v11_0.avro", "8492ad62_lsst.v7_0.avro")]
    assert len(files) == 4
    whole = dump(files, data("lsst_schemas")[0].parent)
    split = dump(files, tmp_path)
    for path, records in whole.items():
        assert "survey" in records[0] and len(records) == len(split[path]) == 1
        compare(path, split[path][0], records[0])


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard"])
def test_every_codec_gives_the_same(data, tmp_path, codec):
    files = data("ztf_public_20181129")[:20]
    records, schema = [], None
    for path in files:
        some, schema, _ = read_container(path)
        records += some
    path = tmp_path / "night.avro"
    try:
        with open(path, "wb") as f:
            fastavro.writer(f, schema, records, codec=codec, sync_interval=100_000)
    except ValueError as e:
        pytest.skip(f"fastavro writes no {codec}: {e}")
    ours = dump([path])[path]
    assert len(ours) == 20
    for record, one in zip(records, ours):
        compare(path, one, expected(record, schema))


def test_a_flipped_or_lost_byte_never_gives_a_wrong_count(data, tmp_path):
    whole = data("ztf_public_20181129")[0].read_bytes()
    for cut in (0, 1, 3, 4, 100, 20_000, len(whole) - 1):
        path = tmp_path / f"cut{cut}.avro"
        path.write_bytes(whole[:cut])
        reason = dump([path])[path]
        assert [r["n"] for r in reason] == [1]
        assert reason[0]["reason"] == ("empty" if cut == 0 else "truncated")


def elasticc_depths(files):
    """Magnitudes at five times the flux errors, against 27.5, by band."""
    depths = collections.defaultdict(list)
    for path in files:
        for record in read_container(path)[0]:
            source = record["diaSource"]
            depths[source["filterName"]].append(27.5 - 2.5 * math.log10(5 * source["psFluxErr"]))
    return {band: sorted(d)[len(d) // 2] for band, d in depths.items()}


def test_elasticcs_fluxes_are_fluxcal(data):
    # LSST reaches about 23.9 25.0 24.7 24.0 23.3 22.1 (ugrizy) in a visit; as nJy it would be 3.9 magnitudes deeper.
    limits = {"u": 23.9, "g": 25.0, "r": 24.7, "i": 24.0, "z": 23.3, "Y": 22.1}
    for band, depth in elasticc_depths(data("elasticc_09")).items():
        assert abs(depth - limits[band]) < 1.5, (band, depth)
