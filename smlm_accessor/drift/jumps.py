"""How far the sample jumped from one segment to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.drift import segments, transformations
from smlm_accessor.drift.between_chunks import evaluate


def jump_table(dataset: xr.Dataset) -> pd.DataFrame:
    """Return a row for each jump: the first frame after it, and how far the sample moved.

    Parameters
    ----------
    dataset : Dataset
        Transformations.

    Returns
    -------
    DataFrame
        ``frame``; by component the jump ``+d`` at the centre, and ``std_x``, ... of it: one
        standard deviation from the chunks beside, NaN where it is not known.

    Raises
    ------
    DriftError
        If the Dataset does not hold drift.

    Examples
    --------
    >>> from smlm_accessor.drift.transformations import build
    >>> drift = build(offset=[[0, 0], [-30, 10], [-30, 10]], components="xy", frame=[5, 15, 25],
    ...               frame_start=[0, 10, 20], frame_stop=[10, 20, 30], segment=[0, 1, 1])
    >>> jump_table(drift)[["frame", "x", "y"]].values.tolist()
    [[10.0, 30.0, -10.0]]
    """
    transformations.check(dataset)
    frames = segments.jumps(dataset)
    names = transformations.components(dataset)
    size, std = np.empty((0, len(names))), np.empty((0, len(names)))
    if len(frames):
        center = transformations.center(dataset)
        both = [evaluate(dataset, at, by="linear", outside="hold") for at in (frames - 1, frames)]
        about = [
            at.offset
            if at.matrix is None
            else transformations.offset_about(at.matrix, at.offset, center)
            for at in both
        ]
        size = about[0] - about[1]
        after = np.searchsorted(dataset["frame_start"].values, frames)
        known = dataset["offset_std"].values
        std = np.hypot(known[after - 1], known[after])
    columns = {name: size[:, i] for i, name in enumerate(names)}
    errors = {f"std_{name}": std[:, i] for i, name in enumerate(names)}
    return pd.DataFrame({"frame": frames, **columns, **errors})
