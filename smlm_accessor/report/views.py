"""From a table and a drift to the images of the page: extent, sample, regions, counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.assess.case import Case
from smlm_accessor.backends import source_of
from smlm_accessor.errors import TableError
from smlm_accessor.estimation.sampling import sample_in_memory
from smlm_accessor.images.counting import TableExtent, table_extent
from smlm_accessor.images.regions import Region, whole_field, zoomed
from smlm_accessor.kernels import by_column
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
from smlm_accessor.table.columns import selection
from smlm_accessor.table.localizations import read_localizations

_PIXELS = 800, (600, 480)  # of the whole field, and of each part of it
_MOST = 3_000_000  # localizations, by which regions are chosen: 0.3 GB with all copies
_FOLLOWED = 0.05, 0.95  # quantiles of the drift of localizations: what lies outside is not followed


class ImageSample(NamedTuple):
    """Some of the localizations, before and after; shapes (n, d), (n, d) and (n,)."""

    before: FloatArray
    after: FloatArray
    frames: IntArray


def extent_of(table: Any, *, progress: bool = False) -> TableExtent:
    """Return the range of x, y and frame of the rows of a table, of pandas or dask."""
    source = source_of(table)
    only = selection(source.example)
    extent = source.result(table_extent(source, _xy_and_frame, only=only), progress=progress)
    found: TableExtent = extent
    if not found.n_located:
        raise TableError(
            f"None of the {found.n_rows} rows has coordinates."
            if found.n_rows
            else "This table has no rows."
        )
    return found


def _xy_and_frame(block: pd.DataFrame) -> FloatArray:
    localizations = read_localizations(block)
    values = np.column_stack([localizations.positions[:, :2], localizations.frames])
    return values[localizations.finite]


def corrected_sample(
    table: pd.DataFrame, drift: Drift, by: str | None, outside: str | None
) -> ImageSample:
    """Return localizations before and after, in parts of the field if there are very many."""
    if len(table) > _MOST:
        table = sample_in_memory(table, _MOST)
    localizations = read_localizations(table)
    before, frames = localizations.positions, localizations.frames
    after = Case(localizations, by, outside).corrected(drift, before, frames)
    use = by_column.all_finite(before) & by_column.all_finite(after)
    return ImageSample(before[use], after[use], frames[use])


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
    spread = np.ptp(np.quantile(moved, _FOLLOWED, axis=0), axis=0) if n else np.zeros(2)
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
