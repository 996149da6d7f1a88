"""How long the first call takes: in a fresh environment, in a new process, and the next time.

Drift, correction and verdict of the first table of the README, in CPU seconds of processes of their
own, the fastest of several; and the import beside that of what it is built on. A fresh environment
is an empty folder of compiled loops.

``python benchmarks/first_call.py --repeats 3``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Most seconds: all of a fresh environment, and of a new process over the next call in it; and most
# times that the import takes as long as that of pandas, xarray and dask.dataframe.
FRESH, NEW, IMPORT = 7.0, 0.5, 1.1

_STEPS = """
import json, time
began = time.process_time()
import smlm_accessor
seconds = {"import": time.process_time() - began}
locs = smlm_accessor.simulate_thomas(cluster_mu=500, seed=1)
table = locs.smlm.simulate_drift(velocity=(0.02, 0.01))

def timed(name, function):
    began = time.process_time()
    result = function()
    seconds[name] = time.process_time() - began
    return result

for again in ("", " again"):
    drift = timed("drift" + again, table.smlm.drift)
    timed("correct" + again, lambda: table.smlm.correct(drift))
    timed("assess" + again, lambda: drift.smlm.assess(table))
print(json.dumps(seconds))
"""
_IMPORT = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"
_BUILT_ON = "pandas, xarray, dask.dataframe"


def python(code: str, cache: Path) -> str:
    """Return what a new process prints; compiled loops are kept in a folder."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


def first_and_later(repeats: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds of each step in a fresh environment, and in a new process later."""
    found: list[list[dict[str, float]]] = [[], []]
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            for seconds in found:
                seconds.append(json.loads(python(_STEPS, Path(cache))))
    fresh, later = ({n: min(s[n] for s in all_of) for n in all_of[0]} for all_of in found)
    return fresh, later


def main() -> int:
    """Print a table, and return 1 if something takes longer than it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    fresh, later = first_and_later(repeats)
    steps = "drift", "correct", "assess"
    print(f"{'CPU seconds':<16}{'fresh':>8}{'new process':>13}{'again':>8}")
    for name in steps:
        print(f"{name:<16}{fresh[name]:8.2f}{later[name]:13.2f}{later[name + ' again']:8.2f}")
    first, new, warm = (
        sum(seconds[name + again] for name in steps)
        for seconds, again in ((fresh, ""), (later, ""), (later, " again"))
    )
    with tempfile.TemporaryDirectory() as cache:
        ours, theirs = (
            min(float(python(_IMPORT.format(what), Path(cache))) for _ in range(repeats))
            for what in ("smlm_accessor", _BUILT_ON)
        )
    first += ours
    print(
        f"together, with the import: {first:.1f} s in a fresh environment ({FRESH:.0f} s at most)"
    )
    print(f"a new process: {new - warm:.2f} s more than the next call ({NEW} s at most)")
    print(f"import: {ours:.2f} s, {ours / theirs:.2f} of that of {_BUILT_ON} ({IMPORT} at most)")
    return int(first > FRESH or new - warm > NEW or ours > IMPORT * theirs)


if __name__ == "__main__":
    raise SystemExit(main())
