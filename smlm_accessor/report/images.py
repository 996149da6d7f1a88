"""Images of regions before and after a correction: counted in one pass, and made PNG files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.assess.case import Case
from smlm_accessor.backends import constant, is_partitioned, source_of
from smlm_accessor.images.counting import Weighted, count_images
from smlm_accessor.images.regions import Region
from smlm_accessor.models import Drift
from smlm_accessor.table.columns import selection
from smlm_accessor.table.localizations import read_localizations

Counts = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_BRIGHT = 0.9  # of what is in both images is not brighter than the brightest colour
_GAMMA, _GAMMA_OF_COLOR = 0.6, 0.45  # below 1: what is dark can be seen
#: Colours of the first, the middle and the last frame. Their sum is white.
TIME_COLORS = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


class View(NamedTuple):
    """A region, and how the corrected localizations are moved to lie where they lay before.

    The ``constant``, which no method knows, is added to corrected positions. Localizations may be
    counted by their time, too.
    """

    region: Region
    constant: FloatArray
    by_time: bool


def count_views(
    table: Any,
    drift: Drift,
    views: Sequence[View],
    frames: tuple[int, int],
    *,
    by: str | None,
    outside: str | None,
    progress: bool = False,
) -> list[Counts]:
    """Count the localizations in each pixel of each view, of a table of pandas or dask.

    Counts, (2, 1 or 3, rows, columns), are those before and after; or, by time, those near the
    first, the middle and the last of the frames. Row 0 is that of the lowest y.
    """
    source = source_of(table)
    only = selection(source.example)
    weighted = partial(_weighted, views=tuple(views), frames=frames, by=by, outside=outside)
    grids = [view.region.grid for view in views for _ in ("before", "after")]
    given = constant(drift) if is_partitioned(table) else drift
    steps = count_images(source, grids, weighted, given, only=only)
    counted = iter(source.result(steps, progress=progress))
    found = []
    for view in views:
        pair = [next(counted), next(counted)]
        counts = np.stack([image.counts for image in pair])[:, None]
        if view.by_time:
            early, late = np.stack([image.sums for image in pair], axis=1)[:, :, None]
            counts = np.concatenate([early, counts - early - late, late], axis=1)
        found.append(counts.astype(np.float32))
    return found


def _weighted(
    block: pd.DataFrame,
    drift: Drift,
    *,
    views: Sequence[View],
    frames: tuple[int, int],
    by: str | None,
    outside: str | None,
) -> Iterator[Weighted]:
    """Yield positions before and after for each view, and how early and late they are."""
    localizations = read_localizations(block)
    before, at = localizations.positions, localizations.frames
    after = Case(localizations, by, outside).corrected(drift, before, at)
    shares = time_shares(at, frames)
    for view in views:
        weights = shares if view.by_time else shares[:0]
        yield before[:, :2], weights
        yield after[:, :2] + view.constant, weights


def time_shares(frames: IntArray, ends: tuple[int, int]) -> FloatArray:
    """Return how near frames are to the first and to the last one, shape (2, n); 0 from the middle.

    Of a frame, the rest up to 1 is how near it is to the middle one.
    """
    when = 2 * np.clip((frames - ends[0]) / max(ends[1] - ends[0], 1), 0, 1) - 1
    return np.maximum([-when, when], 0)


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
    palette = _to_bytes(colormaps["inferno"](np.arange(256))[:, :3])
    return [_png(_to_bytes(_brightness(total, totals)), palette) for total in totals]


def pictures_by_time(smooth: Counts, mean: FloatArray) -> list[bytes]:
    """Return PNG files, before and after, in which colour is time.

    ``mean`` are the parts of all localizations that are near the first, the middle and the last
    frame. Where they are mixed in these parts, the colour is white.
    """
    totals = smooth.sum(axis=1)
    colors = time_colors(mean).astype(np.float32)
    found = []
    for layers, total in zip(smooth, totals, strict=True):
        color = np.moveaxis(layers, 0, -1) @ colors
        full = color.max(axis=-1, keepdims=True)
        np.divide(color, full, out=color, where=full > 0)
        brightness = _brightness(total, totals, _GAMMA_OF_COLOR)
        found.append(_png(_to_bytes(color * brightness[..., None])))
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


def _to_bytes(rescaled: npt.NDArray[Any]) -> Bytes:
    """Return brightness from 0 to 1 as whole numbers from 0 to 255."""
    return np.asarray(np.clip(rescaled, 0, 1) * 255 + 0.5).astype(np.uint8)


def _png(image: Bytes, palette: Bytes | None = None) -> bytes:
    """Return a PNG file, the first row at the bottom: of numbers in a palette, or of colours."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image[::-1]))
    if palette is not None:
        picture.putpalette(palette.tobytes())
    file = BytesIO()
    picture.save(file, "PNG", compress_level=5)  # 9: 1 % smaller, and twice as slow
    return file.getvalue()
