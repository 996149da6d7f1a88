"""Localizations counted in bins: one image or several, in one pass over the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import Selection, Source
from smlm_accessor.images.bins import BinGrid
from smlm_accessor.table.localizations import row_blocks

#: Positions, shape (n, 2), and weights, shape (n_weights, n).
Weighted = tuple[FloatArray, FloatArray]


@dataclass
class CountedImage:
    """How many localizations lie in each bin, and sums of their weights.

    Sums have shape (n_weights, rows, columns); row 0 is that of the lowest y. All positions that
    were looked at, inside and outside, are ``n_positions``.
    """

    counts: IntArray
    sums: FloatArray
    n_positions: int = 0

    def add(self, grid: BinGrid, positions: FloatArray, weights: FloatArray) -> None:
        """Count more localizations, in place; a position that is not finite lies in no bin."""
        inside, bins = grid.find(positions)
        np.add.at(self.counts.reshape(-1), bins, 1)
        for image, values in zip(self.sums, weights, strict=True):
            np.add.at(image.reshape(-1), bins, values[inside])
        self.n_positions += len(positions)

    def __add__(self, other: CountedImage) -> CountedImage:
        """Return the image of the localizations of both."""
        return CountedImage(
            self.counts + other.counts,
            self.sums + other.sums,
            self.n_positions + other.n_positions,
        )


def count_images(
    source: Source,
    grids: Sequence[BinGrid],
    weighted: Callable[..., Iterable[Weighted]],
    *given: Any,
    only: Selection | None = None,
) -> Any:
    """Return a `CountedImage` for each grid, as a step of the source.

    ``weighted(block, *given)`` gives the positions and weights of a block of rows for each grid.
    """
    counted = partial(_count, grids=grids, weighted=weighted)
    return source.reduce(counted, _added, *given, only=only)


def _count(
    part: pd.DataFrame,
    *given: Any,
    grids: Sequence[BinGrid],
    weighted: Callable[..., Iterable[Weighted]],
) -> list[CountedImage]:
    images: list[CountedImage] = []
    for block in row_blocks(part):
        for i, (grid, (xy, weights)) in enumerate(zip(grids, weighted(block, *given), strict=True)):
            if i == len(images):
                sums = np.zeros((len(weights), *grid.shape))
                images.append(CountedImage(np.zeros(grid.shape, np.int64), sums))
            images[i].add(grid, xy, weights)
    return images


def _added(parts: Sequence[list[CountedImage]]) -> list[CountedImage]:
    return [reduce(CountedImage.__add__, images) for images in zip(*parts, strict=True)]


class TableExtent(NamedTuple):
    """Rows of a table, those with known values, and the lowest and the highest of each value."""

    n_rows: int
    n_located: int
    lower: FloatArray
    upper: FloatArray


def table_extent(
    source: Source,
    values_of: Callable[[pd.DataFrame], FloatArray],
    *,
    only: Selection | None = None,
) -> Any:
    """Return the `TableExtent` of ``values_of(block)``, shape (n_located, k), as a step."""
    return source.reduce(partial(_extent, values_of), _widest, only=only)


def _extent(values_of: Callable[[pd.DataFrame], FloatArray], part: pd.DataFrame) -> TableExtent:
    found = []
    for block in row_blocks(part):
        values = values_of(block)
        lower, upper = values.min(axis=0, initial=np.inf), values.max(axis=0, initial=-np.inf)
        found.append(TableExtent(len(block), len(values), lower, upper))
    return _widest(found)


def _widest(parts: Sequence[TableExtent]) -> TableExtent:
    n_rows, n_located, lower, upper = zip(*parts, strict=True)
    return TableExtent(sum(n_rows), sum(n_located), np.min(lower, axis=0), np.max(upper, axis=0))
