"""scikit-learn's MLP of RealMLP's shape: 32 features, three hidden layers of 256, batches of 256, Adam.

Prints rows per second of training, and the median time in microseconds of one row's prediction.
"""
import json
import time
import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")
rng = np.random.default_rng(0)
rows, features, epochs = 16384, 32, 3
x = rng.standard_normal((rows, features)).astype(np.float32)
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
model = MLPClassifier(hidden_layer_sizes=(256, 256, 256), batch_size=256, max_iter=epochs, n_iter_no_change=epochs + 1)
start = time.perf_counter()
model.fit(x, y)
seconds = time.perf_counter() - start
times = []
for i in range(500):
    start = time.perf_counter()
    model.predict_proba(x[i : i + 1])
    times.append(time.perf_counter() - start)
start = time.perf_counter()
model.predict_proba(x)
batch = time.perf_counter() - start
print(json.dumps({"train": rows * epochs / seconds, "one_row": 1e6 * float(np.median(times)), "batch": rows / batch}))
