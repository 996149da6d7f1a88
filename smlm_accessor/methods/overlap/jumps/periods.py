"""Whether a part of the movie lies a period of the structure off the rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.images.images import Image, image_of, transform_of
from smlm_accessor.kernels.sorting import sorted_rows

_SIDE = 512  # precisions: of the part of the field that is looked at, the fullest one
_MOST = 60_000  # events of it
_CUTS = 32
_NEAREST = 4  # precisions: a shorter period is no period of a structure that is resolved
_AS_HIGH = (
    0.5  # as the correlation without a shift; what repeats less is told apart by the estimate
)
_PERIODS = 8  # of the highest correlation
_CLEAR = 4.5  # standard deviations: by chance in one of 1000 tables, of some 250 cuts and periods
_FLOOR = 0.5  # events: of less, chance has the say
_PLACE = 2 * _NEAREST  # precisions: most emitters are in one place as a whole


class Slip(NamedTuple):
    """From ``frame`` (index) on, ``shift`` is missing in the drift, in precisions, shape (2,)."""

    frame: int
    shift: FloatArray


def find_slip(positions: FloatArray, frame: IntArray, *, lasting: bool = True) -> Slip | None:
    """Return the cut of the movie whose parts fit best if one is moved by a period.

    Where the structure is the same a period away, windows that lie there fit nearly as well: only
    the ends of a lattice tell. The periods are the maxima of the correlation of one half of the
    events with the other. For each cut and period, the events ``i`` of the shorter part are
    compared with the map ``m`` of the longer one: ``sum_i log(m(x_i + shift) / m(x_i))``, over the
    root of the sum of the squared terms. The frame of the best cut is that of the largest sum.
    Where molecules do not last, those of the shorter part may be others than those of the longer
    one. Then the terms of a place are one observation, and any period fits better than none where
    others were seen beside: the opposite one has to fit worse, too.

    Parameters
    ----------
    positions : ndarray, shape (n, 2 or more)
        Of events without drift, in precisions.
    frame : ndarray, shape (n,)
        Index of the frame.
    lasting : bool
        Whether molecules are seen throughout the movie.

    Returns
    -------
    Slip or None
        None if nothing fits clearly better.
    """
    where, frame = _fullest_part(positions[:, :2], frame)
    periods = _periods(where)
    if not len(periods):
        return None
    order, _ = sorted_rows(frame)
    where, frame = where[order], frame[order].astype(np.int64)
    best, found, n, size = _CLEAR, None, len(frame), _size(where)
    cuts = np.linspace(0, n, _CUTS + 1).astype(np.int64)
    for k in range(1, _CUTS):
        parts = [slice(0, cuts[k]), slice(cuts[k], n)]
        longer, shorter = sorted(parts, key=lambda part: part.start - part.stop)
        log_map = _log_map(where[longer], size)
        as_it_is = _at(log_map, where[shorter])
        place = _pixels(where[shorter] / _PLACE, size)
        for period in periods:
            moved = _at(log_map, where[shorter] + period)
            terms = [moved - as_it_is]
            if not lasting:
                terms.append(moved - _at(log_map, where[shorter] - period))
                terms = [np.bincount(place, one).astype(np.float64) for one in terms]
            z = min(_over_chance(one) for one in terms)
            if z > best:
                best, found = z, (k, shorter.start == 0, period)
    if found is None:
        return None
    k, is_first, period = found
    about = slice(cuts[k - 1], cuts[k + 1])
    longer = slice(about.stop, n) if is_first else slice(0, about.start)
    log_map = _log_map(where[longer], size)
    gains = _at(log_map, where[about] + period) - _at(log_map, where[about])
    before = np.append(0.0, np.cumsum(gains))
    # The events of the shorter part gain, those of the longer part lose.
    cut = int(np.argmax(before if is_first else before[-1] - before)) + int(about.start)
    return Slip(int(frame[min(cut, n - 1)]), period if is_first else -period)


def _over_chance(terms: FloatArray) -> float:
    """Return a sum of terms of either sign in standard deviations."""
    return float(terms.sum() / np.sqrt(max(float(terms @ terms), 1e-300)))


def _log_map(where: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return the logarithm of how many events lie about each pixel."""
    return np.asarray(np.log(_image(where, size) + _FLOOR))


def _fullest_part(where: FloatArray, frame: IntArray) -> tuple[FloatArray, IntArray]:
    """Return events of the fullest square of the field, relative to its corner; not too many."""
    low = by_column.lowest(where)
    square = np.floor((where - low) / _SIDE).astype(np.int64)
    number = square[:, 0] * (int(square[:, 1].max()) + 1) + square[:, 1]
    rows = np.flatnonzero(number == np.bincount(number).argmax())
    rows = rows[:: len(rows) // _MOST + 1]
    return where[rows] - low - square[rows] * _SIDE, frame[rows]


def _size(where: FloatArray) -> tuple[int, int]:
    """Return how many pixels of a precision hold all events."""
    width, height = np.floor(by_column.highest(where)).astype(np.int64) + 1
    return int(width), int(height)


def _pixels(where: FloatArray, size: tuple[int, int]) -> IntArray:
    """Return the number of the pixel that each position is in."""
    pixel = where.astype(np.int64)
    return np.asarray(pixel[:, 0] * size[1] + pixel[:, 1])


def _image(where: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return how many events lie about each pixel."""
    counts = np.bincount(_pixels(where, size), minlength=size[0] * size[1])
    image = ndimage.gaussian_filter(counts.reshape(size).astype(np.float64), 1.0)
    return np.asarray(image)


def _at(image: FloatArray, where: FloatArray) -> FloatArray:
    """Return the values of an image between the middles of its pixels."""
    return np.asarray(ndimage.map_coordinates(image, where.T - 0.5, order=1, mode="nearest"))


def _periods(where: FloatArray) -> FloatArray:
    """Return the shifts at which events lie on others nearly as much as without one, (m, 2)."""
    size = _size(where)

    def half(k: int) -> Image:
        image = _image(where[k::2], size)
        return np.asarray((image - image.mean())[None], np.float32)

    middle = np.array(size) - 1
    n, m = 2 * middle + 1
    padded = fft.next_fast_len(n, real=True), fft.next_fast_len(m, real=True)
    product = transform_of(half(0), padded, padded[1] // 2 + 1)
    product *= transform_of(half(1)[:, ::-1, ::-1], padded, padded[1] // 2 + 1)
    found = image_of(product[0], padded)[:n, :m]  # no shift is in the middle
    del product
    high = found > _AS_HIGH * found[tuple(middle)]
    around = tuple(slice(max(m - _NEAREST + 1, 0), m + _NEAREST) for m in middle.tolist())
    high[around] = False
    high[[0, -1], :] = high[:, [0, -1]] = False
    if high.any():
        high &= ndimage.maximum_filter(found, size=2 * _NEAREST + 1) == found
    at = np.argwhere(high)
    at = at[np.argsort(-found[tuple(at.T)])][:_PERIODS]
    return np.array([_peak(found, tuple(one)) - middle for one in at]).reshape(-1, 2)


def _peak(image: Image, at: tuple[int, ...]) -> FloatArray:
    """Return where the parabolas through a maximum and its neighbours are highest."""
    i, j = at
    found = np.empty(2)
    for axis, line in enumerate((image[i - 1 : i + 2, j], image[i, j - 1 : j + 2])):
        bend = line[0] - 2 * line[1] + line[2]
        found[axis] = at[axis] + (0.5 * (line[0] - line[2]) / bend if bend < 0 else 0.0)
    return found
