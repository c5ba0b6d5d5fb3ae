"""onnxruntime with one thread on a net of plain layers, for `cargo xtask bench speed`: the time of one row (µs, median) and the
rows a second in batches of 1,024.

    speed_onnx.py COLUMNS LAYERS WIDTH
"""

import json
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort

columns, layers, width = map(int, sys.argv[1:])
random = np.random.default_rng(1)
widths = [columns] + [width] * layers + [2]
nodes, constants, value = [], [], "x"
for at, (a, b) in enumerate(zip(widths, widths[1:])):
    weight = (random.random((a, b)) - 0.5) * 2 / np.sqrt(a)
    constants.append(onnx.numpy_helper.from_array(weight.astype(np.float32), f"w{at}"))
    constants.append(onnx.numpy_helper.from_array(np.zeros(b, np.float32), f"b{at}"))
    nodes.append(onnx.helper.make_node("Gemm", [value, f"w{at}", f"b{at}"], [f"z{at}"]))
    last = at == layers
    value = "p" if last else f"a{at}"
    nodes.append(onnx.helper.make_node("Softmax" if last else "Relu", [f"z{at}"], [value]))
shape = lambda name, wide: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["rows", wide])
graph = onnx.helper.make_graph(nodes, "net", [shape("x", columns)], [shape("p", 2)], constants)
model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def median(times, work):
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[times // 2]


x = random.random((1024, columns), dtype=np.float32)
one_row = median(5000, lambda: session.run(None, {"x": x[:1]})) * 1e6
batch = 1024 / median(200, lambda: session.run(None, {"x": x}))
print(json.dumps({"one_row": one_row, "batch": batch}))
