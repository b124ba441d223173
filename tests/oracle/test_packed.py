"""A packed model's contract, layers and weights, read by a second decoder that knows docs/format.md only.

Environment: STARLING_BUILD, the build directory (default: build).
"""
import json
import os
import pathlib
import struct
import subprocess

import pytest

np = pytest.importorskip("numpy")
packed_reader = pytest.importorskip("packed_reader")

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STARLING_BUILD", ROOT / "build"))
STARLING = BUILD / "cli" / "starling"

if not STARLING.exists():
    pytest.skip(f"{STARLING} is not built", allow_module_level=True)


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def dump(model, folder):
    run(BUILD / "tests/oracle/dump_model", model, folder / "dump")
    data, at, out = (folder / "dump").read_bytes(), 0, []
    while at < len(data):
        rank = struct.unpack_from("=I", data, at)[0]
        shape = struct.unpack_from(f"={rank}I", data, at + 4)
        at += 4 + 4 * rank
        n = int(np.prod(shape))
        out.append(np.frombuffer(data, "=f4", n, at).reshape(shape))
        at += 4 * n
    return out


@pytest.fixture(scope="module")
def parent():
    """A network of three matrices behind features with tables, made by the build."""
    return BUILD / "tests/helpers/features.model"


@pytest.mark.parametrize("coding", ["plain", "huffman", "rans", "auto"])
@pytest.mark.parametrize("share,values,bits", [(0.12, 15, 6), (0.5, 40, 16), (1, 200, 32), (0.01, 2, 3)])
def test_a_second_decoder_reads_the_same(parent, tmp_path, coding, share, values, bits):
    packed = tmp_path / "packed.starling"
    run(BUILD / "tests/helpers/pack_model", parent, packed, coding, share, values, bits)
    ours = dump(packed, tmp_path)
    told = json.loads(run(STARLING, "inspect", "--json", packed))
    standard = {"wavelengths": [4804.79, 6436.92, 7968.22],
                "classes": {c["name"]: (c["plasticc_id"], c["elasticc_id"]) for c in told["contract"]["classes"]}}
    head, layers, tensors = packed_reader.read(packed.read_bytes(), [t.shape for t in ours], standard)
    for a, b in zip(ours, tensors, strict=True):
        assert (a == b).all()
    assert head["name"] == told["contract"]["name"] and head["created_by"] == told["contract"]["created_by"]
    assert [b[0] for b in head["bands"]] == [b["name"] for b in told["contract"]["bands"]]
    assert [b[1] for b in head["bands"]] == [b["wavelength_aa"] for b in told["contract"]["bands"]]
    assert [c[0] for c in head["classes"]] == [c["name"] for c in told["contract"]["classes"]]
    assert len(head["tables"]) == told["contract"]["feature_values"] > 0
    assert all(len(t) == 9 and sorted(t) == t for t in head["tables"])
    assert len(layers) == len(told["layers"])
    assert sum(layer["n_tensors"] for layer in layers) == len(ours)
    zeros = np.mean([np.mean(t == 0) for t in tensors if t.ndim > 1])
    assert abs(zeros - (1 - share)) < 0.02
    print(f"{coding}, {share:.0%} of weights, {values} values: {packed.stat().st_size} bytes")


def test_a_stream_that_is_not_whole_is_told_apart(parent, tmp_path):
    packed = tmp_path / "packed.starling"
    run(BUILD / "tests/helpers/pack_model", parent, packed, "rans", 0.2, 15, 6)
    shapes = [t.shape for t in dump(packed, tmp_path)]
    data = bytearray(packed.read_bytes())
    data[-100] ^= 4
    with pytest.raises((ValueError, struct.error, IndexError)):
        packed_reader.read(bytes(data), shapes, {"wavelengths": [0, 0, 0], "classes": {}})
