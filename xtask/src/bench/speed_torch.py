"""PyTorch's net of the same shape on one core, for `cargo xtask bench speed`: rows a second of training, and its version.

    speed_torch.py ROWS COLUMNS EPOCHS LAYERS WIDTH BATCH
"""

import json
import sys
import time

import torch

rows, columns, epochs, layers, width, size = map(int, sys.argv[1:])
torch.set_num_threads(1)
torch.manual_seed(1)
x = torch.rand(rows, columns)
y = (torch.sin(6 * x[:, 0]) + 2 * x[:, 1] > 1 + x[:, 2]).long()
widths = [columns] + [width] * layers
parts = [part for a, b in zip(widths, widths[1:]) for part in (torch.nn.Linear(a, b), torch.nn.ReLU())]
net = torch.nn.Sequential(*parts, torch.nn.Linear(widths[-1], 2))
try:
    # From 2.4 on for the CPU as well, and the quickest.
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
except (RuntimeError, TypeError):
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
loss = torch.nn.CrossEntropyLoss()


def epoch():
    order = torch.randperm(rows)
    for first in range(0, rows, size):
        picked = order[first:first + size]
        optimiser.zero_grad(set_to_none=True)
        loss(net(x[picked]), y[picked]).backward()
        optimiser.step()


epoch()
start = time.perf_counter()
for _ in range(epochs):
    epoch()
print(json.dumps({"train": rows * epochs / (time.perf_counter() - start), "version": torch.__version__}))
