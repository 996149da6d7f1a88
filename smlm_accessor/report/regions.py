"""Which places of the field are shown: all of it, a tenth, and the sharpest structure in that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray

_ACROSS = 50.0  # precisions across the smallest region
_MOST_ACROSS = 150.0  # or more, up to this, so that it shows what was drawn out before
_ROOM = 1.4  # times as large as that
_TENTH = 0.1  # of the field, across the middle one
_APART = 2.5  # times as large as the next smaller region, at least
_MOST_ELONGATED = 2.0  # the whole field is shown in a frame of no more than this
_CELL = 2.0  # precisions: within such a cell is a sharp structure
_BLOCK = 8  # cells: what is around it
_DENSER = 3.0  # times as many as around it is sharp
_FEWEST = 3  # localizations in a cell
_USUAL = 0.9  # quantile; a cell with more counts as one with so many: else a bead wins
_NOT_KNOWN = 1e-3  # of the field: the precision, if nothing tells it
_MARGIN = 0.02
_SMOOTHEST = 0.02  # of the pixels across
_FINEST = 2.0**-30  # of the field: a cell


@dataclass(frozen=True)
class Region:
    """A rectangle of the field, and how finely it is drawn.

    Parameters
    ----------
    corner, size : ndarray, shape (2,)
        Along x and y.
    pixel : float
        Side of a pixel.
    smoothing : float
        Standard deviation of the Gaussian that images are smoothed with, in pixels.
    """

    corner: FloatArray
    size: FloatArray
    pixel: float
    smoothing: float

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along y and x."""
        columns, rows = np.ceil(self.size / self.pixel - 1e-9).astype(int)
        return int(rows), int(columns)

    def contains(self, positions: FloatArray) -> FloatArray:
        """Return which positions lie in it, shape (n,)."""
        since = positions[:, :2] - self.corner
        return np.asarray(((since >= 0) & (since < self.size)).all(axis=1))


def whole_field(
    lower: FloatArray, upper: FloatArray, precision: float | None, pixels: int
) -> Region:
    """Return the region that shows the field between two corners, in a frame not too elongated.

    However small the field, it is as large as the smallest region.
    """
    extent = upper - lower
    longest = max(float(extent.max()), _ACROSS * (precision or 0.0)) or 1.0
    size = np.maximum(extent, longest / _MOST_ELONGATED) * (1 + 2 * _MARGIN)
    return Region((lower + upper - size) / 2, size, float(size.max()) / pixels, 1.2)


def zoomed(
    field: Region,
    positions: FloatArray,
    precision: float | None,
    drawn_out: float,
    pixels: tuple[int, int],
) -> list[Region]:
    """Return the two regions that are shown larger, the second within the first.

    They lie where there are most localizations in sharp structure.

    Parameters
    ----------
    field : Region
    positions : ndarray, shape (n, 2)
        Corrected.
    precision : float or None
    drawn_out : float
        By how much most of the localizations lie apart, before, that lie on each other after.
    pixels : tuple of int
        Across each region.
    """
    longest = float(field.size.max())
    sigma = precision or _NOT_KNOWN * longest
    positions = positions[field.contains(positions)]
    if not len(positions):
        return []
    smallest = max(_ACROSS, min(_ROOM * drawn_out / sigma, _MOST_ACROSS)) * sigma
    smallest = min(smallest, longest / _APART**2)
    middle = _TENTH * longest
    if middle < _APART * smallest:
        middle = float(np.sqrt(longest * smallest))
    centres, worth = _sharp_cells(positions, _CELL * sigma)
    found: list[Region] = []
    lower, size = field.corner, field.size
    for side, n in zip((middle, smallest), pixels, strict=True):
        corner = _best_window(centres, worth, lower, size, side)
        pixel = side / n
        smoothing = min(max(0.5 * sigma / pixel, 1.2), _SMOOTHEST * n)
        found.append(Region(corner, np.full(2, side), pixel, smoothing))
        lower, size = corner, np.full(2, side)
    return found


def _sharp_cells(positions: FloatArray, cell: float) -> tuple[FloatArray, FloatArray]:
    """Return the centres of cells that hold more than there is around them, and their worth."""
    lower = positions.min(axis=0)
    cell = max(cell, _FINEST * float(np.ptp(positions, axis=0).max()))
    at = np.floor((positions - lower) / cell).astype(np.int64)
    key, counts = np.unique(_key(at), return_counts=True)
    cells = np.stack(np.divmod(key, 1 << 31), axis=1)
    _, block = np.unique(_key(cells // _BLOCK), return_inverse=True)
    around = np.bincount(block, counts)[block] / _BLOCK**2
    sharp = counts >= np.maximum(_FEWEST, _DENSER * around)
    if not sharp.any():
        sharp[:] = True
    worth = np.minimum(counts[sharp], np.quantile(counts[sharp], _USUAL))
    return lower + (cells[sharp] + 0.5) * cell, worth.astype(np.float64)


def _key(at: IntArray) -> IntArray:
    return np.asarray(at @ np.array([1 << 31, 1]))


def _best_window(
    centres: FloatArray, worth: FloatArray, lower: FloatArray, size: FloatArray, side: float
) -> FloatArray:
    """Return the lower corner of the square of that side, within a rectangle, that holds most."""
    inside = ((centres >= lower) & (centres < lower + size)).all(axis=1)
    centres, worth = centres[inside], worth[inside]
    if not len(worth):
        return lower + (size - side) / 2
    half = side / 2
    # Windows at every half of a side: each cell lies in four of them.
    at = np.floor((centres - lower) / half).astype(np.int64) + 1
    key, window = np.unique(
        np.concatenate([_key(at - step) for step in ((0, 0), (0, 1), (1, 0), (1, 1))]),
        return_inverse=True,
    )
    most = key[np.bincount(window, np.tile(worth, 4)).argmax()]
    best = lower + half * (np.array(np.divmod(most, 1 << 31)) - 1)

    def held(corner: FloatArray) -> FloatArray:
        chosen = ((centres >= corner) & (centres < corner + side)).all(axis=1)
        return np.where(chosen, worth, 0.0)

    def within(corner: FloatArray) -> FloatArray:
        # Where the rectangle is narrower than the square, the square is about its middle.
        last = lower + size - side
        return np.where(last < lower, (lower + last) / 2, np.clip(corner, lower, last))

    # What is shown should be in the middle, unless less of it is then shown.
    weights, best = held(best), within(best)
    if not weights.any():  # what rounding does where the field is far from zero
        return best
    centred = within(np.average(centres, axis=0, weights=weights) - half)
    return centred if held(centred).sum() >= held(best).sum() else best
