"""Training against PyTorch: the same t2, batch and options, gradients and steps.

tests/oracle/train_step.c makes up a network and a batch, trains for three
steps and prints everything; here autograd and torch.optim do it again, in
float32 and in float64. Environment: STARLING_BUILD, the build directory
(default: build).
"""
import os
import pathlib
import subprocess

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
F = torch.nn.functional

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STARLING_BUILD", ROOT / "build"))
PROGRAM = BUILD / "tests" / "oracle" / "train_step"

if not PROGRAM.exists():
    pytest.skip(f"{PROGRAM} is not built", allow_module_level=True)


class Told:
    """What train_step printed."""

    def __init__(self, text):
        self.inputs, self.labels, self.weights = [], [], []
        self.shapes, self.before, self.gradient, self.after = [], [], [], []
        for line in text.splitlines():
            kind, *words = line.split()
            numbers = [float(word) for word in words]
            if kind == "S":
                self.sizes = numbers
            elif kind == "T":
                self.shapes.append([int(n) for n in numbers[1:]])
            elif kind == "L":
                self.labels.append(int(numbers[0]))
            elif kind == "W":
                self.weights.append(numbers[0])
            elif kind == "E":
                self.losses = numbers
            else:
                {"I": self.inputs, "P": self.before, "G": self.gradient, "N": self.after}[kind].append(np.array(numbers))


@pytest.fixture(scope="module", params=["", "features", "adam"])
def told(request):
    done = subprocess.run([PROGRAM, *request.param.split()], capture_output=True, text=True, check=True)
    return Told(done.stdout)


def positions(steps, width, dtype):
    t = torch.arange(steps, dtype=torch.float64)[:, None]
    c = torch.arange(width)
    angle = t / 10000 ** ((c - c % 2) / width)
    return torch.where(c % 2 == 0, torch.sin(angle), torch.cos(angle)).to(dtype)


def forward(p, x, features):
    """t2: x is (batch, steps, channels), p the tensors in the file's order."""
    p = iter(p)
    conv, bias = next(p), next(p)
    y = F.relu(F.conv1d(x.transpose(1, 2), conv.permute(0, 2, 1), bias).transpose(1, 2))
    y = y + positions(x.shape[1], y.shape[2], x.dtype)
    wq, bq, wk, bk, wv, bv, wo, bo, gamma1, beta1, w1, b1, w2, b2, gamma2, beta2 = (next(p) for _ in range(16))

    def heads(w, b):
        return F.linear(y, w, b).unflatten(2, (16, 2)).transpose(1, 2)

    a = F.scaled_dot_product_attention(heads(wq, bq), heads(wk, bk), heads(wv, bv))
    y = F.layer_norm(y + F.linear(a.transpose(1, 2).flatten(2), wo, bo), y.shape[2:], gamma1, beta1, 1e-6)
    y = F.layer_norm(y + F.linear(F.relu(F.linear(y, w1, b1)), w2, b2), y.shape[2:], gamma2, beta2, 1e-6)
    y = torch.cat([y.mean(1), features], 1)
    return F.linear(y, next(p), next(p))


def train(told, dtype):
    """(gradients of the first step, weights behind the last, losses)"""
    steps, channels, rounds, classes, smoothing, rate, clip, decay, plain = told.sizes
    tensors = [torch.tensor(w, dtype=dtype).reshape(s).requires_grad_() for w, s in zip(told.before, told.shapes)]
    inputs = torch.tensor(np.array(told.inputs), dtype=dtype)
    grid = int(steps * channels)
    x, features = inputs[:, :grid].reshape(-1, int(steps), int(channels)), inputs[:, grid:]
    labels, weights = torch.tensor(told.labels), torch.tensor(told.weights, dtype=dtype)
    groups = [{"params": [t for t in tensors if t.dim() > 1], "weight_decay": decay},
              {"params": [t for t in tensors if t.dim() == 1], "weight_decay": 0.0}]
    optimizer = (torch.optim.Adam if plain else torch.optim.AdamW)(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8)
    losses, first = [], None
    for _ in range(int(rounds)):
        optimizer.zero_grad()
        z = forward(tensors, x, features)
        loss = (weights * F.cross_entropy(z, labels, reduction="none", label_smoothing=smoothing)).sum()
        loss.backward()
        losses.append(loss.item())
        if first is None:
            first = [t.grad.detach().numpy().ravel().copy() for t in tensors]
        torch.nn.utils.clip_grad_norm_(tensors, clip)
        optimizer.step()
    return first, [t.detach().numpy().ravel() for t in tensors], losses


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_are_those_of_pytorch(told, dtype):
    gradients, weights, losses = train(told, dtype)
    # clip_grad_norm_ adds 1e-6 to the norm, of about 0.5 here
    np.testing.assert_allclose(told.losses, losses, rtol=1e-5)
    whole = np.sqrt(sum((g**2).sum() for g in gradients))
    for shape, ours, theirs in zip(told.shapes, told.gradient, gradients):
        assert np.abs(ours - theirs).max() < 1e-5 * max(np.abs(theirs).max(), 0.01 * whole), shape
    for i, (shape, ours, theirs) in enumerate(zip(told.shapes, told.after, weights)):
        if len(shape) == 1 and np.abs(gradients[i]).max() < 1e-6 * whole:
            continue  # a key's bias: its gradient is 0 but for rounding, which Adam makes a step of
        assert np.abs(ours - theirs).max() < 1e-5, (i, shape)
