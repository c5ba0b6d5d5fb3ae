"""Asks onnxruntime, with one thread, about exported models, and compares its answers with those of `infer`.

    export.py FILE...   each NAME.json has columns and expected answers for the graph NAME.onnx beside it; where there are
                        NAME.safetensors and NAME.description, described.py is compared as well

Prints one JSON object a file: the greatest difference (probabilities absolutely, values by their standard deviation), the time
of one row (µs, median) and the rows a second in batches of 1,024.
"""

import json
import pathlib
import sys
import time

import described
import numpy as np
import onnxruntime as ort


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeds(model, columns):
    described = json.loads(model.get_modelmeta().custom_metadata_map["trainyard.inputs"])
    found = {}
    for entry in described:
        column = columns[entry["column"]]
        if "numbers" in column:
            values = np.array([float(text) for text in column["numbers"]], dtype=np.float64)
        else:
            values = np.array([entry["missing"] if text is None else text for text in column["texts"]], dtype=object)
        found[entry["name"]] = values.reshape(-1, 1)
    return found


def median(times, work):
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[times // 2]


for file in sys.argv[1:]:
    case = json.loads(pathlib.Path(file).read_text())
    model = session(pathlib.Path(file).with_suffix(".onnx"))
    rows = feeds(model, case["columns"])
    count = len(next(iter(rows.values())))
    # As many rows as are measured in one go, so that the buffers are not larger than they would be.
    apart = 0.0
    deviation = 1.0 if case["expected"]["classes"] else np.std(case["expected"]["values"]) or 1.0
    wide = max(case["expected"]["classes"], 1)
    for first in range(0, count, 1024):
        part = {name: values[first:first + 1024] for name, values in rows.items()}
        answer = model.run(None, part)[0]
        values = case["expected"]["values"][first * wide:(first + 1024) * wide]
        apart = max(apart, np.abs(np.asarray(answer, dtype=np.float64).reshape(-1) - np.array(values)).max())
    told = {"name": case["name"], "difference": float(apart / deviation)}
    description = pathlib.Path(file).with_suffix(".description")
    if description.exists():
        columns = {
            name: column["texts"] if "texts" in column else [float(text) for text in column["numbers"]]
            for name, column in case["columns"].items()
        }
        answer = described.predict(description.with_suffix(".safetensors"), description, columns)
        apart = np.abs(np.asarray(answer, np.float64).reshape(-1) - np.array(case["expected"]["values"])).max()
        told["described"] = float(apart / deviation)
    if "one_row" in case:
        one = {name: values[:1] for name, values in rows.items()}
        batch = {name: np.resize(values, (1024, 1)) for name, values in rows.items()}
        told["one_row"] = median(2000, lambda: model.run(None, one)) * 1e6
        told["batch"] = 1024 / median(50, lambda: model.run(None, batch))
    print(json.dumps(told))
