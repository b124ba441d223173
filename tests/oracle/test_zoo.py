"""The networks of the zoo against PyTorch: each as it comes from sl_net_write, with random weights.

The file is read as docs/format.md says, with what flatc makes of the schema; torch.nn's own layers do the rest, in
float64. Environment: STARLING_BUILD, the build directory (default: build).
"""
import ctypes as c
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
pytest.importorskip("flatbuffers")
F = torch.nn.functional

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STARLING_BUILD", ROOT / "build"))
LIBRARY = BUILD / "src" / "libstarling.so"
if not LIBRARY.exists():
    pytest.skip(f"{LIBRARY} is not built", allow_module_level=True)
if shutil.which("flatc") is None:
    pytest.skip("no flatc here", allow_module_level=True)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from gp_library import Contract, Error  # noqa: E402

BANDS = "ugrizy"
N = 20  # more than go side by side, and some alone


class NetSize(c.Structure):
    _fields_ = [("name", c.c_char * 16)] + [(name, c.c_uint32) for name in (
        "width", "heads", "hidden", "blocks", "kernel")] + [("head", c.c_uint32 * 2), ("silu", c.c_bool), ("norm", c.c_bool), ("tile", c.c_bool)]


@pytest.fixture(scope="module")
def lib():
    return c.CDLL(str(LIBRARY))


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    subprocess.run(["flatc", "--python", "-o", folder, ROOT / "schema" / "model.fbs"], check=True)
    sys.path.insert(0, str(folder))
    from starling.flat.Model import Model
    return Model


def check(status, err):
    assert status == 0, err.message.decode()


def contract_for(lib, steps, nights, features, wavelengths):
    err, contract = Error(), Contract()
    check(lib.sl_contract_preset(b"starling", c.byref(contract), c.byref(err)), err)
    contract.n_bands = contract.n_channels = len(BANDS)
    for i, name in enumerate(BANDS):
        contract.bands[i].name = name.encode()
        contract.bands[i].wavelength_aa = 4000 + 1000 * i
    contract.gp.grid_length = steps
    contract.scaling = 3
    contract.sees = int(nights)
    contract.max_nights = steps
    contract.grid_wavelengths = wavelengths
    contract.n_features = features
    for i in range(features):
        contract.features[i] = 1
        contract.feature_spread[i] = 1
    return contract


def write(lib, name, contract, path, **size_changes):
    err, size = Error(), NetSize()
    check(lib.sl_net_size_preset(name.encode(), c.byref(size), c.byref(err)), err)
    for key, value in size_changes.items():
        setattr(size, key, (c.c_uint32 * 2)(*value) if key == "head" else value)
    check(lib.sl_net_write(c.byref(size), c.byref(contract), c.c_uint64(3), str(path).encode(), c.byref(err)), err)


def randomise(schema, path):
    """Other weights, biases too, about as large as such a layer's are; gives the layers with their tensors."""
    data = bytearray(path.read_bytes())
    model = schema.GetRootAs(data)
    weights = model.WeightsAsNumpy()
    rng = np.random.default_rng(5)
    tensors = []
    for i in range(model.TensorsLength()):
        t = model.Tensors(i)
        shape = t.ShapeAsNumpy()
        n = int(np.prod(shape))
        x = rng.normal(0, 0.3 if len(shape) == 1 else 1 / np.sqrt(n / shape[0]), n).astype("<f4")
        weights[t.Offset():t.Offset() + 4 * n].view("<f4")[:] = x
        tensors.append(torch.tensor(x.astype(float).reshape(shape)))
    path.write_bytes(data)
    layers, first = [], 0
    for i in range(model.LayersLength()):
        layer = model.Layers(i)
        layers.append((layer, tensors[first:first + layer.NTensors()]))
        first += layer.NTensors()
    return layers


def recurrent(kind, layer, tensors, x):
    """x: (steps, channels)"""
    net = kind(x.shape[1], layer.Units(), bidirectional=layer.Bidirectional(), batch_first=True, dtype=torch.float64)
    names = [f"{n}_l0{way}" for way in ("", "_reverse")[:1 + layer.Bidirectional()]
             for n in ("weight_ih", "bias_ih", "weight_hh", "bias_hh")]
    with torch.no_grad():
        for name, tensor in zip(names, tensors, strict=True):
            getattr(net, name).copy_(tensor)
        return net(x[None])[0][0]


def causal(x, w, b, dilation):
    before = (w.shape[1] - 1) * dilation
    return F.relu(F.conv1d(F.pad(x.T[None], (before, 0)), w.permute(0, 2, 1), b, dilation=dilation))[0].T


def tcn(layer, tensors, x):
    w1, b1, w2, b2, *skip = tensors
    y = causal(causal(x, w1, b1, layer.Dilation()), w2, b2, layer.Dilation())
    return F.relu(y + (F.linear(x, *skip) if skip else x))


def conv(layer, tensors, x):
    w, b = tensors
    k = w.shape[1]
    y = F.conv1d(F.pad(x.T[None], ((k - 1) // 2, k // 2)), w.permute(0, 2, 1), b)[0].T
    return F.relu(y) if layer.Activation() else y


def dense(layer, tensors, x):
    return (lambda y: y, F.relu, F.silu)[layer.Activation()](F.linear(x, *tensors))


def norm(layer, tensors, x):
    y = F.layer_norm(x, x.shape[1:], *tensors, eps=layer.Epsilon())
    return (lambda y: y, F.relu, F.silu)[layer.Activation()](y)


def forward(layers, x, features, every_step):
    x = torch.tensor(x.astype(float))
    f = torch.tensor(features.astype(float))
    for layer, tensors in layers:
        kind = layer.Kind()
        if kind == 1: x = conv(layer, tensors, x)
        elif kind == 4: x = x.mean(0, keepdim=True)
        elif kind == 5: x = dense(layer, tensors, x)
        elif kind == 6: x = F.softmax(x, 1)
        elif kind == 7: x = torch.cat([x, f.expand(len(x), -1)], 1)
        elif kind == 8: x = recurrent(torch.nn.GRU, layer, tensors, x)
        elif kind == 9: x = recurrent(torch.nn.LSTM, layer, tensors, x)
        elif kind == 10: x = tcn(layer, tensors, x)
        elif kind == 11: x = F.max_pool2d(x[None], (layer.PoolSteps(), layer.PoolChannels()))[0]
        elif kind == 12: x = x.reshape(1, -1)
        elif kind == 13: x = x if every_step else x[-1:]
        elif kind == 14: x = norm(layer, tensors, x)
        else: raise AssertionError(kind)
    return x.numpy()


def run(lib, path, x, steps, classes):
    err, model, runner = Error(), c.c_void_p(), c.c_void_p()
    check(lib.sl_model_open(str(path).encode(), c.byref(model), c.byref(err)), err)
    check(lib.sl_runner_new(model, c.byref(runner), c.byref(err)), err)
    p, every = np.zeros((len(x), classes), np.float32), np.zeros((len(x), steps, classes), np.float32)
    check(lib.sl_runner_run(runner, c.c_size_t(len(x)), x.ctypes.data_as(c.c_void_p), p.ctypes.data_as(c.c_void_p),
                            c.byref(err)), err)
    status = lib.sl_runner_run_steps(runner, c.c_size_t(len(x)), x.ctypes.data_as(c.c_void_p),
                                     every.ctypes.data_as(c.c_void_p), c.byref(err))
    lib.sl_runner_free(runner)
    lib.sl_model_close(model)
    return p, every if status == 0 else None


@pytest.mark.parametrize("name,steps,nights,features,wavelengths,changes", [
    ("gru", 50, False, 0, 0, {}),
    ("gru", 30, True, 5, 0, {"tile": False, "head": (16, 9), "silu": True}),
    ("lstm", 60, True, 0, 0, {}),
    ("lstm", 40, False, 3, 0, {"width": 50}),
    ("tcn", 50, False, 0, 0, {}),
    ("tcn", 21, True, 2, 0, {"kernel": 3, "width": 10}),
    ("cnn", 180, False, 0, 32, {}),
    ("cnn", 51, False, 4, 0, {"width": 20, "kernel": 4}),
    ("mlp", 30, False, 7, 0, {"head": (24, 17)}),
])
def test_the_zoo_equals_pytorch(lib, schema, tmp_path, name, steps, nights, features, wavelengths, changes):
    contract = contract_for(lib, steps, nights, features, wavelengths)
    path = tmp_path / f"{name}.starling"
    write(lib, name, contract, path, **changes)
    layers = randomise(schema, path)
    channels = lib.sl_contract_input_channels(c.byref(contract))
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (N, steps * channels + features)).astype(np.float32)
    lengths = rng.integers(1, steps + 1, N) if nights else np.full(N, steps)
    for i, length in enumerate(lengths):
        x[i, length * channels:steps * channels] = 0
    p, every = run(lib, path, x, steps, contract.n_classes)
    worst = 0
    for i, length in enumerate(lengths):
        grid = x[i, :length * channels].reshape(length, channels)
        f = x[i, steps * channels:]
        worst = max(worst, np.abs(forward(layers, grid, f, False)[0] - p[i]).max())
        if every is not None:
            theirs = forward(layers, grid, f, True)
            worst = max(worst, np.abs(theirs - every[i, :length]).max(), np.abs(every[i, length:]).max(initial=0))
    print(f"{name}: max |dp| {worst:.1e}")
    assert worst < 2e-6
    assert (every is not None) == (name in ("gru", "tcn"))
