"""From a table and a drift to the images of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.images.counting import TableExtent
from smlm_accessor.images.regions import Region, whole_field, zoomed
from smlm_accessor.kernels.images.grid import field_of
from smlm_accessor.models import Drift
from smlm_accessor.report.images import (
    View,
    count_views,
    pictures,
    pictures_by_time,
    smoothed,
    time_colors,
    time_shares,
)
from smlm_accessor.report.sample import ImageSample

_PIXELS = 800, (600, 480)  # of the whole field, and of each part of it
_MOST = 0.05, 0.95  # quantiles of the drift of localizations: what lies outside is not followed


@dataclass(frozen=True)
class ImagePair:
    """A region before and after: PNG files, and the same with colour for time, if made."""

    region: Region
    images: list[bytes]
    by_time: list[bytes]


@dataclass(frozen=True)
class ImagePairs:
    """The whole field and its parts, the first and the last frame, and the colours of time.

    ``colors``, shape (3, 3), are those of the first, the middle and the last frame, from 0 to 1.
    """

    pairs: list[ImagePair]
    frames: tuple[int, int]
    colors: FloatArray


def make_pairs(
    table: Any,
    drift: Drift,
    extent: TableExtent,
    sample: ImageSample,
    precision: float | None,
    *,
    whole: bool,
    by: str | None,
    outside: str | None,
    progress: bool,
) -> ImagePairs:
    """Return images of three regions, chosen by the sample and counted from the whole table.

    If the sample is of the whole field, a few outliers far away do not belong to the field.
    """
    n = len(sample.frames)
    frames = int(extent.lower[2]), int(extent.upper[2])
    moved = sample.before[:, :2] - sample.after[:, :2]
    constant = np.median(moved, axis=0) if n else np.zeros(2)
    spread = np.ptp(np.quantile(moved, _MOST, axis=0), axis=0) if n else np.zeros(2)
    ends = (extent.lower[:2], extent.upper[:2])
    field = whole_field(
        *(field_of(sample.before[:, :2]) if whole and n else ends), precision, _PIXELS[0]
    )
    at = sample.after[:, :2] + constant
    parts = zoomed(field.grid, at, precision, float(spread.max()), _PIXELS[1])
    views = [View(field, constant, by_time=False)]
    for region in parts:
        # Where a drift turns or stretches, the constant is another one in each region.
        here = moved[region.grid.find(at)[0]]
        views.append(View(region, np.median(here, axis=0) if len(here) else constant, by_time=True))
    counts = count_views(table, drift, views, frames, by=by, outside=outside, progress=progress)
    early, late = time_shares(sample.frames, frames).mean(axis=1) if n else (1 / 3, 1 / 3)
    mean = np.array([early, 1 - early - late, late])
    pairs = []
    for view, counted in zip(views, counts, strict=True):
        smooth = smoothed(view, counted)
        by_time = pictures_by_time(smooth, mean) if view.by_time else []
        pairs.append(ImagePair(view.region, pictures(smooth), by_time))
    return ImagePairs(pairs, frames, time_colors(mean))
