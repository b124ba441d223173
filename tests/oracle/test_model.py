"""The network against the published files: golden answers, and LiteRT live.

Environment: STARLING_BUILD, the build directory (default: build); STARLING_SHARED,
the data folder (default: ../shared beside the repository). Each CPU variant
runs in a process of its own, because the library chooses once.
"""
import ctypes
import os
import pathlib
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STARLING_BUILD", ROOT / "build"))
SHARED = pathlib.Path(os.environ.get("STARLING_SHARED", ROOT.parent / "shared"))
LIBRARY = BUILD / "src" / "libstarling.so"

if not LIBRARY.exists():
    pytest.skip(f"{LIBRARY} is not built", allow_module_level=True)
if not (SHARED / "golden" / "golden.parquet").exists():
    pytest.skip(f"no golden answers under {SHARED}", allow_module_level=True)

# file, column of the golden table, how far apart exact runtimes may be
MODELS = [
    ("tinho-gr", "tinho_f32", 3e-5),
    ("t2-fink-clustered", "sbin_f32", 3e-5),
    ("tinho-gr-int8", "tinho_quant", 2.5e-3),
    ("t2-fink-clustered-int8", "sbin_quant", 2.5e-3),
]
CPUS = ["scalar", "avx2", "avx512", "avx512dot"]
STEPS, CHANNELS, CLASSES = 100, 2, 14


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("reason", ctypes.c_int), ("line", ctypes.c_int),
                ("file", ctypes.c_char_p), ("message", ctypes.c_char * 240)]


def load():
    lib = ctypes.CDLL(str(LIBRARY))
    lib.sl_runner_cpu.restype = ctypes.c_char_p
    lib.sl_model_id.restype = ctypes.c_char_p
    lib.sl_model_id.argtypes = [ctypes.c_void_p]
    return lib


def check(status, err):
    assert status == 0, err.message.decode()


def import_model(lib, tflite, out):
    err = Error()
    contract = ctypes.create_string_buffer(1 << 16)
    check(lib.sl_contract_preset(b"reference", contract, ctypes.byref(err)), err)
    data = pathlib.Path(tflite).read_bytes()
    check(lib.sl_model_import_tflite(data, ctypes.c_size_t(len(data)), contract, str(out).encode(),
                                     ctypes.byref(err)), err)


def run(lib, path, x):
    err, model, runner = Error(), ctypes.c_void_p(), ctypes.c_void_p()
    check(lib.sl_model_open(str(path).encode(), ctypes.byref(model), ctypes.byref(err)), err)
    check(lib.sl_runner_new(model, ctypes.byref(runner), ctypes.byref(err)), err)
    x = np.ascontiguousarray(x, np.float32)
    p = np.zeros((len(x), CLASSES), np.float32)
    check(lib.sl_runner_run(runner, ctypes.c_size_t(len(x)), x.ctypes.data_as(ctypes.c_void_p),
                            p.ctypes.data_as(ctypes.c_void_p), ctypes.byref(err)), err)
    lib.sl_runner_free(runner)
    lib.sl_model_close(model)
    return p


def golden():
    table = pd.read_parquet(SHARED / "golden" / "golden.parquet")
    return table[table.status == "ok"]


def inputs(table):
    return np.stack(table.X.to_numpy()).reshape(-1, STEPS, CHANNELS).astype(np.float32)


@pytest.fixture(scope="session")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    lib = load()
    for name, _, _ in MODELS:
        import_model(lib, SHARED / "models" / f"{name}.tflite", folder / f"{name}.starling")
    return folder


@pytest.fixture(scope="session", params=CPUS)
def answers(request, imported):
    """Answers of one CPU variant: {model: (g,r order, channels swapped)}."""
    out = imported / f"{request.param}.npz"
    subprocess.run([sys.executable, __file__, str(imported), str(out)], check=True,
                   env={**os.environ, "STARLING_CPU": request.param})
    with np.load(out) as z:
        if str(z["cpu"]) != request.param:
            pytest.skip(f"this CPU cannot run {request.param}")
        return request.param, {k: z[k] for k in z.files}


@pytest.mark.parametrize("name,column,tolerance", MODELS)
def test_probabilities_equal_the_golden_ones(answers, name, column, tolerance):
    cpu, p = answers
    table = golden()
    for prefix, ours in (("p_", p[name]), ("p_rg_", p[name + ":swapped"])):
        theirs = np.stack(table[prefix + column].to_numpy())
        worst = np.abs(ours - theirs).max()
        print(f"{cpu} {name} {prefix}: max |dp| {worst:.2e}, other answers {(ours.argmax(1) != theirs.argmax(1)).sum()}")
        assert worst <= tolerance
        assert (ours.argmax(1) == theirs.argmax(1)).all()


@pytest.mark.parametrize("resolver", ["AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"])
@pytest.mark.parametrize("name,column,tolerance", MODELS)
def test_probabilities_equal_litert_live(answers, name, column, tolerance, resolver):
    """TFLite's own kernels, and XNNPACK's (AUTO), which round int8 in another way: those two
    alone differ by 2.46e-3 on tinho-gr-int8."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    cpu, p = answers
    net = litert.Interpreter(model_path=str(SHARED / "models" / f"{name}.tflite"), num_threads=1,
                             experimental_op_resolver_type=litert.OpResolverType[resolver])
    net.allocate_tensors()
    at, out = net.get_input_details()[0]["index"], net.get_output_details()[0]["index"]
    theirs = []
    for x in inputs(golden()):
        net.set_tensor(at, x[None])
        net.invoke()
        theirs.append(net.get_tensor(out)[0])
    worst = np.abs(np.array(theirs) - p[name]).max()
    print(f"{cpu} {name} against LiteRT, {resolver}: max |dp| {worst:.2e}")
    if "int8" in name and resolver == "AUTO":
        tolerance *= 2
    assert worst <= tolerance
    assert (np.argmax(theirs, 1) == p[name].argmax(1)).all()


def test_a_batch_changes_no_bit(answers):
    cpu, p = answers
    for name, _, _ in MODELS:
        assert (p[name] == p[name + ":one by one"]).all()


def test_weights_equal_the_published_ones(imported):
    """The importer finds each matrix in its place: read back from the file's bytes."""
    for name, golden_name in (("tinho-gr", "tinho_f32"), ("t2-fink-clustered", "sbin_f32")):
        data = (imported / f"{name}.starling").read_bytes()
        with np.load(SHARED / "golden" / f"{golden_name}.npz") as z:
            for key in ("conv.w", "att.wq", "att.wk", "att.wv", "att.wo", "ffn.w1", "ffn.w2", "cls.w", "ln1.gamma"):
                assert z[key].astype("<f4").tobytes() in data, (name, key)


def main(folder, out):
    lib = load()
    x = inputs(golden())
    answers = {"cpu": lib.sl_runner_cpu().decode()}
    for name, _, _ in MODELS:
        path = pathlib.Path(folder) / f"{name}.starling"
        answers[name] = run(lib, path, x)
        answers[name + ":swapped"] = run(lib, path, x[:, :, ::-1])
        answers[name + ":one by one"] = np.concatenate([run(lib, path, one[None]) for one in x])
    np.savez(out, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
