"""The figure that `correct` saves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlm_accessor.drift import segments, transformations
from smlm_accessor.models import DriftModel
from smlm_accessor.plot import plot_drift
from smlm_accessor.plot.curves import Curves
from smlm_accessor.plot.over_frames import drift_over_frames, frames_of
from smlm_accessor.plot.style import COLORS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_drift_figure(
    path: Path, dataset: xr.Dataset, drift: xr.Dataset | DriftModel, by: str | None
) -> None:
    """Draw the drift of the chunks, and the drift that was removed."""
    figure = new_figure(7.5, 4.0)
    ax = figure.subplots()
    if isinstance(drift, DriftModel):
        plot_drift(dataset, model=drift, ax=ax)
    else:
        plot_drift(dataset, ax=ax)
        frames = frames_of(dataset)
        curve = drift_over_frames(drift, frames, by)
        whole = Curves(transformations.components(dataset), curve, np.full(curve.shape, np.nan))
        at, broken = whole.broken(frames, segments.jumps(dataset))
        for color, values in zip(COLORS, broken.values.T, strict=False):
            ax.plot(at, values, color=color, linewidth=1.0)
    ax.set_title(f"Drift by {dataset.attrs.get('method', 'unknown')}", loc="left")
    figure.savefig(path, format="png", dpi=150)


def new_figure(width: float, height: float) -> Figure:
    """Return a figure that needs no display, of that size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
