"""Rotation and scale over time: errors of models of angle and log-scale, and of matrix entries.

Samples of 20 um that move, turn and grow, icp with rotation and scaling over ten chunks. Prints a
Markdown table: root mean square errors, over seeds, of the angle (mrad), the log of the scale
(1/1000), and of positions 10 um from the centre (nm). The constant of each is free and removed. In
brackets the standard deviation that the model states, root mean square.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

import smlm_accessor  # registers .smlm
from smlm_accessor.drift import build, offset_from_about
from smlm_accessor.drift.between_chunks import FrameTransformations, evaluate
from smlm_accessor.drift.poses import of_matrices, to_matrices

SIDE = 20_000.0  # nm
BOTH = {"with_rotation": True, "with_scaling": True}
Curve = Callable[[np.ndarray], np.ndarray]


class Case(NamedTuple):
    """How a sample turns and grows, over time from 0 to 1, and what icp is asked for."""

    angle: Curve
    log_scale: Curve
    options: dict[str, bool]


def _still(time: np.ndarray) -> np.ndarray:
    return 0 * time


CASES = {
    "steady, 2 mrad and 0.1 %": Case(lambda t: 2e-3 * t, lambda t: 1e-3 * t, BOTH),
    "to and fro, 1.5 mrad and 0.2 %": Case(
        lambda t: 1.5e-3 * np.sin(2 * np.pi * t),
        lambda t: 1e-3 * (np.cos(2 * np.pi * t) - 1),
        BOTH,
    ),
    "turns only, 2 mrad": Case(lambda t: 2e-3 * t, _still, BOTH),
    "turns only, 100 mrad, icp without scaling": Case(
        lambda t: 0.1 * t, _still, {"with_rotation": True}
    ),
    "steady, 100 mrad and 2 %": Case(lambda t: 0.1 * t, lambda t: 0.02 * t, BOTH),
}


def truth(case: Case, n: int) -> xr.Dataset:
    """Return the transformations that undo the motion, by frame."""
    frames, time = np.arange(n), np.linspace(0, 1, n)
    matrix = to_matrices(case.angle(time)[:, None], case.log_scale(time))
    center = np.full(2, SIDE / 2)
    about = np.outer(time, [-90.0, 45.0])
    return build(
        matrix=matrix,
        offset=offset_from_about(matrix, about, center),
        components="xy",
        frame=frames,
        frame_start=frames,
        frame_stop=frames + 1,
        center=center,
    )


def models(drift: xr.Dataset, frames: np.ndarray) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name of each model, its transformations, and its values with std if it has any."""
    for by in ("chunk", "cubic"):
        yield f"by {by}", evaluate(drift, frames, by=by, outside="hold"), None
    for kind in ("constant", "linear", "spline"):
        entries = drift.smlm.fit(matrix=kind)
        yield f"entries, {kind}", entries.at_frames(frames, outside="hold"), None
        model = drift.smlm.fit(rotation=kind, scale=kind)
        yield f"angle and log-scale, {kind}", model.at_frames(frames), model.eval(frames)
    model = drift.smlm.fit(rotation="spline", scale="none")
    yield "angle, spline", model.at_frames(frames), model.eval(frames)


def errors(per_frame: FrameTransformations, true: xr.Dataset) -> dict[str, float]:
    """Return the errors of angle, log-scale and positions at the edge."""
    assert per_frame.matrix is not None
    found, right = of_matrices(per_frame.matrix), of_matrices(true["matrix"].values)
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    edge = SIDE / 2 * (1 + np.column_stack([np.cos(turn), np.sin(turn)]))
    back = np.linalg.inv(true["matrix"].values)
    seen = (edge - true["offset"].values[:, None]) @ np.swapaxes(back, 1, 2)
    fixed = seen @ np.swapaxes(per_frame.matrix, 1, 2) + per_frame.offset[:, None]
    return {
        "angle": 1e3 * float(np.std(found[0] - right[0])),
        "log_scale": 1e3 * float(np.std(found[1] - right[1])),
        "edge": float(np.sqrt(np.mean(np.var(fixed, axis=0).sum(axis=-1)))),
    }


def measure(case: Case, seed: int, cluster_mu: float) -> Iterator[dict[str, Any]]:
    """Yield the errors of all models on one simulated table."""
    locs = smlm_accessor.simulate_thomas(
        parent_intensity=300 / SIDE**2,
        region=((0, SIDE), (0, SIDE)),
        cluster_mu=cluster_mu,
        cluster_std=10,
        localizations_per_frame=12,
        seed=seed,
    )
    frames = np.arange(int(locs["frame"].max()) + 1)
    true = truth(case, len(frames))
    moved = locs.smlm.correct(true.smlm.inverse(), by="chunk")
    drift = moved.smlm.drift(method="icp", n_chunks=10, **case.options)
    for name, per_frame, values in models(drift, frames):
        row = {"model": name, **errors(per_frame, true)}
        for what in ("rotation", "log_scale"):
            std = np.nan if values is None else values[f"{what}_std"].values
            row[f"{what}_std"] = 1e3 * float(np.sqrt(np.mean(np.square(std))))
        yield row


def main() -> None:
    """Print a table for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--cluster-mu", type=float, default=200, help="localizations per cluster")
    given = parser.parse_args()
    for title, case in CASES.items():
        rows = [r for seed in range(given.seeds) for r in measure(case, seed, given.cluster_mu)]
        table = (
            pd.DataFrame(rows).groupby("model", sort=False).agg(lambda v: np.sqrt(np.mean(v**2)))
        )
        print(f"\n**{title}**\n\n| | angle | log-scale | edge |\n|---|---|---|---|")
        for name, row in table.iterrows():
            cells = []
            for what, std in (("angle", "rotation_std"), ("log_scale", "log_scale_std")):
                stated = f" ({row[std]:.2g})" if row[std] > 0 else ""
                cells.append(f"{row[what]:.2g}{stated}")
            print(f"| {name} | {' | '.join(cells)} | {row['edge']:.2g} |", flush=True)


if __name__ == "__main__":
    main()
