"""Bins of an image: as many as are wanted, on a grid that neighbouring images share."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.options import required_length

MAX_BINS = 200_000_000  # 1.6 GB of counts
MAX_BINS_OF_DASK = 25_000_000  # 200 MB, of which every worker holds a few
BINS_ACROSS = 1024  # at most, if no bin_size is given

Ranges = list[tuple[float, float]]
BinRange = tuple[tuple[float, float], tuple[float, float]]


class BinGrid(NamedTuple):
    """Square bins, and their edges along x and y."""

    bin_size: float
    edges_x: FloatArray
    edges_y: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Number of bins along y and x."""
        return len(self.edges_y) - 1, len(self.edges_x) - 1

    @property
    def corner(self) -> FloatArray:
        """Lowest x and y."""
        return np.array([self.edges_x[0], self.edges_y[0]])

    @property
    def size(self) -> FloatArray:
        """Extent along x and y."""
        return self.bin_size * np.array(self.shape[::-1])

    def find(self, positions: FloatArray) -> tuple[BoolArray, IntArray]:
        """Return which positions lie in the grid, and for these the number of their bin.

        Bin ``row * n_columns + column`` holds ``edges[i] <= value < edges[i + 1]`` along both axes.
        """
        x, y = positions[:, 0], positions[:, 1]
        inside = np.asarray((x >= self.edges_x[0]) & (x < self.edges_x[-1]))
        inside &= (y >= self.edges_y[0]) & (y < self.edges_y[-1])
        column = _bin_of(x[inside], self.edges_x, self.bin_size)
        row = _bin_of(y[inside], self.edges_y, self.bin_size)
        return inside, row * self.shape[1] + column


def bins_from(corner: FloatArray, size: FloatArray, bin_size: float) -> BinGrid:
    """Return bins from a corner on, as many as cover a size along x and y."""
    axes = zip(corner.tolist(), (corner + size).tolist(), strict=True)
    return BinGrid(bin_size, *(_edges(low, high, bin_size, aligned=False) for low, high in axes))


def nice_length(length: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below a length."""
    power = math.floor(math.log10(length))
    ladder = [float(f"{digit}e{power + up}") for up in (0, 1) for digit in (1, 2, 5)]
    return next(step for step in ladder if step >= length * (1 - 1e-12))


def make_bins(
    ranges: Ranges | None,
    bin_size: float | None,
    bin_range: BinRange | None,
    most: int = MAX_BINS,
) -> BinGrid:
    """Return the bins of a range, or of a given one."""
    if bin_range is not None:
        ranges = _checked_range(bin_range)
    elif ranges is None:
        raise TableError(
            "There is no localization with finite values; give bin_range=((x0, x1), (y0, y1)) for "
            "an empty image"
        )
    extents = [high - low for low, high in ranges]
    if bin_size is None:
        size = nice_length(max(extents) / BINS_ACROSS) if max(extents) > 0 else 1.0
    else:
        size = required_length("bin_size", bin_size)
    fits = size
    while math.prod(extent / fits + 1 for extent in extents) > most:
        fits = nice_length(2 * fits)
    if fits > size:
        raise OptionError(
            f"bin_size={bin_size!r} gives more than {most:.0e} bins; take bin_size={fits:g}, "
            "or show less with bin_range"
        )
    edges = [_edges(low, high, size, aligned=bin_range is None) for low, high in ranges]
    return BinGrid(size, edges[0], edges[1])


def _checked_range(bin_range: BinRange) -> Ranges:
    values = np.array(bin_range, dtype=np.float64) if np.shape(bin_range) == (2, 2) else None
    if values is None or not np.isfinite(values).all() or (values[:, 0] >= values[:, 1]).any():
        raise OptionError(
            f"bin_range={bin_range!r} must be ((x0, x1), (y0, y1)) with x0 < x1 and y0 < y1"
        )
    return [(low, high) for low, high in values.tolist()]


def _edges(low: float, high: float, size: float, *, aligned: bool) -> FloatArray:
    """Return edges from low to high, or at multiples of the size around all from low to high."""
    if not aligned:
        n_bins = max(1, math.ceil((high - low) / size * (1 - 1e-12)))
        return np.asarray(low + size * np.arange(n_bins + 1.0))
    start = size * math.floor(low / size)
    start -= size * (start > low)  # rounding may cost a bin at either end
    n_bins = math.floor((high - start) / size) + 1
    edges = np.asarray(start + size * np.arange(n_bins + 2.0))
    return edges if edges[-2] <= high else edges[:-1]


def _bin_of(values: FloatArray, edges: FloatArray, size: float) -> IntArray:
    index: IntArray = np.clip((values - edges[0]) / size, 0, len(edges) - 2).astype(np.int64)
    index -= values < edges[index]  # division rounds; what the edges say counts
    index += values >= edges[index + 1]
    return index
