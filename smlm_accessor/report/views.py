"""From a table and a drift to the images of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.models import Drift
from smlm_accessor.report.extent import BeforeAndAfter, Extent, field
from smlm_accessor.report.images import (
    View,
    count,
    pictures,
    pictures_by_time,
    smoothed,
    time_colors,
)
from smlm_accessor.report.regions import Region, whole_field, zoomed

_PIXELS = 800, (600, 480)  # of the whole field, and of each part of it
_MOST = 0.05, 0.95  # quantiles


@dataclass(frozen=True)
class Pair:
    """A place before and after: PNG files, and the same with colour for time, if made."""

    region: Region
    images: list[bytes]
    by_time: list[bytes]


@dataclass(frozen=True)
class Pairs:
    """The whole field and its parts, and the colours of the first, the middle and the last frame.

    ``colors`` has shape (3, 3), from 0 to 1.
    """

    pairs: list[Pair]
    colors: FloatArray


def make_pairs(
    table: Any,
    drift: Drift,
    extent: Extent,
    sample: BeforeAndAfter,
    precision: float | None,
    *,
    whole: bool,
    by: str | None,
    outside: str | None,
    progress: bool,
) -> Pairs:
    """Return images of three places, chosen from the sample and counted from the whole table."""
    moved = sample.before[:, :2] - sample.after[:, :2]
    constant = np.median(moved, axis=0) if len(moved) else np.zeros(2)
    entire = whole_field(*field(extent, sample, whole=whole), precision, _PIXELS[0])
    at = sample.after[:, :2] + constant
    spread = np.ptp(np.quantile(moved, _MOST, axis=0), axis=0) if len(moved) else np.zeros(2)
    regions = [entire, *zoomed(entire, at, precision, float(spread.max()), _PIXELS[1])]
    views = []
    for i, region in enumerate(regions):
        # Where a drift turns or stretches, the constant is another one in each place.
        here = moved[region.contains(at)]
        own = np.median(here, axis=0) if i and len(here) else constant
        views.append(View(region, own, by_time=i > 0))
    counts = count(table, drift, views, extent.frames, by=by, outside=outside, progress=progress)
    mean = _time_shares(sample, extent)
    pairs = []
    for view, counted in zip(views, counts, strict=True):
        smooth = smoothed(view, counted)
        by_time = pictures_by_time(smooth, mean) if view.by_time else []
        pairs.append(Pair(view.region, pictures(smooth), by_time))
    return Pairs(pairs, time_colors(mean))


def _time_shares(sample: BeforeAndAfter, extent: Extent) -> FloatArray:
    """Return which parts of the localizations are near the first, the middle and the last frame."""
    if not len(sample.frames):
        return np.full(3, 1 / 3)
    first, last = extent.frames
    when = 2 * (sample.frames - first) / max(last - first, 1) - 1
    late, early = float(np.maximum(when, 0).mean()), float(np.maximum(-when, 0).mean())
    return np.array([early, 1 - early - late, late])
