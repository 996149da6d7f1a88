"""Somebody knocks on the table: short excursions of the sample, found or not, and what they cost.

Run ``python benchmarks/excursions.py overlap aim rcc``: 200 emitters that blink in 8,000 frames,
smooth drift, a seventh of background, and an excursion of 30 to 400 frames by 50 or 360 nm. Printed
are, for each table and method, the localizations within, how many frames the two jumps are off (the
nearest found), the root mean square error (x and y together, nm), and error over ``offset_std``.
"""

from __future__ import annotations

import itertools
import json
import sys
import warnings

import numpy as np
import pandas as pd

import smlm_accessor  # noqa: F401 - registers .smlm

N_FRAMES, PRECISION = 8_000, 5.0
PER_FRAME, LONG, STEPS, BLINKS = (0.5, 2.0, 8.0), (30, 100, 400), (50.0, 360.0), (1.0, 3.0)


def table_of(
    per_frame: float, long: int, step: float, blink: float, seed: int
) -> tuple[pd.DataFrame, np.ndarray, int]:
    """Return a table, the drift in each frame, and the first frame of the excursion."""
    rng = np.random.default_rng(seed)
    n = int(N_FRAMES * per_frame / blink)
    length = rng.geometric(1 / blink, n)
    start = rng.integers(-10, N_FRAMES, n)
    frame = np.repeat(start, length) + np.concatenate([np.arange(m) for m in length])
    at = np.repeat(rng.uniform(0, 5_000, (200, 2))[rng.integers(200, size=n)], length, axis=0)
    n_background = len(frame) // 6
    frame = np.concatenate([frame, rng.integers(0, N_FRAMES, n_background)])
    at = np.concatenate([at, rng.uniform(0, 5_000, (n_background, 2))])
    inside = (frame >= 0) & (frame < N_FRAMES)
    frame, at = frame[inside], at[inside] + rng.normal(0, PRECISION, (inside.sum(), 2))
    time = np.linspace(0, 2 * np.pi, N_FRAMES)
    drift = 30 * np.column_stack([np.sin(time), np.cos(time)])
    begin = int(rng.integers(2_000, 5_000))
    drift[begin : begin + long] += step * np.array([0.83, -0.56])
    at += drift[frame]
    return pd.DataFrame({"frame": frame, "x": at[:, 0], "y": at[:, 1]}), drift, begin


def main(methods: list[str]) -> None:
    """Print a line for each table and method."""
    warnings.simplefilter("ignore")
    kinds = itertools.product(PER_FRAME, LONG, STEPS, BLINKS)
    for seed, (per_frame, long, step, blink) in enumerate(kinds):
        table, true, begin = table_of(per_frame, long, step, blink, seed)
        frame = table["frame"].to_numpy()
        within = int(((frame >= begin) & (frame < begin + long)).sum())
        print(f"{per_frame} a frame, {long} frames, {step:g} nm, blinks of {blink:g}: {within}")
        for method in methods:
            drift = table.smlm.drift(method=method)
            fixed = table.smlm.correct(drift)[["x", "y"]].to_numpy()
            left = fixed - (table[["x", "y"]].to_numpy() - true[frame])
            error = float(np.sqrt(np.mean((left - np.median(left, axis=0)) ** 2)))
            said = drift.attrs["parameters"]
            said = json.loads(said) if isinstance(said, str) else said
            jumps = np.asarray(said["jumps"], dtype=float)
            off = [np.abs(jumps - f).min(initial=np.inf) for f in (begin, begin + long)]
            of_chunk = np.searchsorted(drift["frame_start"].to_numpy(), frame, side="right") - 1
            n = np.bincount(of_chunk, minlength=drift.sizes["chunk"])
            use = drift["valid"].to_numpy() & (n > 0)
            scores = []
            for axis, name in enumerate("xy"):
                mean = np.bincount(of_chunk, true[frame, axis], len(n))[use] / n[use]
                off_by = drift["offset"].sel(component=name).to_numpy()[use] + mean
                off_by -= np.median(off_by)
                scores.append(off_by / drift["offset_std"].sel(component=name).to_numpy()[use])
            over = float(np.sqrt(np.nanmean(np.square(scores))))
            print(
                f"   {method:8} jumps off {off[0]:g}, {off[1]:g}; {error:.2f} nm; over {over:.1f}"
            )


if __name__ == "__main__":
    main(sys.argv[1:] or ["overlap"])
