"""Is the uncertainty true? Errors over ``offset_std`` on many seeds of one case.

``python benchmarks/calibration.py overlap rcc --case d --seeds 50`` prints, per method and axis,
the root mean square of the normalised errors, which is 1 where the uncertainty is true, and the
fraction of them within two standard deviations, which is 0.95.
"""

from __future__ import annotations

import argparse
import warnings

import cases
import numpy as np
import xarray as xr
from samples import Simulated

import smlm_accessor  # noqa: F401 - registers .smlm


def normalised(case: Simulated, drift: xr.Dataset) -> dict[str, np.ndarray]:
    """Return error over ``offset_std`` of each valid chunk, by axis, a constant removed."""
    frames = case.table["frame"].to_numpy()
    edges = np.append(drift["frame_start"].to_numpy(), drift["frame_stop"].to_numpy()[-1])
    chunk = np.searchsorted(edges, frames, side="right") - 1
    counts = np.bincount(chunk, minlength=len(edges) - 1)
    use = drift["valid"].to_numpy() & (counts > 0)
    result = {}
    for axis in drift["component"].to_numpy():
        moved = case.table[axis].to_numpy(dtype=float) - case.truth[axis].to_numpy(dtype=float)
        true = np.bincount(chunk, moved, len(edges) - 1)[use] / counts[use]
        error = drift["offset"].sel(component=axis).to_numpy()[use] + true
        std = drift["offset_std"].sel(component=axis).to_numpy()[use]
        error -= np.average(error, weights=counts[use])
        result[str(axis)] = error / std
    return result


def main() -> None:
    """Print a line for each method and axis."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--case", default="d", choices=list(cases.CASES), metavar="CASE")
    parser.add_argument("--seeds", type=int, default=50)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| method | axis | root mean square | within 2 |\n|---|---|---|---|")
    for method in options.methods:
        found: dict[str, list[np.ndarray]] = {}
        for seed in range(1, options.seeds + 1):
            case = cases.simulate(options.case, seed)
            for axis, errors in normalised(case, case.table.smlm.drift(method=method)).items():
                found.setdefault(axis, []).append(errors)
        for axis, lists in found.items():
            errors = np.concatenate(lists)
            within = np.mean(np.abs(errors) < 2)
            print(f"| {method} | {axis} | {np.sqrt(np.mean(errors**2)):.2f} | {within:.2f} |")


if __name__ == "__main__":
    main()
