"""Predicts from a model file and its description alone, to see that the description says all that is needed."""

import datetime
import json
import pathlib

import numpy as np

TYPES = {"F32": np.float32, "F64": np.float64, "U32": np.uint32, "U8": np.uint8}


def read(path):
    data = pathlib.Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    body = data[8 + length:]
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items() if name != "__metadata__"
    }


def part(millis, which):
    """A part of an instant, NaN where it is missing."""
    days = millis / 86_400_000
    if not abs(days) <= 36_525_000:
        return float("nan")
    day = int(np.floor(days))
    # Python knows the years 1 to 9999; the calendar repeats after 146,097 days.
    date = datetime.date(1970, 1, 1) + datetime.timedelta(day % 146_097)
    return {
        "days": days, "month": date.month, "day": date.day, "weekday": date.weekday(),
        "hour": (millis - day * 86_400_000) / 3_600_000, "day_of_year": date.timetuple().tm_yday,
    }[which]


def number(entry, value):
    says, known = entry["says"], entry.get("levels")
    if says == "value":
        return value if np.isfinite(value) else entry["imputed"]
    if says == "part":
        found = part(value, entry["part"])
        return found if np.isfinite(found) else entry["imputed"]
    if says == "level":
        return float(value == entry["level"])
    if says == "sign":
        return {known[0]: -1.0, known[1]: 1.0}.get(value, 0.0)
    if known is not None:
        return float(value not in known)
    return float(not (np.isfinite(value) and (entry["kind"] != "datetime" or abs(value / 86_400_000) <= 36_525_000)))


def softmax(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def encode(preparation, arrays, columns, kinds):
    width = len(preparation["dense"])
    rows = len(next(iter(columns.values())))
    dense = np.zeros((rows, width), np.float32)
    knot_at = 0
    for at, entry in enumerate(preparation["dense"]):
        entry["kind"] = kinds[entry["column"]]
        raw = np.array([number(entry, value) for value in columns[entry["column"]]], np.float64)
        with np.errstate(over="ignore"):
            z = (raw - entry["center"]) * entry["scale"]
        if "knots" in entry:
            own = slice(knot_at, knot_at + entry["knots"])
            knot_at = own.stop
            held = np.clip(z, -1e8, 1e8).astype(np.float32)
            dense[:, at] = np.interp(held, arrays["encoder.knots"][own], arrays["encoder.scores"][own])
        else:
            dense[:, at] = preparation["clip"](z)
    codes = [
        [entry["levels"].index(value) + 1 if value in entry["levels"] else 0 for value in columns[entry["column"]]]
        for entry in preparation["embedded"]
    ]
    return dense, codes


def net(told, arrays, columns, kinds):
    preparation = told["preparation"]
    smooth = any("sqrt" in step for step in told["steps"])

    def clip(z):
        z = np.clip(z, -1e9, 1e9) if smooth else np.clip(z, -1e4, 1e4)
        return z / np.sqrt(1 + (z / 3) ** 2) if smooth else z

    dense, codes = encode({**preparation, "clip": clip}, arrays, columns, kinds)
    if told["family"] == "tabm":
        x = tabm(told, arrays, dense, codes)
    elif told["family"] == "fttransformer":
        x = fttransformer(told, arrays, dense, codes)
    elif told["family"] == "linear":
        x = dense @ arrays["weights"] + arrays["bias"]
    else:
        x = realmlp(told, arrays, dense, codes)
    if "head" in arrays:
        mean, scale, low, high = arrays["head"]
        return np.clip(x * scale + mean, low, high)
    if "rate" in arrays:
        mean, low, high = arrays["rate"]
        return np.clip(np.exp(x) * mean, low, high)
    return softmax(x)


def together(outputs, arrays):
    """What nets say that answer together."""
    if "head" in arrays or len(outputs) == 1:
        return np.mean(outputs, axis=0)
    return np.log(np.mean([np.exp(x) if "rate" in arrays else softmax(x) for x in outputs], axis=0))


def realmlp(told, arrays, dense, codes):
    members = sum(name.endswith("layer.0.weight") for name in arrays)
    named = [f"member.{m}." for m in range(members)] if members > 1 else [""]
    outputs = [realmlp_member(told, arrays, dense, codes, prefix) for prefix in named]
    return together(outputs, arrays)


def realmlp_member(told, arrays, dense, codes, prefix):
    parts = [dense]
    if any(step.startswith("cosine") for step in told["steps"]):
        turns = dense[:, :, None] * arrays[prefix + "frequency"] + arrays[prefix + "phase"]
        cosines = np.cos(2 * np.pi * turns.astype(np.float64))
        mixed = np.einsum("rik,ijk->rij", cosines, arrays[prefix + "mix"]) + arrays[prefix + "mix_bias"]
        parts.insert(0, mixed.reshape(len(dense), -1))
    parts += [arrays[f"{prefix}table.{n}"][code] for n, code in enumerate(codes)]
    x = np.concatenate(parts, axis=1)
    mish = any("Mish" in step for step in told["steps"])
    n = 0
    while f"{prefix}layer.{n}.weight" in arrays:
        z = x @ arrays[f"{prefix}layer.{n}.weight"].astype(np.float64) + arrays[f"{prefix}layer.{n}.bias"]
        alpha = arrays[f"{prefix}layer.{n}.alpha"]
        x = z
        if len(alpha):
            f = z * np.tanh(np.logaddexp(0, z)) if mish else (
                1.050701 * np.where(z > 0, z, 1.6732632 * np.expm1(np.minimum(z, 0))))
            x = z + alpha * (f - z)
        n += 1
    return x


def tabm(told, arrays, dense, codes):
    numbers = told["preparation"]["numbers"]
    parts, knot_at, edge_at = [], 0, 0
    for i, (column, (knot_count, edge_count)) in enumerate(zip(numbers, arrays["pieces"].astype(int))):
        knots = arrays["knots"][knot_at:knot_at + knot_count].astype(np.float64)
        edges = arrays["edges"][edge_at:edge_at + edge_count].astype(np.float64)
        score = np.interp(dense[:, column], knots, arrays["scores"][knot_at:knot_at + knot_count])
        knot_at, edge_at = knot_at + knot_count, edge_at + edge_count
        share = (score[:, None] - edges[:-1]) / (edges[1:] - edges[:-1])
        share[:, 1:] = np.maximum(share[:, 1:], 0)
        share[:, :-1] = np.minimum(share[:, :-1], 1)
        steps = arrays["steps"][i, :edge_count - 1]
        parts.append(arrays["offset"][i] + score[:, None] * arrays["slope"][i] + share @ steps)
    parts.append(dense[:, [at for at in range(dense.shape[1]) if at not in numbers]])
    parts += [arrays[f"table.{n}"][code] for n, code in enumerate(codes)]
    x = np.concatenate(parts, axis=1)
    outputs = []
    for scale, heads, bias in zip(arrays["scales"], arrays["heads"], arrays["head_bias"]):
        y = x * scale
        for n in range(sum(name.endswith(".weight") for name in arrays)):
            y = np.maximum(y @ arrays[f"layer.{n}.weight"].astype(np.float64) + arrays[f"layer.{n}.bias"], 0)
        outputs.append(y @ heads.T.astype(np.float64) + bias)
    return together(outputs, arrays)


def fttransformer(told, arrays, dense, codes):
    arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
    rows, heads = len(dense), told["preparation"]["heads"]
    width = len(arrays["cls"])

    def norm(y, name):
        mean = y.mean(axis=-1, keepdims=True)
        variance = ((y - mean) ** 2).mean(axis=-1, keepdims=True)
        return (y - mean) / np.sqrt(variance + 0.00001) * arrays[name + ".gain"] + arrays[name + ".shift"]

    parts = [np.tile(arrays["cls"], (rows, 1, 1))]
    parts.append(dense[:, :, None] * arrays["scale"] + arrays["bias"][:dense.shape[1]])
    for n, code in enumerate(codes):
        parts.append((arrays[f"table.{n}"][code] + arrays["bias"][dense.shape[1] + n])[:, None])
    x = np.concatenate(parts, axis=1)
    for n in range(sum(name.endswith(".key.weight") for name in arrays)):
        block = f"block.{n}."
        layer = lambda y, name: y @ arrays[block + name + ".weight"] + arrays[block + name + ".bias"]
        split = lambda y: y.reshape(rows, -1, heads, width // heads).transpose(0, 2, 1, 3)
        y = norm(x, block + "before") if n else x
        q, k, v = (split(y_) for y_ in (layer(y, "query"), y @ arrays[block + "key.weight"], layer(y, "value")))
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(width // heads)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen = shares / shares.sum(axis=-1, keepdims=True) @ v
        x = x + layer(seen.transpose(0, 2, 1, 3).reshape(rows, -1, width), "out")
        y = norm(x, block + "between")
        x = x + layer(layer(y, "up") * np.maximum(layer(y, "gate"), 0), "down")
    return np.maximum(norm(x[:, 0], "norm"), 0) @ arrays["last.weight"] + arrays["last.bias"]


def feature(entry, values):
    if "levels" in entry:
        beyond = len(entry["levels"]) + 1.0 if entry["other"] else np.nan
        places = {level: at + 1.0 for at, level in enumerate(entry["levels"])}
        return [[np.nan if value is None else places.get(value, beyond) for value in values]]
    if "parts" in entry:
        return [[part(value, which) for value in values] for which in entry["parts"]]
    return [[value if np.isfinite(value) else np.nan for value in values]]


def trees(told, arrays, columns, _):
    features = [column for entry in told["preparation"]["features"] for column in feature(entry, columns[entry["column"]])]
    features = np.array(features)
    rows = features.shape[1]
    nodes, leaves, sets = (arrays["trees." + name] for name in ["nodes", "leaves", "sets"])
    sums = np.tile(arrays["trees.base"], (rows, 1))
    for row in range(rows):
        for root, first, wide in arrays["trees.roots"]:
            at = int(root)
            while True:
                low, high, child, flags = (int(word) for word in nodes[at])
                if flags >> 31 & 1:
                    break
                value = features[flags & (1 << 29) - 1, row]
                if np.isnan(value):
                    left = flags >> 29 & 1
                elif flags >> 30 & 1:
                    byte = int(value) // 8
                    left = byte < low and sets[high + byte] >> (int(value) % 8) & 1
                else:
                    left = value < np.array([low, high], np.uint32).view(np.float64)[0]
                at = child + (not left)
            sums[row, first:first + wide] += leaves[low:low + wide]
    return head(told["head"], sums, features)


def head(told, sums, features):
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    if told["kind"] == "value":
        if told.get("linear"):
            linear = {key: np.array(value) for key, value in told["linear"].items()}
            z = np.where(np.isfinite(features.T), (features.T - linear["means"]) / linear["scales"], 0.0)
            sums = sums + (linear["weight"] * (linear["intercept"] + z @ linear["coefficients"]))[:, None]
        return sums
    if told["kind"] == "rate":
        return np.clip(np.exp(sums), told["low"], told["high"])
    if told["kind"] == "binary":
        positive = sigmoid(sums).mean(axis=1)
        return np.stack([1 - positive, positive], axis=1)
    if told["kind"] == "softmax":
        return softmax(sums / told["temperature"])
    if told["kind"] == "shares":
        sums = np.maximum(sums, 0.0)
        total = sums.sum(axis=1, keepdims=True)
        return np.where(total > 2.0 ** -52, sums / np.maximum(total, 2.0 ** -52), 1 / sums.shape[1])
    p = sigmoid(sums).reshape(len(sums), -1, told["folds"]).mean(axis=2).clip(2.0 ** -52, 1 - 2.0 ** -52)
    weights = p / (1 - p) ** told["alpha"] / np.array(told["priors"]) ** told["beta"]
    return weights / weights.sum(axis=1, keepdims=True)


def predict(file, description, columns):
    """`columns`: lists of floats or of texts, `None` for missing texts."""
    told = json.loads(pathlib.Path(description).read_text())
    kinds = {entry["name"]: entry["kind"] for entry in told["signature"]["inputs"]}
    return answers(told, read(file), columns, kinds)


def answers(told, arrays, columns, kinds):
    """Of a predictor, or of a part of a blend."""
    if isinstance(told["preparation"], list):
        parts = enumerate(told["preparation"])
        own = lambda at: {name.removeprefix(f"{at}/"): a for name, a in arrays.items() if name.startswith(f"{at}/")}
        return sum(part["weight"] * answers(part, own(at), columns, kinds) for at, part in parts)
    if told["family"] in ("trees", "boosting", "forest"):
        return trees(told, arrays, columns, kinds)
    if told["family"] in ("linear", "realmlp", "tabm", "fttransformer"):
        return net(told, arrays, columns, kinds)
    (value,) = told["preparation"].values()
    rows = len(next(iter(columns.values())))
    return np.tile(np.atleast_1d(value), (rows, 1))
