"""scikit-learn's net of the same shape, for `cargo xtask bench speed`: prints the same JSON object as ours.

    speed.py ROWS COLUMNS EPOCHS LAYERS WIDTH BATCH
"""

import json
import sys
import time
import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier

rows, columns, epochs, layers, width, size = map(int, sys.argv[1:])
random = np.random.default_rng(1)


def part(count):
    x = random.random((count, columns), dtype=np.float32)
    return x, (np.sin(6 * x[:, 0]) + 2 * x[:, 1] > 1 + x[:, 2]).astype(int)


def median(times, work):
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[times // 2]


x, y = part(rows)
net = MLPClassifier((width,) * layers, batch_size=size, max_iter=epochs, n_iter_no_change=epochs + 1, tol=0.0)
start = time.perf_counter()
with np.errstate(all="ignore"):
    warnings.simplefilter("ignore")
    net.fit(x, y)
train = rows * epochs / (time.perf_counter() - start)
valid, _ = part(1024)
one = valid[:1]
one_row = median(2000, lambda: net.predict_proba(one)) * 1e6
batch = 1024 / median(50, lambda: net.predict_proba(valid))
print(json.dumps({"train": train, "one_row": one_row, "batch": batch}))
