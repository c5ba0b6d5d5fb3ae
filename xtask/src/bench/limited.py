"""Runs a program under a memory limit, for `cargo xtask bench`: `limited.py BYTES PROGRAM ARGUMENT…` prints
{"seconds": …, "peak_mib": …, "code": …, "limit": …}; `limit` says what kept it: "cgroup", or "watched" where no control
group can be made, so that the peak has to be compared with the limit afterwards. The peak is the kernel's own figure for
the program and what it waited for (wait4)."""

import json
import os
import pathlib
import sys
import time

most, program = int(sys.argv[1]), sys.argv[2:]


def group():
    """A control group (version 2) of our own with the limit; none where there can be none."""
    root = pathlib.Path("/sys/fs/cgroup")
    if not (root / "cgroup.controllers").exists():
        return None
    own = root / f"trainyard-bench-{os.getpid()}"
    try:
        own.mkdir()
        (own / "memory.max").write_text(str(most))
        (own / "memory.swap.max").write_text("0")
        return own
    except OSError:
        if own.exists():
            own.rmdir()
        return None


limit = group()
start = time.perf_counter()
child = os.fork()
if child == 0:
    try:
        if limit:
            (limit / "cgroup.procs").write_text(str(os.getpid()))
        os.dup2(2, 1)
        os.execv(program[0], program)
    finally:
        os._exit(127)
_, status, used = os.wait4(child, 0)
seconds = time.perf_counter() - start
if limit:
    limit.rmdir()
figures = {
    "seconds": seconds,
    "peak_mib": used.ru_maxrss / 1024,
    "code": os.waitstatus_to_exitcode(status),
    "limit": "cgroup" if limit else "watched",
}
print(json.dumps(figures))
