"""Which part of the field shows most: the square that holds most of what is sharp."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.images.bins import BinGrid, BinRange, bins_from

# Of the page, where the precision is that of localizations, one standard deviation.
_ACROSS = 50.0  # precisions across the smallest region: single molecules can be told apart
_MOST_ACROSS = 150.0  # or more, up to this, so that it shows what the drift had spread
_ROOM = 1.4  # times the spread by the drift
_TOLD = 8.0  # steps of coordinates in a pixel of the whole field
_TENTH = 0.1  # of the field, across the middle region
_APART = 2.5  # times as large as the next smaller region, at least: each shows something new
_MOST_ELONGATED = 2.0  # the whole field is shown in a frame of no more than this
_MARGIN = 0.02  # of the whole field, around it
_NOT_KNOWN = 1e-3  # of the field: the precision, if nothing tells it
_SMOOTHEST = 0.02  # of a region: the standard deviation of the smoothing
_LEAST_SMOOTHING = 1.2  # pixels: a localization is a spot, not a pixel
# Of cells, by which sharp structure is found.
_CELL = 2.0  # precisions: most localizations of a molecule lie in one or two such cells
_FINEST = 2.0**-30  # of the field: an index of a cell fits in half an integer
_AROUND = 8  # cells across the block to which a cell is compared
_DENSER = 3.0  # times the mean of that block, and ...
_FEWEST = 3  # localizations: so many in a cell are sharp structure
_STEPS, _STEPS_OF_BINS = 2, 8  # to a side, in which a square is moved to find the best one
_USUAL = 0.9  # quantile: a cell with more counts as one with so many, or a bead would win


class Region(NamedTuple):
    """A rectangle of the field, and how it is shown.

    ``smoothing`` is the standard deviation, in pixels, of the Gaussian that images are smoothed by.
    """

    grid: BinGrid
    smoothing: float


def whole_field(
    lower: FloatArray, upper: FloatArray, precision: float | None, pixels: int
) -> Region:
    """Return the region that shows the field between two corners, in a frame not too elongated.

    However small the field, it is as large as the smallest region, and pixels are no smaller than
    what coordinates far from the origin tell.
    """
    extent = upper - lower
    told = float(np.finfo(float).eps * np.abs([lower, upper]).max())
    longest = max(float(extent.max()), _ACROSS * (precision or 0.0), _TOLD * told * pixels) or 1.0
    size = np.maximum(extent, longest / _MOST_ELONGATED) * (1 + 2 * _MARGIN)
    grid = bins_from((lower + upper - size) / 2, size, float(size.max()) / pixels)
    return Region(grid, _LEAST_SMOOTHING)


def zoomed(
    field: BinGrid,
    positions: FloatArray,
    precision: float | None,
    spread: float,
    pixels: tuple[int, int],
) -> list[Region]:
    """Return the two regions that are shown larger, the second within the first.

    They are the squares of so many ``pixels`` that hold most localizations, at corrected positions,
    in sharp structure. The drift had spread most of those that lie on each other now by ``spread``.
    """
    longest = float(field.size.max())
    sigma = precision or _NOT_KNOWN * longest
    positions = positions[field.find(positions)[0]]
    if not len(positions):
        return []
    smallest = max(_ACROSS, min(_ROOM * spread / sigma, _MOST_ACROSS)) * sigma
    smallest = min(smallest, longest / _APART**2)
    middle = _TENTH * longest
    if middle < _APART * smallest:
        middle = float(np.sqrt(longest * smallest))
    centres, weights = _sharp_cells(positions, _CELL * sigma)
    found: list[Region] = []
    lower, size = field.corner, field.size
    for side, n in zip((middle, smallest), pixels, strict=True):
        lower = _best_square(centres, weights, lower, size, side)
        size = np.full(2, side)
        smoothing = min(max(0.5 * sigma * n / side, _LEAST_SMOOTHING), _SMOOTHEST * n)
        found.append(Region(bins_from(lower, size, side / n), smoothing))
    return found


def richest_region(
    counts: npt.ArrayLike, *, corner: tuple[float, float], bin_size: float, side: float
) -> BinRange:
    """Return the square of a coarse image with the strongest contrast between neighbouring bins.

    The contrast is ``(difference of log(1 + count)) ** 2``, summed: many clusters or filaments have
    more of it than a single bright bead, or than an even ground. The square of edge ``side`` is
    smaller where the field is.

    Examples
    --------
    >>> counts = np.zeros((6, 9))
    >>> counts[1, 7] = counts[3, 6] = 5
    >>> richest_region(counts, corner=(0.0, 100.0), bin_size=10.0, side=40.0)
    ((50.0, 90.0), (110.0, 150.0))
    """
    seen = np.log1p(np.asarray(counts, dtype=np.float64))
    contrast = np.zeros(seen.shape)
    contrast[:, 1:] += np.diff(seen, axis=1) ** 2
    contrast[1:] += np.diff(seen, axis=0) ** 2
    row, column = np.nonzero(contrast)
    # In bins, and at whole ones.
    size, bins = np.array(seen.shape[::-1]), max(1, round(side / bin_size))
    centres = np.column_stack([column, row]).astype(np.float64) + 0.5
    weights: FloatArray = contrast[row, column]
    best = _best_square(centres, weights, np.zeros(2), size, bins, steps=_STEPS_OF_BINS).round()
    ends = np.clip([best, best + bins], 0, size) * bin_size + corner
    (x0, y0), (x1, y1) = ends.tolist()
    return (x0, x1), (y0, y1)


def _sharp_cells(positions: FloatArray, cell: float) -> tuple[FloatArray, FloatArray]:
    """Return the centres of cells that hold more than there is around them, and their counts."""
    lower = positions.min(axis=0)
    cell = max(cell, _FINEST * float(np.ptp(positions, axis=0).max()))
    at = np.floor((positions - lower) / cell).astype(np.int64)
    key, counts = np.unique(_key(at), return_counts=True)
    cells = np.stack(np.divmod(key, 1 << 31), axis=1)
    _, block = np.unique(_key(cells // _AROUND), return_inverse=True)
    around = np.bincount(block, counts)[block] / _AROUND**2
    sharp = counts >= np.maximum(_FEWEST, _DENSER * around)
    if not sharp.any():
        sharp[:] = True
    weights = np.minimum(counts[sharp], np.quantile(counts[sharp], _USUAL))
    return lower + (cells[sharp] + 0.5) * cell, weights.astype(np.float64)


def _key(at: IntArray) -> IntArray:
    return np.asarray(at @ np.array([1 << 31, 1]))


def _best_square(
    centres: FloatArray,
    weights: FloatArray,
    lower: FloatArray,
    size: FloatArray,
    side: float,
    *,
    steps: int = _STEPS,
) -> FloatArray:
    """Return the lower corner of the square of that side, within a rectangle, that holds most.

    It is searched at so many steps along a side, and then centred on what it holds.
    """
    inside = ((centres >= lower) & (centres < lower + size)).all(axis=1)
    centres, weights = centres[inside], weights[inside]
    if not len(weights):
        return lower + (size - side) / 2
    # Sums over parts of a square come first; of these, steps**2 make a square.
    step = side / steps
    at = np.floor((centres - lower) / step).astype(np.int64) + steps - 1
    part, number = np.unique(_key(at), return_inverse=True)
    held = np.tile(np.bincount(number, weights), steps**2)
    back = _key(np.argwhere(np.ones((steps, steps))))
    key, square = np.unique((part - back[:, None]).ravel(), return_inverse=True)
    most = key[np.bincount(square, held).argmax()]
    best = lower + step * (np.array(np.divmod(most, 1 << 31)) - (steps - 1))

    def weights_in(corner: FloatArray) -> FloatArray:
        chosen = ((centres >= corner) & (centres < corner + side)).all(axis=1)
        return np.where(chosen, weights, 0.0)

    def within(corner: FloatArray) -> FloatArray:
        # Where the rectangle is narrower than the square, the square is about its middle.
        last = lower + size - side
        return np.where(last < lower, (lower + last) / 2, np.clip(corner, lower, last))

    # What is shown should be in the middle, unless less of it is then shown.
    shown, best = weights_in(best), within(best)
    if not shown.any():  # what rounding does where the field is far from zero
        return best
    centred = within(np.average(centres, axis=0, weights=shown) - side / 2)
    return centred if weights_in(centred).sum() >= weights_in(best).sum() else best
