"""Correct one table with several settings, in the tool's own environment, and save what comes out.

``python corrected.py RUNNER TABLE METHOD AXES SETTINGS OUT``: SETTINGS is a list, OUT an .npz with
the positions of each that worked; what went wrong with others is printed, one line of JSON each.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings

import numpy as np


def main(runner_name: str, path: str, method: str, axes: str, settings_json: str, out: str) -> None:
    """Correct, and save."""
    warnings.simplefilter("ignore")
    with np.load(path) as file:
        arrays = dict(file)
    precision = arrays.pop("precision")
    runner = importlib.import_module(runner_name)
    found = {}
    for number, settings in enumerate(json.loads(settings_json)):
        start = time.perf_counter()
        try:
            result = runner.correct(runner.prepare(arrays, precision), method, settings)
            found[str(number)] = runner.positions(result, axes)
        except Exception as error:
            print(json.dumps({"settings": settings, "failed": repr(error)[:200]}))
            continue
        print(json.dumps({"settings": settings, "seconds": time.perf_counter() - start}))
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
