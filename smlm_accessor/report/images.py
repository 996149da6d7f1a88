"""Images of regions before and after a correction, counted in one pass over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.case import Case
from smlm_accessor.backends import constant, is_partitioned, source_of
from smlm_accessor.models import Drift
from smlm_accessor.report.png import Bytes, png, to_bytes
from smlm_accessor.report.regions import Region
from smlm_accessor.table.columns import selection
from smlm_accessor.table.localizations import read_in_blocks

Counts = npt.NDArray[np.float32]
VERSIONS = ("before", "after")
_BRIGHT = 0.9  # of what is in both images is not brighter than the brightest colour
_GAMMA, _GAMMA_OF_COLOR = 0.6, 0.45  # below 1: what is dark can be seen
#: Colours of the first, the middle and the last frame. Their sum is white.
TIME_COLORS = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


@dataclass(frozen=True)
class View:
    """A region, and how the corrected localizations are moved to lie where they lay before.

    Parameters
    ----------
    region : Region
    constant : ndarray, shape (2,)
        Added to corrected positions; no method knows it.
    by_time : bool
        Whether to count localizations by their time, too.
    """

    region: Region
    constant: FloatArray
    by_time: bool


def count(
    table: Any,
    drift: Drift,
    views: Sequence[View],
    frames: tuple[int, int],
    *,
    by: str | None,
    outside: str | None,
    progress: bool = False,
) -> list[Counts]:
    """Count the localizations in each pixel of each view.

    Parameters
    ----------
    table : DataFrame
        Of pandas, or of dask.
    drift : Dataset or DriftModel
    views : sequence of View
    frames : tuple of int
        The first and the last, between which time runs from 0 to 1.
    by, outside : str, optional
        As in ``table.smlm.correct``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    list of ndarray, shape (2, 1 or 3, rows, columns)
        Before and after; counts, or those near the first, the middle and the last frame. Row 0 is
        that of the lowest y.
    """
    source = source_of(table)
    only = selection(source.example)
    counted = partial(_count, views=tuple(views), frames=frames, by=by, outside=outside)
    given = constant(drift) if is_partitioned(table) else drift
    found: list[Counts] = source.result(
        source.reduce(counted, _added, given, only=only), progress=progress
    )
    return found


def _count(
    part: pd.DataFrame,
    drift: Drift,
    *,
    views: Sequence[View],
    frames: tuple[int, int],
    by: str | None,
    outside: str | None,
) -> list[Counts]:
    images = [
        np.zeros((2, 3 if view.by_time else 1, *view.region.shape), np.float32) for view in views
    ]
    for localizations in read_in_blocks(part):
        case = Case(localizations, by, outside)
        before, at = localizations.positions, localizations.frames
        after = case.corrected(drift, before, at)
        time = (at - frames[0]) / max(frames[1] - frames[0], 1)
        for view, image in zip(views, images, strict=True):
            _add(image[0], view, before[:, :2], time)
            _add(image[1], view, after[:, :2] + view.constant, time)
    return images


def _add(image: Counts, view: View, positions: FloatArray, time: FloatArray) -> None:
    """Add localizations to an image, in place; those without position lie in no region."""
    region = view.region
    inside = region.contains(positions)
    column, row = ((positions[inside] - region.corner) / region.pixel).astype(np.int64).T
    rows, columns = region.shape
    pixel = np.minimum(row, rows - 1) * columns + np.minimum(column, columns - 1)
    weights: list[FloatArray | None] = [None]
    if view.by_time:
        when = 2 * np.clip(time[inside], 0, 1) - 1
        weights = [np.maximum(-when, 0), 1 - np.abs(when), np.maximum(when, 0)]
    for layer, weight in zip(image, weights, strict=True):
        layer += np.bincount(pixel, weight, rows * columns).reshape(rows, columns)


def _added(parts: Sequence[list[Counts]]) -> list[Counts]:
    total = [image.copy() for image in parts[0]]
    for part in parts[1:]:
        for image, more in zip(total, part, strict=True):
            image += more
    return total


def smoothed(view: View, counts: Counts) -> Counts:
    """Return the images of a view, smoothed."""
    from scipy.ndimage import gaussian_filter

    sigma = view.region.smoothing
    smooth: Counts = gaussian_filter(counts, (0, 0, sigma, sigma), mode="constant", truncate=3)
    return smooth


def pictures(smooth: Counts) -> list[bytes]:
    """Return PNG files, before and after, on one scale of brightness."""
    from matplotlib import colormaps

    totals = smooth.sum(axis=1)
    palette = to_bytes(colormaps["inferno"](np.arange(256))[:, :3])
    return [png(to_bytes(_brightness(total, totals))[::-1], palette) for total in totals]


def pictures_by_time(smooth: Counts, mean: FloatArray) -> list[bytes]:
    """Return PNG files, before and after, in which colour is time.

    Parameters
    ----------
    smooth : ndarray, shape (2, 3, rows, columns)
    mean : ndarray, shape (3,)
        Parts of all localizations that are near the first, the middle and the last frame. Where
        they are mixed in these parts, the colour is white.
    """
    totals = smooth.sum(axis=1)
    colors = time_colors(mean).astype(np.float32)
    found = []
    for layers, total in zip(smooth, totals, strict=True):
        color = np.moveaxis(layers, 0, -1) @ colors
        full = color.max(axis=-1, keepdims=True)
        np.divide(color, full, out=color, where=full > 0)
        shown: Bytes = to_bytes(color * _brightness(total, totals, _GAMMA_OF_COLOR)[..., None])
        found.append(png(shown[::-1]))
    return found


def time_colors(mean: FloatArray) -> FloatArray:
    """Return the colours of the first, the middle and the last frame, shape (3, 3)."""
    white = mean @ TIME_COLORS
    return np.asarray(TIME_COLORS / np.where(white > 0, white, 1.0))


def _brightness(total: Counts, totals: Counts, gamma: float = _GAMMA) -> npt.NDArray[Any]:
    """Return brightness on the scale of both images: most of what they hold is below 1."""
    values = np.sort(totals[totals > 0])
    if not len(values):
        return total
    share = np.cumsum(values, dtype=np.float64)
    top = values[min(int(np.searchsorted(share, _BRIGHT * share[-1])), len(values) - 1)]
    return np.asarray(np.clip(total / top, 0, 1) ** gamma)
