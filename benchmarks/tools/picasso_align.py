"""Picasso: alignment of channels by redundant cross-correlation, in Picasso's own environment.

``python picasso_align.py TABLES`` reads positions in nm, ``x0``, ``y0``, ``x1`` ... of an .npz, and
prints the shifts that it applied, in nm, and the seconds of a second call, as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
import picasso.postprocess

PIXEL = 130.0  # nm
MARGIN = 10.0  # pixels around the localizations


def main(path: str) -> None:
    """Align the tables of a file, and print the shifts."""
    with np.load(path) as file:
        arrays = dict(file)
    k = len(arrays) // 2
    low = min(float(a.min()) for a in arrays.values())
    high = max(float(a.max()) for a in arrays.values())
    size = int(np.ceil((high - low) / PIXEL + 2 * MARGIN))
    info = [{"Width": size, "Height": size, "Frames": 1, "Pixelsize": PIXEL}]
    tables = []
    for t in range(k):
        columns = {
            axis: ((arrays[f"{axis}{t}"] - low) / PIXEL + MARGIN).astype(np.float32)
            for axis in "xy"
        }
        n = len(columns["x"])
        precision = np.full(n, 5.0 / PIXEL, np.float32)
        frame = np.zeros(n, np.int32)
        tables.append(pd.DataFrame({"frame": frame, **columns, "lpx": precision, "lpy": precision}))
    for _ in range(2):  # the first compiles
        begin = time.perf_counter()
        aligned = picasso.postprocess.align_rcc([t.copy() for t in tables], [info] * k)
        seconds = time.perf_counter() - begin
    moved = [
        [float((a[axis] - t[axis]).mean()) * PIXEL for axis in "xy"]
        for a, t in zip(aligned, tables, strict=True)
    ]
    print(json.dumps({"shifts": moved, "seconds": seconds}))


main(sys.argv[1])
