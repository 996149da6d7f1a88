"""Localizations of one blink merged into one event: they observe a molecule once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from smlm_accessor._typing import BoolArray, Float32Array, FloatArray, Int32Array, IntArray
from smlm_accessor.kernels.by_column import AT_ONCE
from smlm_accessor.kernels.compilation import kernel
from smlm_accessor.kernels.density.tiles import Tiles
from smlm_accessor.kernels.sorting import sorted_rows

_MISSING = 1  # frames that a blink may miss, as in most programs that link localizations
REACH = 4.0  # precisions: nearly three standard deviations of a difference
_ENDLESS = 2**31  # frames
_OLDEST = 0.98  # quantile of the ages of blinks that is their lifetime
# Two localizations in one frame are of one emitter if there are so many times as many such pairs as
# by chance: then each is rather of one emitter than of two,
ABOVE_CHANCE = 2.0
CLEAR = 5.0  # and so many standard deviations of chance more.
_MOST = 200_000  # localizations that are looked at for that


@dataclass(frozen=True)
class Events:
    """Blinks, in the order of their frames.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
        Means of their localizations, less the drift that these were corrected for.
    frame : ndarray of int32, shape (n,)
        Index of the mean frame.
    weight, axial : ndarray of float32, shape (n,)
        Sums of the weights of their localizations, along x and y, and along z.
    lifetime : int
        Frames after which hardly any blink goes on.
    """

    positions: FloatArray
    frame: Int32Array
    weight: Float32Array
    axial: Float32Array
    lifetime: int


def find_events(
    tiles: Tiles,
    frames: IntArray,
    *,
    precision: FloatArray,
    longest: int,
    segment: IntArray | None = None,
    axial: Float32Array | None = None,
) -> Events:
    """Link localizations that follow each other in time at the same position.

    A localization continues the nearest blink that ended at most two frames before, within four
    precisions. Localizations of one frame belong to one blink only if there are more such pairs
    than chance makes: traces have many in what is called a frame, images of a camera one.

    Parameters
    ----------
    tiles : Tiles
        Corrected localizations in the order of frames; without halo. They are put in order within
        frames, too.
    frames : ndarray, shape (n_frames,)
        Number of each frame.
    precision : ndarray, shape (d,)
    longest : int
        Frames that an event may last; a longer blink is several events.
    segment : ndarray, shape (n_frames,), optional
        No blink goes on from one segment to the next.
    axial : ndarray, optional
        Weight along z of each localization, in the order that was sorted into tiles. By default
        that along x and y.

    Examples
    --------
    >>> from smlm_accessor.kernels.density.tiles import sort_into_tiles
    >>> x = np.array([[0.0, 0], [50, 50], [1, 1], [2, -1]])
    >>> index, one = np.array([0, 0, 1, 9], np.int32), np.ones(4, np.float32)
    >>> size, still = np.full(2, 1000.0), np.zeros((10, 2))
    >>> tiles = sort_into_tiles(x, index, one, still, size=size)
    >>> events = find_events(tiles, np.arange(10), precision=np.full(2, 2.0), longest=10)
    >>> events.positions.tolist(), events.weight.tolist()
    ([[0.5, 0.5], [50.0, 50.0], [2.0, -1.0]], [2.0, 1.0, 1.0])
    """
    event_of, age, n = _linked(tiles, frames, precision, longest, segment)
    weight, mean_frame, position = _add_up(tiles, event_of, n)
    along_z = weight
    if axial is not None:
        along_z = np.bincount(event_of, axial[tiles.row], n).astype(np.float32)
    lifetime = int(np.quantile(age, _OLDEST)) + 1 if len(age) else 1
    del tiles, event_of, age  # there may be tens of millions
    frame = np.round(mean_frame / weight).astype(np.int32)
    del mean_frame
    position /= weight[:, None]
    order = sorted_rows(frame)[0].astype(np.int32)
    events = position.take(order, axis=0), frame[order], weight[order]
    return Events(*events, events[2] if axial is None else along_z[order], lifetime)


def usual_part(
    tiles: Tiles, frames: IntArray, *, precision: FloatArray, segment: IntArray | None = None
) -> BoolArray:
    """Tell which localizations come before the age that few blinks get to, in theirs.

    An emitter that shines on and on is at one place many times: it is no structure. The parameters
    are those of `find_events`; the order is that which was sorted into tiles.
    """
    event_of, age, n = _linked(tiles, frames, precision, _ENDLESS, segment)
    last = np.zeros(n, np.int32)
    last[event_of] = age  # of a blink, the last counts: rows are in the order of time
    usual = np.ones(len(age), np.bool_)
    if n:
        usual[tiles.row] = age <= np.quantile(last, _OLDEST)
    return usual


def _linked(
    tiles: Tiles, frames: IntArray, precision: FloatArray, longest: int, segment: IntArray | None
) -> tuple[Int32Array, Int32Array, int]:
    """Return event and age of each localization, in the order of tiles, and how many events."""
    m = len(tiles.where)
    event_of, age = np.empty(m, np.int32), np.empty(m, np.int32)
    segment = np.zeros_like(frames) if segment is None else segment
    reach = REACH * precision
    _order_within_frames(tiles)
    n = _link(
        *(tiles.start, tiles.where, tiles.frame, frames, segment),
        *(reach, _MISSING, longest, _repeats_within_frames(tiles, reach, len(frames))),
        *(event_of, age, np.zeros(m, np.bool_), np.empty(m, np.int64)),
    )
    return event_of, age, int(n)


def _order_within_frames(tiles: Tiles) -> None:
    """Sort the localizations of a frame by x, then y: the order of rows must leave no trace.

    They are in this order already if those of the whole field were.
    """
    x, y = tiles.where[:, 0], tiles.where[:, 1]
    same = tiles.frame[1:] == tiles.frame[:-1]
    same[tiles.start[1:-1] - 1] = False
    same &= (x[1:] < x[:-1]) | ((x[1:] == x[:-1]) & (y[1:] < y[:-1]))
    if same.any():
        tile = np.repeat(np.arange(len(tiles.start) - 1), np.diff(tiles.start))
        order = np.lexsort((y, x, tiles.frame, tile))
        for array in (tiles.where, tiles.weight, tiles.row):
            array[:] = array[order]


def _repeats_within_frames(tiles: Tiles, reach: FloatArray, n_frames: int) -> bool:
    """Return whether emitters have several localizations in a frame.

    Pairs of localizations within reach of each other in the same frame are compared with pairs in
    frames half a table apart, for as many localizations in both.
    """
    step = len(tiles.frame) // _MOST + 1
    arguments = tiles.start, tiles.where, tiles.frame, reach, step
    of_frame = np.bincount(tiles.frame, minlength=n_frames).astype(np.float64)
    same = _pairs(*arguments, 0, n_frames)
    if same < CLEAR**2:
        return False
    apart = n_frames // 2
    others = np.concatenate([of_frame[apart:], of_frame[:apart]])
    likelier = float(of_frame @ np.maximum(of_frame - 1, 0)) / max(float(of_frame @ others), 1.0)
    chance = _pairs(*arguments, apart, n_frames) * likelier
    return bool(same > ABOVE_CHANCE * chance + CLEAR * np.sqrt(chance))


def _add_up(
    tiles: Tiles, event_of: Int32Array, n: int
) -> tuple[Float32Array, FloatArray, FloatArray]:
    """Return the weight of each event, and frame and position, each times weight, added up."""
    weight, mean_frame = np.empty(n, np.float32), np.empty(n)
    position = np.empty((n, tiles.where.shape[1]))
    # A few tiles at a time, which fit into the cache: the events of a tile follow each other, too.
    starts = np.searchsorted(tiles.start, np.arange(0, tiles.start[-1], AT_ONCE))
    begins = np.append(event_of[tiles.start[:-1]], n)
    for first, stop in pairwise(np.unique([*starts, len(tiles.corner)]).tolist()):
        rows, events = slice(*tiles.start[[first, stop]]), slice(*begins[[first, stop]])
        of_row, w = (event_of[rows] - events.start).astype(np.intp), tiles.weight[rows]
        weight[events] = np.bincount(of_row, w)
        mean_frame[events] = np.bincount(of_row, w * tiles.frame[rows])
        corner = np.repeat(tiles.corner[first:stop], np.diff(tiles.start[first : stop + 1]), axis=0)
        for c, x in enumerate((corner + tiles.where[rows]).T):
            position[events, c] = np.bincount(of_row, w * x)
    return weight, mean_frame, position


@kernel
def _pairs(start, where, frame, reach, step, apart, n_frames):  # type: ignore[no-untyped-def]
    """Count the localizations so many frames after others, within reach, in each step-th tile."""
    d, n = where.shape[1], 0
    for t in range(0, len(start) - 1, step):
        first, last = start[t], start[t + 1]
        begin, before = first, 0
        for i in range(first, last):
            wanted = (frame[i] + apart) % n_frames
            if wanted < before:  # beyond the last frame
                begin = first
            before = wanted
            while begin < last and frame[begin] < wanted:
                begin += 1
            j = begin
            while j < last and frame[j] == wanted:
                r = 0.0
                for c in range(d):
                    r += ((where[i, c] - where[j, c]) / reach[c]) ** 2
                n += j != i and r < 1.0
                j += 1
    return n


@kernel
def _link(  # type: ignore[no-untyped-def]
    start, where, frame, frames, segment, reach, missing, longest, within, event_of, age,
    taken, began,
):  # fmt: skip
    """Write the event of each localization and the age of its blink; return how many events.

    ``taken`` (False) and ``began`` are room for whether a localization has a next one, and for the
    first frame of each event.
    """
    d = where.shape[1]
    n_events = 0
    for t in range(len(start) - 1):
        low = start[t]
        for i in range(start[t], start[t + 1]):
            now = frames[frame[i]]
            while low < i and frames[frame[low]] < now - 1 - missing:
                low += 1
            best, nearest = -1, 1.0
            for j in range(low, i):
                if frame[j] == frame[i]:
                    if not within:
                        continue
                elif taken[j] or segment[frame[j]] != segment[frame[i]]:
                    continue
                r = 0.0
                for c in range(d):
                    r += ((where[i, c] - where[j, c]) / reach[c]) ** 2
                if r < nearest:
                    best, nearest = j, r
            age[i] = 0
            if best >= 0:
                taken[best] = True
                age[i] = age[best] + now - frames[frame[best]]
            if best >= 0 and now - began[event_of[best]] < longest:
                event_of[i] = event_of[best]
            else:
                event_of[i] = n_events
                began[n_events] = now
                n_events += 1
    return n_events
