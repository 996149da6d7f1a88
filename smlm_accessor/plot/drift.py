"""Drift over time, on axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.display.traces import invalid_spans
from smlm_accessor.drift import segments, transformations
from smlm_accessor.errors import OptionError
from smlm_accessor.plot.curves import WHAT, Curves, chunk_curves, model_curves, model_frames
from smlm_accessor.plot.style import COLORS, new_axes, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from smlm_accessor.models import DriftModel

MANY = 150  # chunks; beyond that a line shows more than points
_LABELS = {
    "drift": "Drift",
    "offset": "Offset",
    "matrix": "Matrix entry",
    "rotation": "Rotation (mrad)",
    "scale": "Log of scale (1/1000)",
}
_LENGTHS = ("drift", "offset")
_NOT_REGISTERED = "not registered"
_JUMP = "jump"


def plot_drift(
    dataset: xr.Dataset,
    *,
    component: str = "drift",
    element: str | Sequence[str] | None = None,
    model: DriftModel | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw drift, offsets, rotation, scale or matrix entries over frames.

    A point stands at the mean frame of each chunk, a thin line spans its frames, and an error
    bar of one standard deviation is drawn where there is one. With more than 150 chunks they
    become a line and a band. Where a segment begins, lines break and a dotted one marks the jump.
    Chunks that could not be registered are marked along the bottom.

    Parameters
    ----------
    dataset : Dataset
        Transformations, estimated or true.
    component : {"drift", "rotation", "scale", "offset", "matrix"}
        ``"drift"`` is what the sample did, ``+d``, at the center of the localizations;
        ``"rotation"`` is by how much it turned about that, in mrad, positive from x to y, in 3D
        about each axis, and ``"scale"`` the log of the factor by which it grew, in thousandths:
        1 of either moves what lies 10 um from the center by 10 nm. ``"offset"`` and ``"matrix"``
        are what corrects it, as stored: ``corrected = matrix @ position + offset``.
    element : str or sequence of str, optional
        Which to draw, such as ``"x"``, or ``"xy"`` of the matrix (what y adds to x); all if not
        given. In 2D rotation is ``"rotation"``, as scale is ``"scale"``.
    model : DriftModel, optional
        Drawn on top, with its uncertainty of one standard deviation as a band. The chunks it was
        fitted to are moved to its zero, if that is another (see ``origin`` of ``fit``).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DriftError
        If the Dataset does not hold transformations, or matrices without a rotation.
    OptionError
        If there is no such component or element, or the model is of others.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from smlm_accessor.drift.transformations import build
    >>> drift = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[4.5, 14.5],
    ...               frame_start=[0, 10], frame_stop=[10, 20])
    >>> plot_drift(drift).get_xlabel()
    'Frame'
    """
    transformations.check(dataset)
    if component not in WHAT:
        known = ", ".join(f'"{what}"' for what in WHAT)
        raise OptionError(f"component={component!r} is not known; take one of {known}")
    axes = transformations.components(dataset)
    if model is not None and model.components != axes:
        raise OptionError(
            f"the model is of {', '.join(model.components)} but the drift of {', '.join(axes)}; "
            "draw the drift that the model was fitted to: model.transformations"
        )
    every = chunk_curves(dataset, component, model)
    colors = dict(zip(every.names, COLORS, strict=False))
    curves = every.select(element)

    if ax is None:
        ax = new_axes(6.0, 3.6)
        ax.spines[["top", "right"]].set_visible(False)
    unit = dataset.attrs.get("length_unit") if component in _LENGTHS else None
    ax.set_xlabel("Frame")
    ax.set_ylabel(with_unit(_LABELS[component], unit))
    if component != "matrix":
        ax.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    if dataset.sizes["chunk"] > MANY:
        # What the model smooths steps back behind it.
        drawn = curves.broken(dataset["frame"].values, segments.jumps(dataset))
        _draw_lines(ax, *drawn, colors, alpha=0.4 if model else 1.0)
    else:
        _draw_points(ax, dataset, curves, colors)
    if model is not None:
        frames = model_frames(model)
        smooth = model_curves(model, component, frames).select(element)
        _draw_lines(ax, *smooth.broken(frames, segments.jumps(model.transformations)), colors)
        ax.plot([], [], color="0.35", label="model")
    for frame in segments.jumps(dataset if model is None else model.transformations):
        ax.axvline(frame - 0.5, color="0.6", linewidth=0.8, linestyle=":", zorder=0, label=_JUMP)
    _mark_invalid(ax, dataset)
    _draw_legend(ax)
    return ax


def _draw_points(ax: Axes, dataset: xr.Dataset, curves: Curves, colors: dict[str, str]) -> None:
    """Draw each chunk as a point with its frames and its error bar."""
    frame, start, stop = (dataset[name].values for name in ("frame", "frame_start", "frame_stop"))
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
    ax: Axes,
    frames: FloatArray,
    curves: Curves,
    colors: dict[str, str],
    *,
    alpha: float = 1.0,
) -> None:
    """Draw a line for each curve, and a band where there are standard deviations."""
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


def _mark_invalid(ax: Axes, dataset: xr.Dataset) -> None:
    """Mark the frames of chunks without a transformation along the bottom."""
    for start, stop in invalid_spans(dataset):
        ax.axvspan(start, stop, ymax=0.025, color="0.2", linewidth=1.0, label=_NOT_REGISTERED)


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
