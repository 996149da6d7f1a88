"""Localizations as an image, on axes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.errors import OptionError
from smlm_accessor.images.bins import BinRange, nice_length
from smlm_accessor.images.render import render
from smlm_accessor.images.rescale import Rescale
from smlm_accessor.plot.style import new_axes, with_unit, written_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_localizations(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    bin_size: float | None = None,
    bin_range: BinRange | None = None,
    rescale: Rescale | None = "auto",
    other_property: Hashable | None = None,
    cmap: Any = None,
    colorbar: bool | None = None,
    scale_bar: bool | float = False,
) -> Axes:
    """Draw localizations as an image; see ``table.smlm.plot``."""
    if isinstance(rescale, str) and rescale == "auto":
        rescale = "equal" if other_property is None else None
    image = render(
        table,
        bin_size=bin_size,
        bin_range=bin_range,
        rescale=rescale,
        other_property=other_property,
    )
    extent = extent_of(image)
    width, height = extent[1] - extent[0], extent[3] - extent[2]
    bar = bar_length(scale_bar, width)
    unit = image.attrs.get("length_unit")
    colorbar = rescale is None if colorbar is None else colorbar

    if ax is None:
        inches = 4.2 / max(width, height)
        ax = new_axes(inches * width + (2.0 if colorbar else 0.8), inches * height + 0.6)
    colors = cmap or ("inferno" if other_property is None else "viridis")
    shown = draw_image(ax, image, image.values, colors)
    ax.set_xlabel(with_unit("x", unit))
    ax.set_ylabel(with_unit("y", unit))
    if colorbar:
        wide = 0.04 * max(1.0, height / width)
        beside = ax.inset_axes((1.0 + wide, 0.0, wide, 1.0))  # as tall as the image
        ax.figure.colorbar(shown, cax=beside, label=image.attrs["long_name"])
    if bar:
        ground = shown.cmap(0.0) if other_property is None else ax.get_facecolor()
        draw_scale_bar(ax, bar, f"{bar:g} {written_unit(unit)}".strip(), ground)
    return ax


def draw_image(ax: Axes, image: xr.DataArray, values: Any, cmap: Any, **limits: Any) -> Any:
    """Draw values in the bins of an image, with y upwards."""
    extent = extent_of(image)
    return ax.imshow(values, origin="lower", extent=extent, aspect="equal", cmap=cmap, **limits)


def extent_of(image: xr.DataArray) -> tuple[float, float, float, float]:
    """Return the outer edges of the image: left, right, bottom, top."""
    half = 0.5 * image.attrs["bin_size"]
    x, y = image["x"].values, image["y"].values
    return float(x[0] - half), float(x[-1] + half), float(y[0] - half), float(y[-1] + half)


def bar_length(scale_bar: bool | float, width: float) -> float:
    """Return the length of the scale bar; 0 for none, about a fifth of the width for True."""
    if isinstance(scale_bar, bool | np.bool_):
        return nice_length(width / 8) if scale_bar else 0.0
    if not 0 < scale_bar <= width:
        raise OptionError(
            f"scale_bar={scale_bar!r} must be a length up to the width of the image, {width:g}; "
            "True takes a round one"
        )
    return float(scale_bar)


def draw_scale_bar(ax: Axes, length: float, label: str, ground: Any) -> None:
    """Draw a bar in place of the axes' numbers, light on a dark ground."""
    from matplotlib.colors import to_rgb
    from mpl_toolkits.axes_grid1.anchored_artists import (  # type: ignore[import-untyped]
        AnchoredSizeBar,
    )

    is_dark = sum(to_rgb(ground)) < 1.5
    bottom, top = ax.get_ylim()
    bar = AnchoredSizeBar(
        ax.transData,
        length,
        label,
        "lower right",
        pad=0.6,
        sep=4,
        frameon=False,
        color="white" if is_dark else "black",
        size_vertical=(top - bottom) / 100,
    )
    ax.add_artist(bar)
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
