#!/usr/bin/env python3
"""t2 in PyTorch, trained on noise: forward, backward and AdamW, objects a second.

    bench/train_torch.py [--threads 1] [--batch 64] [--channels 6] [--seconds 4] [--attention sdpa|module]

Prints a line of JSON. What it does is what `starling train` does with the same
options: dropout, the clipped norm and the average of the weights included.
"""
import argparse
import json
import resource
import time

import torch
from torch import nn
from torch.nn import functional as F

STEPS, WIDTH, HEADS, HIDDEN, CLASSES = 100, 32, 16, 128, 14


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.inward = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        q, k, v = (y.unflatten(2, (HEADS, -1)).transpose(1, 2) for y in self.inward(x).chunk(3, 2))
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


class T2(nn.Module):
    def __init__(self, channels, attention, drop):
        super().__init__()
        self.first = nn.Linear(channels, WIDTH)
        t, c = torch.arange(STEPS)[:, None], torch.arange(WIDTH)
        angle = t / 10000 ** ((c - c % 2) / WIDTH)
        self.register_buffer("positions", torch.where(c % 2 == 0, torch.sin(angle), torch.cos(angle)))
        self.attention = attention()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.feed = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, WIDTH))
        self.drop, self.last_drop = nn.Dropout(drop), nn.Dropout(drop)
        self.last = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        y = F.relu(self.first(x)) + self.positions
        y = self.norm1(y + self.drop(self.attention(y)))
        y = self.norm2(y + self.drop(self.feed(y)))
        return self.last(self.last_drop(y.mean(1)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--channels", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--attention", choices=["sdpa", "module"], default="sdpa")
    parser.add_argument("--dropout", type=float, default=0.1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    net = T2(arguments.channels, {"sdpa": Attention, "module": Module}[arguments.attention], arguments.dropout).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.2, fused=True)
    average = [p.detach().clone() for p in net.parameters()]
    x = torch.randn(4096, STEPS, arguments.channels)
    labels = torch.arange(4096) % CLASSES

    def step(i):
        at = torch.randint(0, 4096, (arguments.batch,))
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x[at]), labels[at])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, [p.detach() for p in net.parameters()], 0.002)

    for i in range(5):
        step(i)
    start, n = time.perf_counter(), 0
    while time.perf_counter() - start < arguments.seconds:
        step(n)
        n += 1
    rate = n * arguments.batch / (time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"objects_per_second": rate, "peak_mb": peak, "version": torch.__version__}))


if __name__ == "__main__":
    main()
