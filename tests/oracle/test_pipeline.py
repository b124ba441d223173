"""Whole runs: records read back by other people's readers, and the golden answers from packets.

Environment: STARLING_BUILD, the build directory (default: build); STARLING_SHARED,
the data folder (default: ../shared beside the repository).
"""
import ctypes as c
import io
import json
import os
import pathlib
import random
import tarfile

import pytest

fastavro = pytest.importorskip("fastavro")
np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STARLING_BUILD", ROOT / "build"))
SHARED = pathlib.Path(os.environ.get("STARLING_SHARED", ROOT.parent / "shared"))
LIBRARY = BUILD / "src" / "libstarling.so"
JSONL, CSV, AVRO = range(3)

if not LIBRARY.exists():
    pytest.skip(f"{LIBRARY} is not built", allow_module_level=True)
if not (SHARED / "models" / "tinho-gr.tflite").exists():
    pytest.skip(f"no models under {SHARED}", allow_module_level=True)

lib = c.CDLL(str(LIBRARY))
libc = c.CDLL(None)
libc.fopen.restype = c.c_void_p
libc.fclose.argtypes = [c.c_void_p]
lib.sl_reason_name.restype = c.c_char_p
lib.sl_version.restype = c.c_char_p
lib.sl_model_id.restype = c.c_char_p


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("reason", c.c_int), ("line", c.c_int), ("file", c.c_char_p),
                ("message", c.c_char * 240)]


N_REASONS = next(n for n in range(1, 100) if lib.sl_reason_name(n) == b"unknown")


class Ledger(c.Structure):
    _fields_ = [("read", c.c_uint64), ("classified", c.c_uint64), ("refused", c.c_uint64),
                ("quarantined", c.c_uint64), ("by_reason", c.c_uint64 * N_REASONS), ("bytes_read", c.c_uint64),
                ("seconds", c.c_double), ("out_closed", c.c_bool)]


class Options(c.Structure):
    _fields_ = [("model", c.c_void_p), ("paths", c.POINTER(c.c_char_p)), ("n_paths", c.c_size_t),
                ("schema_folder", c.c_char_p), ("quarantine_folder", c.c_char_p), ("format", c.c_int),
                ("out", c.c_void_p), ("threads", c.c_int), ("ingest_time_ms", c.c_int64), ("progress", c.c_void_p),
                ("progress_user", c.c_void_p), ("models", c.c_void_p), ("n_models", c.c_size_t),
                ("every_epoch", c.c_bool)]


def check(status, err):
    assert status == 0, err.message.decode()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """{(file, contract): sl_model *}"""
    folder = tmp_path_factory.mktemp("models")
    out = {}
    for file in ("tinho-gr", "t2-fink-clustered"):
        for preset in ("reference", "starling"):
            err, contract, model = Error(), c.create_string_buffer(1 << 16), c.c_void_p()
            check(lib.sl_contract_preset(preset.encode(), contract, c.byref(err)), err)
            data = (SHARED / "models" / f"{file}.tflite").read_bytes()
            path = str(folder / f"{file}.{preset}").encode()
            check(lib.sl_model_import_tflite(data, c.c_size_t(len(data)), contract, path, c.byref(err)), err)
            check(lib.sl_model_open(path, c.byref(model), c.byref(err)), err)
            out[file, preset] = model
    return out


def run(model, path, out, form=JSONL, threads=2):
    """path: one or a list of them."""
    err, books = Error(), Ledger()
    stream = libc.fopen(str(out).encode(), b"wb")
    names = [str(p).encode() for p in (path if isinstance(path, list) else [path])]
    paths = (c.c_char_p * len(names))(*names)
    options = Options(model=model, paths=paths, n_paths=len(names), format=form, out=stream, threads=threads,
                      ingest_time_ms=1_700_000_000_123)
    status = lib.sl_run(c.byref(options), c.byref(books), c.byref(err))
    libc.fclose(stream)
    check(status, err)
    assert books.read == books.classified + books.refused + books.quarantined
    return books


# ---- golden alerts as packets ----

POINT = [{"name": "jd", "type": "double"}, {"name": "fid", "type": "int"}]
SCHEMA = fastavro.parse_schema({
    "type": "record", "name": "alert", "namespace": "ztf", "fields": [
        {"name": "schemavsn", "type": "string"}, {"name": "publisher", "type": "string"},
        {"name": "objectId", "type": "string"}, {"name": "candid", "type": "long"},
        {"name": "candidate", "type": {"type": "record", "name": "candidate", "fields": POINT + [
            {"name": "isdiffpos", "type": "string"}, {"name": "magpsf", "type": "float"},
            {"name": "sigmapsf", "type": "float"}]}},
        {"name": "prv_candidates", "type": ["null", {"type": "array", "items": {
            "type": "record", "name": "prv_candidate", "fields": POINT + [
                {"name": "isdiffpos", "type": ["null", "string"]}, {"name": "magpsf", "type": ["null", "float"]},
                {"name": "sigmapsf", "type": ["null", "float"]}]}}]}]})


def packet(row, k):
    none = lambda x: None if np.isnan(x) else float(x)
    points = [{"jd": float(t), "fid": int(f), "isdiffpos": "t", "magpsf": none(m), "sigmapsf": none(s)}
              for t, f, m, s in zip(row.jd, row.fid, row.magpsf, row.sigmapsf)]
    return {"schemavsn": "3.3", "publisher": "test", "objectId": str(row.objectId), "candid": k,
            "candidate": points[-1], "prv_candidates": points[:-1]}


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    if not (SHARED / "golden" / "golden.parquet").exists():
        pytest.skip(f"no golden answers under {SHARED}")
    answers = pd.read_parquet(SHARED / "golden" / "golden.parquet")
    raw = pd.read_parquet(SHARED / "golden" / "alerts_raw.parquet")
    folder = tmp_path_factory.mktemp("golden")
    rows = answers.reset_index(drop=True).merge(raw.reset_index(drop=True), on=["candid", "source"], validate="1:1",
                                                suffixes=("", "_raw"))
    assert len(rows) == len(answers)
    with tarfile.open(folder / "night.tar.gz", "w:gz", compresslevel=1) as tar:
        for k, row in enumerate(rows.itertuples()):
            buffer = io.BytesIO()
            fastavro.writer(buffer, SCHEMA, [packet(row, 1 + k)])
            info = tarfile.TarInfo(f"night/{k:04d}.avro")
            info.size = buffer.tell()
            buffer.seek(0)
            tar.addfile(info, buffer)
    return rows, folder / "night.tar.gz"


@pytest.mark.parametrize("file, column", [("tinho-gr", "p_tinho_f32"), ("t2-fink-clustered", "p_sbin_f32")])
def test_golden_alerts_get_the_golden_answer_from_packet_to_record(models, golden, tmp_path, file, column):
    rows, night = golden
    run(models[file, "reference"], night, tmp_path / "out")
    records = [json.loads(line) for line in open(tmp_path / "out", encoding="utf-8")]
    assert len(records) == len(rows) == 532
    refused = 0
    for k, (record, row) in enumerate(zip(records, rows.itertuples())):
        assert record["alert_id"] == str(1 + k) and record["object_id"] == str(row.objectId)
        if row.status != "ok":
            refused += 1
            assert record["class"] is None and record["p"] is None
            assert record["reason"] in ("too_few_bands", "too_many_bands", "too_few_points", "no_points")
            continue
        p = np.array(list(record["p"].values()), np.float32)
        assert record["reason"] is None
        assert int(p.argmax()) == int(np.asarray(getattr(row, column)).argmax()), row.objectId
        assert record["class"] == list(record["p"])[int(p.argmax())]
        assert record["points"] == row.npoints
    assert refused == 251


# ---- what comes out, read by others ----

@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder of good, poor and broken packets, and a table."""
    folder, rng = tmp_path_factory.mktemp("mixed"), random.Random(5)
    for k in range(300):
        n = rng.choice([1, 3, 8])
        row = pd.Series({"objectId": f'Z,"{k}"\u00e9', "jd": 2458000 + np.sort(np.array([rng.random() * 30 for _ in range(n)])),
                         "fid": [rng.choice([1, 2]) for _ in range(n)], "magpsf": [rng.gauss(18, 1) for _ in range(n)],
                         "sigmapsf": [0.1] * n})
        buffer = io.BytesIO()
        fastavro.writer(buffer, SCHEMA, [packet(row, 2**60 + k)])
        data = buffer.getvalue()
        if k % 20 == 7:
            data = data[:rng.randrange(len(data))]
        (folder / f"{k:03d}").write_bytes(data)
    (folder / "x.csv").write_text("object_id,mjd,band,flux,flux_err\n" + "".join(
        f"o{k},{t},{b},{rng.random() * 50},1\n" for k in range(50) for t, b in enumerate("grgr")))
    return folder


def test_the_three_forms_tell_the_same(models, mixed, tmp_path):
    model = models["tinho-gr", "starling"]
    for form in (JSONL, CSV, AVRO):
        books = run(model, mixed, tmp_path / str(form), form, threads=3)
        run(model, mixed, tmp_path / "again", form, threads=1)
        assert (tmp_path / str(form)).read_bytes() == (tmp_path / "again").read_bytes()
        assert books.read == 350 and books.quarantined == 15 and books.classified > 150 and books.refused > 30
    lines = [json.loads(line) for line in open(tmp_path / str(JSONL), encoding="utf-8")]
    table = pd.read_csv(tmp_path / str(CSV), dtype=str, keep_default_na=False)
    with open(tmp_path / str(AVRO), "rb") as f:
        reader = fastavro.reader(f)
        assert reader.writer_schema["name"].endswith("brokerClassification")
        messages = list(reader)
    assert len(lines) == len(table) == len(messages) == 350
    names = [column[2:] for column in table.columns if column.startswith("p_")]
    ids = None
    for line, row, message in zip(lines, table.to_dict("records"), messages):
        assert list(line) == ["alert_id", "object_id", "class", "p", "points", "bands", "model", "reason"]
        for column in ("alert_id", "object_id", "class", "bands", "model", "reason"):
            assert row[column] == (line[column] or "")
        assert row["points"] == str(line["points"])
        assert line["model"] == message["classifierParams"] == lib.sl_model_id(model).decode()
        assert message["brokerName"] == "starling" and message["brokerVersion"] == lib.sl_version().decode()
        assert message["classifierName"] == "starling"
        assert message["brokerIngestTimestamp"].timestamp() == pytest.approx(1_700_000_000.123)
        answers = message["classifications"]
        if line["class"] is None:
            assert line["p"] is None and line["reason"] is not None
            assert answers == [{"classId": 300, "probability": 1.0}]
            continue
        assert list(line["p"]) == names
        p = np.array(list(line["p"].values()))
        assert abs(p.sum() - 1) < 1e-5 and line["class"] == names[int(p.argmax())]
        assert [np.float32(row["p_" + name]) for name in names] == [np.float32(x) for x in p]
        assert np.array_equal(np.array([a["probability"] for a in answers], np.float32), p.astype(np.float32))
        assert ids in (None, [a["classId"] for a in answers])
        ids = [a["classId"] for a in answers]
        if line["alert_id"] is not None:
            assert message["diaSourceId"] == int(line["alert_id"]) >= 2**60
    assert ids[:4] == [2235, 2243, 2325, 2224] and len(set(ids)) == 14


def test_every_packet_at_hand_is_classified_or_refused_or_truly_broken(models, tmp_path):
    data = SHARED / "data"
    expected = {"ztf_public_20181129.tar.gz": (300, 0), "ztf_fink_402.tar.gz": (260, 0), "lsst_alerts.tar.gz": (76, 0),
                "elasticc_09.tar.gz": (800, 0)}
    for name, (read, quarantined) in expected.items():
        if not (data / name).exists():
            pytest.skip(f"no {name} under {data}")
        books = run(models["tinho-gr", "starling"], data / name, tmp_path / "out")
        assert (books.read, books.quarantined) == (read, quarantined), name


def test_snana_files_find_their_other_half(models, tmp_path):
    archive = SHARED / "data" / "elasticc2_snana.tar.bz2"
    if not archive.exists():
        pytest.skip(f"no {archive.name} under {SHARED}")
    model = models["tinho-gr", "starling"]
    # compressed files in an archive: 346 objects, and 137 files of text that are none
    books = run(model, archive, tmp_path / "out")
    assert books.classified + books.refused == 346 and books.quarantined == 137
    pair = {}
    with tarfile.open(archive) as tar:
        for entry in tar:
            half = entry.name[-12:-8]
            if half in ("HEAD", "PHOT") and half not in pair and "0009_" in entry.name:
                pair[half] = tmp_path / pathlib.Path(entry.name).name
                pair[half].write_bytes(tar.extractfile(entry).read())
    assert set(pair) == {"HEAD", "PHOT"}
    texts = []
    for paths in ([pair["HEAD"], pair["PHOT"]], [pair["PHOT"], pair["HEAD"]]):
        books = run(model, paths, tmp_path / "out")
        assert books.read > 0 and books.quarantined == 0
        texts.append((tmp_path / "out").read_bytes())
    assert texts[0] == texts[1]
    for half in pair.values():
        books = run(model, half, tmp_path / "out")
        assert books.read == books.quarantined == 1
