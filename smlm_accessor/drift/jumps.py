"""How far the sample jumped from one segment to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.drift.between_chunks import evaluate
from smlm_accessor.drift.segments import jump_frames
from smlm_accessor.drift.spec import center_of, components_of
from smlm_accessor.drift.times import clock_of
from smlm_accessor.drift.validation import require_drift


def jump_table(dataset: xr.Dataset) -> pd.DataFrame:
    """Return a row for each jump: the first frame (or time) after it, and how far the sample moved.

    By component the jump ``+d`` at the centre, and ``std_x``, ... of it: one standard deviation
    from the chunks beside, NaN where it is not known.

    Examples
    --------
    >>> from smlm_accessor.drift import build
    >>> drift = build(offset=[[0, 0], [-30, 10], [-30, 10]], components="xy", frame=[5, 15, 25],
    ...               frame_start=[0, 10, 20], frame_stop=[10, 20, 30], segment=[0, 1, 1])
    >>> jump_table(drift)[["frame", "x", "y"]].values.tolist()
    [[10.0, 30.0, -10.0]]
    """
    dataset = require_drift(dataset)
    clock = clock_of(dataset)
    frames = jump_frames(dataset)
    names = components_of(dataset)
    size, std = np.empty((0, len(names))), np.empty((0, len(names)))
    if len(frames):
        center = center_of(dataset)
        before, after = (
            evaluate(dataset, at, by="linear", outside="hold").about(center)
            for at in (frames - 1, frames)
        )
        size = before - after
        chunk = np.searchsorted(dataset["frame_start"].values, frames)
        known = dataset["offset_std"].values
        std = np.hypot(known[chunk - 1], known[chunk])
    columns = {name: size[:, i] for i, name in enumerate(names)}
    errors = {f"std_{name}": std[:, i] for i, name in enumerate(names)}
    return pd.DataFrame({clock.name: clock.values(frames), **columns, **errors})
