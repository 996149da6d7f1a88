"""The figures of the tutorial."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.correct.outputs import new_figure
from smlm_accessor.drift.curves import curves_of, drift_between_chunks
from smlm_accessor.plot import plot_drift, plot_localizations
from smlm_accessor.plot.style import COLORS
from smlm_accessor.simulate.region import Region
from smlm_accessor.tutorial import MODELS, TutorialData, TutorialEstimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save_drifted(path: Path, data: TutorialData) -> None:
    """Draw the drifted localizations: all, part of them, and that part by frame."""
    figure = new_figure(14.5, 4.7)
    axes = figure.subplots(1, 3)
    whole, part, by_frame = axes
    corner = ((0.0, 500.0), (0.0, 500.0))
    plot_localizations(data.drifted, ax=whole, bin_size=10, rescale=None, colorbar=False)
    plot_localizations(data.drifted, ax=part, bin_size=2, bin_range=corner)
    _draw_part(by_frame, data.drifted, "frame", corner)
    figure.colorbar(by_frame.images[0], ax=list(axes), label="mean frame", pad=0.01, shrink=0.8)
    for ax, title in (
        (whole, "All localizations"),
        (part, "A quarter of them, equalized"),
        (by_frame, "The same, by frame"),
    ):
        ax.set_title(title, loc="left")
    figure.savefig(path, format="png", dpi=120)


def save_estimates(path: Path, data: TutorialData, estimates: Sequence[TutorialEstimate]) -> None:
    """Draw the drift of the chunks with the models on top, and how far both are from the truth."""
    figure = new_figure(12, 6.5)
    axes = figure.subplots(2, len(estimates), sharex=True, sharey="row", squeeze=False)
    for column, one in enumerate(estimates):
        above, below = axes[:, column]
        plot_drift(one.drift, model=one.model, ax=above)
        models = ", ".join(
            f"{model} in {axis}"
            for axis, model in zip(one.model.components, MODELS[one.method], strict=True)
        )
        above.set_title(f"{one.method}: chunks, and models {models}", loc="left")
        above.set_xlabel("")
        _draw_errors(below, data.drift, one)
        below.set_title("Estimated minus true: chunks and models", loc="left")
        for ax in (above, below):
            if column:
                ax.set_ylabel("")
            if column and ax.get_legend():
                ax.get_legend().remove()
    figure.savefig(path, format="png", dpi=120)


def save_corrected(path: Path, data: TutorialData, estimates: Sequence[TutorialEstimate]) -> None:
    """Draw part of the image before and after each correction, equalized and by frame."""
    tables = {"Before": data.drifted}
    for one in estimates:
        if one.method == "icp":
            tables["icp, corrected by chunk"] = one.by_chunk
        tables[f"{one.method}, corrected from the model"] = one.from_model
    figure = new_figure(3.6 * len(tables) + 1, 5.4)
    axes = figure.subplots(2, len(tables), sharex=True, sharey=True)
    for column, (title, table) in enumerate(tables.items()):
        for ax, name in zip(axes[:, column], (None, "frame"), strict=True):
            _draw_part(ax, table, name, ((120.0, 350.0), (0.0, 150.0)))
        axes[0, column].set_title(title, loc="left")
    for ax in axes.flat:
        ax.label_outer()
    figure.colorbar(axes[1, 0].images[0], ax=axes, label="mean frame", pad=0.01)
    figure.savefig(path, format="png", dpi=120)


def _draw_part(ax: Axes, table: pd.DataFrame, name: str | None, part: Region) -> None:
    options: dict[str, Any] = {"bin_size": 2, "bin_range": part, "colorbar": False}
    plot_localizations(table, ax=ax, other_property=name, **options)


def _draw_errors(ax: Axes, truth: xr.Dataset, one: TutorialEstimate) -> None:
    """Draw estimated minus true drift, of the chunks and of the model, and how sure both are."""
    chunks, model = curves_of(one.drift), one.model.curves()
    frames = model.frames
    true = drift_between_chunks(truth, frames.astype(np.int64)).values
    ax.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    for k, (name, color) in enumerate(zip(chunks.names, COLORS, strict=False)):
        at_chunks = np.interp(chunks.frames, frames, true[:, k])
        error, off = chunks.values[:, k] - at_chunks, model.values[:, k] - true[:, k]
        bar = chunks.std[:, k] if np.isfinite(chunks.std[:, k]).any() else None
        ax.errorbar(chunks.frames, error, bar, fmt="o", color=color, markersize=4, elinewidth=1.0)
        ax.plot(frames, off, color=color, linewidth=1.4, label=name)
        low, high = off - model.std[:, k], off + model.std[:, k]
        ax.fill_between(frames, low, high, color=color, alpha=0.2, linewidth=0)
    ax.set_xlabel("Frame")
    ax.set_ylabel("Error of the drift")
