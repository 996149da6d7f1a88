"""Drift over time, on axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlm_accessor.display.drift_chart import time_axis
from smlm_accessor.drift import components_of, require_drift
from smlm_accessor.drift.curves import MANY, Curves, curves_of, invalid_spans
from smlm_accessor.errors import OptionError
from smlm_accessor.plot.style import COLORS, new_axes, with_unit
from smlm_accessor.table.clock import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from smlm_accessor.models import DriftModel

_LABELS = {
    "drift": "Drift",
    "offset": "Offset",
    "matrix": "Matrix entry",
    "rotation": "Rotation (mrad)",
    "scale": "Log of scale (1/1000)",
    "local": "Flow, by term",
}
_LENGTHS = ("drift", "offset", "local")
_NOT_REGISTERED = "not registered"
_JUMP = "jump"


def plot_drift(
    dataset: xr.Dataset,
    *,
    quantity: str = "drift",
    component: str | Sequence[str] | None = None,
    model: DriftModel | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw drift, offsets, rotation, scale or matrix entries over frames; see ``drift.smlm.plot``.

    A point stands at the mean frame of each chunk, a thin line spans its frames, and an error bar
    of one standard deviation is drawn where there is one. With more than 150 chunks they become a
    line and a band. Where a segment begins, lines break and a dotted one marks the jump. Chunks
    that could not be registered are marked along the bottom.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from smlm_accessor.drift import build
    >>> drift = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[4.5, 14.5],
    ...               frame_start=[0, 10], frame_stop=[10, 20])
    >>> plot_drift(drift).get_xlabel()
    'Frame'
    """
    dataset = require_drift(dataset)
    axes = components_of(dataset)
    if model is not None and model.components != axes:
        raise OptionError(
            f"the model is of {', '.join(model.components)} but the drift of {', '.join(axes)}; "
            "draw the drift that the model was fitted to: model.transformations"
        )
    # Another drift, such as the truth, stays where it is.
    fitted = model is not None and dataset.attrs == model.transformations.attrs
    every = curves_of(dataset, quantity, shift=model.shift if model and fitted else None)
    colors = dict(zip(every.names, cycle(COLORS), strict=False))
    curves = every.select(component)
    smooth = None if model is None else model.curves(quantity).select(component)

    if ax is None:
        ax = new_axes(6.0, 3.6)
        ax.spines[["top", "right"]].set_visible(False)
    unit = dataset.attrs.get("length_unit") if quantity in _LENGTHS else None
    if model is not None and model.clock != curves.clock:
        raise OptionError(
            f"the model counts time in {model.clock.plural} but the drift in "
            f"{curves.clock.plural}; draw the drift that the model was fitted to: "
            "model.transformations"
        )
    time = time_axis(dataset)
    ax.set_xlabel(with_unit(time.name, time.unit))
    ax.set_ylabel(with_unit(_LABELS[quantity], unit))
    if quantity != "matrix":
        ax.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    if dataset.sizes["chunk"] > MANY:
        # What the model smooths steps back behind it.
        _draw_lines(ax, curves, colors, time, alpha=0.4 if model else 1.0)
    else:
        _draw_points(ax, dataset, curves, colors, time)
    if smooth is not None:
        _draw_lines(ax, smooth, colors, time)
        ax.plot([], [], color="0.35", label="model")
    for frame in (curves if smooth is None else smooth).jumps:
        ax.axvline(
            float(time.at(frame - 0.5)),
            color="0.6",
            linewidth=0.8,
            linestyle=":",
            zorder=0,
            label=_JUMP,
        )
    _mark_invalid(ax, dataset, time)
    _draw_legend(ax)
    return ax


def _draw_points(
    ax: Axes, dataset: xr.Dataset, curves: Curves, colors: dict[str, str], time: TimeAxis
) -> None:
    """Draw each chunk as a point with its frames and its error bar."""
    names = ("frame", "frame_start", "frame_stop")
    frame, start, stop = (time.at(dataset[name].values) for name in names)
    for name, values, std in zip(curves.names, curves.values.T, curves.std.T, strict=True):
        ax.hlines(values, start, stop, color=colors[name], linewidth=1.0, alpha=0.4)
        ax.errorbar(
            frame,
            values,
            yerr=std if np.isfinite(std).any() else None,
            color=colors[name],
            label=name,
            marker="o",
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            linestyle="none",
            elinewidth=1.0,
            capsize=2.0,
            zorder=3,
        )


def _draw_lines(
    ax: Axes, curves: Curves, colors: dict[str, str], time: TimeAxis, *, alpha: float = 1.0
) -> None:
    """Draw a line for each curve, and a band where there are standard deviations."""
    curves = curves.broken()
    frames = time.at(curves.frames)
    for name, values, std in zip(curves.names, curves.values.T, curves.std.T, strict=True):
        ax.plot(frames, values, color=colors[name], label=name, linewidth=1.4, alpha=alpha)
        if np.isfinite(std).any():
            ax.fill_between(
                frames,
                values - std,
                values + std,
                color=colors[name],
                alpha=0.2 * alpha,
                linewidth=0,
            )


def _mark_invalid(ax: Axes, dataset: xr.Dataset, time: TimeAxis) -> None:
    """Mark the frames of chunks without a transformation along the bottom."""
    for start, stop in invalid_spans(dataset):
        ends = time.at([start, stop])
        ax.axvspan(ends[0], ends[1], ymax=0.025, color="0.2", linewidth=1.0, label=_NOT_REGISTERED)


def _draw_legend(ax: Axes) -> None:
    """Explain each kind of mark once: components first."""
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    for name in ("model", _JUMP, _NOT_REGISTERED):
        if name in unique:
            unique[name] = unique.pop(name)
    ax.legend(
        list(unique.values()),
        list(unique),
        loc="best",
        ncols=1 if len(unique) <= 6 else 2,
        framealpha=0.85,
        edgecolor="none",
    )
