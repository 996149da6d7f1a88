"""Localizations of one blink merged into one event: they observe a molecule once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.compilation import kernel, part
from smlm_accessor.kernels.density.tiles import Float32Array, Int32Array, Tiles
from smlm_accessor.kernels.sorting import sorted_rows

REACH = 4.0  # precisions: nearly three standard deviations of a difference
_OLDEST = 0.98  # quantile of the ages of blinks that is their lifetime
# Two localizations in one frame are of one emitter if there are so many times as many such pairs as
# by chance: then each is rather of one emitter than of two,
ABOVE_CHANCE = 2.0
CLEAR = 5.0  # and so many standard deviations of chance more.
_LATER = 8  # frames after which a blink that begins is another one
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

    A localization continues the nearest blink that was seen in the frame before, within four
    precisions. Blinks may miss a frame only if more of them seem to than chance makes: a camera may
    lose one, but tables whose blinks were linked before have none. Localizations of one frame
    belong to one blink only if there are more such pairs than chance makes: traces have many in
    what is called a frame, images of a camera one.

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
    >>> tiles = sort_into_tiles(x, index, one, still, size=size, halo=np.zeros(2))
    >>> events = find_events(tiles, np.arange(10), precision=np.full(2, 2.0), longest=10)
    >>> events.positions.tolist(), events.weight.tolist()
    ([[0.5, 0.5], [50.0, 50.0], [2.0, -1.0]], [2.0, 1.0, 1.0])
    """
    m = len(tiles.where)
    segment = np.zeros_like(frames) if segment is None else segment
    reach = REACH * precision
    _order_within_frames(tiles)
    within = _repeats_within_frames(tiles, reach, len(frames))
    missing = int(_frames_are_missed(tiles, frames, segment, reach, within))
    n, event_of, age, _ = _linked(tiles, frames, segment, reach, within, missing, longest)
    weight, mean_frame, position = _add_up(tiles, event_of, n)
    along_z = weight
    if axial is not None:
        along_z = np.bincount(event_of, axial[tiles.row], n).astype(np.float32)
    lifetime = int(np.quantile(age, _OLDEST)) + 1 if m else 1
    del tiles, event_of, age  # there may be tens of millions
    frame = np.round(mean_frame / weight).astype(np.int32)
    del mean_frame
    position /= weight[:, None]
    order = sorted_rows(frame)[0].astype(np.int32)
    events = position[order], frame[order], weight[order]
    return Events(*events, events[2] if axial is None else along_z[order], lifetime)


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


def _linked(
    tiles: Tiles,
    frames: IntArray,
    segment: IntArray,
    reach: FloatArray,
    within: bool,
    missing: int,
    longest: int,
) -> tuple[int, Int32Array, Int32Array, Int32Array]:
    """Return how many events there are, and the columns of `_link`."""
    m = len(tiles.where)
    event_of, age, began = (np.empty(m, np.int32) for _ in range(3))
    following = np.full(m, -1, np.int32)
    n = _link(
        *(tiles.start, tiles.where, tiles.frame, frames, segment, reach),
        *(missing, longest, within, event_of, age, following, began),
    )
    return n, event_of, age, following


def _frames_are_missed(
    tiles: Tiles, frames: IntArray, segment: IntArray, reach: FloatArray, within: bool
) -> bool:
    """Return whether blinks miss single frames.

    Then more of them begin two frames after another one ended at the same position than three to
    eight frames after.
    """
    some = tiles.middle(_MOST)
    *_, age, following = _linked(some, frames, segment, reach, within, 0, len(frames))
    n = np.zeros(_LATER + 1, np.int64)
    _returns(some.start, some.where, some.frame, frames, reach, age, following, n)
    chance = float(n[3:].mean())
    return bool(n[2] > ABOVE_CHANCE * chance + CLEAR * np.sqrt(chance))


def _add_up(
    tiles: Tiles, event_of: Int32Array, n: int
) -> tuple[Float32Array, FloatArray, FloatArray]:
    """Return the weight of each event, and frame and position, each times weight, added up."""
    weight = np.zeros(n, np.float32)
    np.add.at(weight, event_of, tiles.weight)
    counts, events = np.diff(tiles.start), event_of.astype(np.intp)
    mean_frame = np.bincount(events, tiles.weight * tiles.frame, n).astype(np.float64)
    position = np.empty((n, tiles.where.shape[1]))
    for c in range(position.shape[1]):
        x = np.repeat(tiles.corner[:, c], counts)
        x += tiles.where[:, c]
        x *= tiles.weight
        position[:, c] = np.bincount(events, x, n)
    return weight, mean_frame, position


@kernel
def _pairs(start, where, frame, reach, step, apart, n_frames):  # type: ignore[no-untyped-def]
    """Count the localizations so many frames after others, within reach, in each step-th tile."""
    n = 0
    for t in range(0, len(start) - 1, step):
        first, last = start[t], start[t + 1]
        for i in range(first, last):
            wanted = (frame[i] + apart) % n_frames
            j, above = first, last
            while j < above:
                middle = (j + above) // 2
                if frame[middle] < wanted:
                    j = middle + 1
                else:
                    above = middle
            while j < last and frame[j] == wanted:
                n += j != i and _apart(where, i, j, reach) < 1.0
                j += 1
    return n


@kernel
def _returns(start, where, frame, frames, reach, age, following, n):  # type: ignore[no-untyped-def]
    """Count blinks that begin so many frames after one that ended at the same position."""
    for t in range(len(start) - 1):
        low = start[t]
        for i in range(start[t], start[t + 1]):
            if age[i] > 0:
                continue
            now = frames[frame[i]]
            while low < i and frames[frame[low]] < now - n.shape[0] + 1:
                low += 1
            for j in range(low, i):
                if following[j] < 0 and _apart(where, i, j, reach) < 1.0:
                    n[now - frames[frame[j]]] += 1


@part
def _apart(where, i, j, reach):  # type: ignore[no-untyped-def]
    """Squared distance of two localizations over that up to which they are linked."""
    square = 0.0
    for c in range(where.shape[1]):
        square += ((where[i, c] - where[j, c]) / reach[c]) ** 2
    return square


@kernel
def _link(  # type: ignore[no-untyped-def]
    start, where, frame, frames, segment, reach, missing, longest, within, event_of, age,
    following, began,
):  # fmt: skip
    """Write the event of each localization and the age of its blink; return how many events.

    ``following`` (-1) becomes the localization that continues the blink of each, and ``began`` the
    first localization of each event.
    """
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
                elif following[j] >= 0 or segment[frame[j]] != segment[frame[i]]:
                    continue
                r = _apart(where, i, j, reach)
                if r < nearest:
                    best, nearest = j, r
            age[i] = 0
            if best >= 0:
                following[best] = i
                age[i] = age[best] + now - frames[frame[best]]
            if best >= 0 and now - frames[frame[began[event_of[best]]]] < longest:
                event_of[i] = event_of[best]
            else:
                event_of[i] = n_events
                began[n_events] = i
                n_events += 1
    return n_events
