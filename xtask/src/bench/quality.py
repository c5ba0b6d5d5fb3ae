"""Tables with a column `part`, and what LightGBM and scikit-learn make of them.

quality.py table NAME SEED SETS FILE   writes the table NAME, divided with SEED, as CSV; SETS is the folder of the data sets
quality.py peers FILE TARGET TASK SEED prints {"lightgbm": metrics, "scikit-learn": metrics}
"""
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

PART = "part"


def divided(frame, seed):
    """64 / 16 / 20 % at random, as the published scores."""
    order = np.random.default_rng(seed).permutation(len(frame))
    test, valid = int(len(frame) * 0.2), int(len(frame) * 0.16)
    part = np.full(len(frame), "train", dtype=object)
    part[order[:test]] = "test"
    part[order[test : test + valid]] = "valid"
    return frame.assign(**{PART: part})


def otto():
    # Beside the package's code; importing it would need more packages.
    folder = Path(importlib.util.find_spec("pdpbox").origin).parent
    frame = pd.read_csv(folder / "examples/otto/otto_data.csv")
    return frame[[name for name in frame.columns if name.startswith("feat_") or name == "target"]]


def table(name, seed, sets):
    if name == "california":
        return divided(pd.read_parquet(sets / "california_housing.parquet"), seed)
    if name == "diamonds":
        return divided(pd.read_csv(sets / "diamonds.csv"), seed)
    if name == "otto":
        return divided(otto(), seed)
    if name == "adult":
        train, test = pd.read_csv(sets / "adult_train.csv"), pd.read_csv(sets / "adult_test.csv")
        # The published split: the official test part, a fifth of the rest for validation.
        order = np.random.default_rng(seed).permutation(len(train))
        part = np.full(len(train), "train", dtype=object)
        part[order[: len(train) // 5]] = "valid"
        return pd.concat([train.assign(**{PART: part}), test.assign(**{PART: "test"})])
    raise SystemExit(f"there is no table {name}")


def scores(task, truth, answer):
    if task == "regression":
        return {"rmse": float(np.sqrt(np.mean((truth - answer) ** 2)))}
    return {"accuracy": float(np.mean(truth == answer))}


def peers(path, target, task, seed):
    import lightgbm
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    frame = pd.read_csv(path)
    for name in frame.columns:
        if name not in (target, PART) and not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype("category")
    parts = {part: rows.drop(columns=PART) for part, rows in frame.groupby(PART)}
    x = {part: rows.drop(columns=target) for part, rows in parts.items()}
    y = {part: rows[target].to_numpy() for part, rows in parts.items()}
    regression = task == "regression"
    kind = lightgbm.LGBMRegressor if regression else lightgbm.LGBMClassifier
    boosted = kind(n_estimators=5000, learning_rate=0.05, random_state=seed, n_jobs=1, verbosity=-1)
    metric = None if regression or len(set(y["train"])) > 2 else "binary_error"
    boosted.fit(
        x["train"], y["train"], eval_set=[(x["valid"], y["valid"])], eval_metric=metric,
        callbacks=[lightgbm.early_stopping(100, first_metric_only=True, verbose=False)],
    )
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    both = pd.concat([x["train"], x["valid"]])
    histogram = kind(random_state=seed, early_stopping=True, categorical_features="from_dtype")
    histogram.fit(both, np.concatenate([y["train"], y["valid"]]))
    return {
        "lightgbm": scores(task, y["test"], boosted.predict(x["test"])),
        "scikit-learn": scores(task, y["test"], histogram.predict(x["test"])),
    }


if __name__ == "__main__":
    if sys.argv[1] == "table":
        _, _, name, seed, sets, out = sys.argv
        table(name, int(seed), Path(sets)).to_csv(out, index=False)
    else:
        _, _, path, target, task, seed = sys.argv
        print(json.dumps(peers(path, target, task, int(seed))))
