"""Localizations of one blink merged into one event: they observe a molecule once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, Float32Array, FloatArray, Int32Array, IntArray
from smlm_accessor.kernels.by_column import AT_ONCE
from smlm_accessor.kernels.density.link_loops import count_in_cells, link, pairs
from smlm_accessor.kernels.density.tiles import Tiles
from smlm_accessor.kernels.sorting import sorted_rows

_MISSING = 1  # frames that a blink may miss, as in most programs that link localizations
REACH = 4.0  # precisions, nearly three standard deviations of a difference: pairs in a frame
_GATE = 16.0  # squared distance of a blink that goes on, over its variance, at most
# Of what is known of where a blink is, from one localization to the next: the sample may move.
_KEPT = 0.5
_CELL = 4.0  # precisions, within which it is counted how many blinks begin
_ENDLESS = 2**31  # frames
_OLDEST = 0.98  # quantile of how long blinks last that is their lifetime
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
    run: Callable[..., Iterable[Any]] = map,
) -> Events:
    """Link localizations that follow each other in time at the same position.

    A localization goes on with the likeliest blink that was seen at most two frames before: at a
    distance ``d`` the likelihood is that of a normal distribution, with the variance of both. It
    does so within four standard deviations, and only if that is likelier than that another blink
    begins: with the share ``p`` of localizations that go on with any, and so many that begin in a
    frame and area, if ``p N(d) > begin``. Of two localizations that choose the same blink, the
    likelier has it. Localizations of one frame belong to one blink only if there are more such
    pairs than chance makes: traces have many in what is called a frame, images of a camera one.

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
    run : callable, default map
        Calls a function for each group of tiles; several may be linked at once.

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
    event_of, lasted, n = _linked(tiles, frames, precision, longest, segment, run)[1:]
    weight, mean_frame, position = _add_up(tiles, event_of, n)
    along_z = weight
    if axial is not None:
        along_z = np.bincount(event_of, axial[tiles.row], n).astype(np.float32)
    lifetime = int(np.quantile(lasted, _OLDEST)) + 1 if len(lasted) else 1
    del tiles, event_of  # there may be tens of millions
    frame = np.round(mean_frame / weight).astype(np.int32)
    del mean_frame
    position /= weight[:, None]
    order = sorted_rows(frame)[0].astype(np.int32)
    events = position.take(order, axis=0), frame[order], weight[order]
    return Events(*events, events[2] if axial is None else along_z[order], lifetime)


def usual_part(
    tiles: Tiles,
    frames: IntArray,
    *,
    precision: FloatArray,
    segment: IntArray | None = None,
    run: Callable[..., Iterable[Any]] = map,
) -> BoolArray:
    """Tell which localizations come before the age that few blinks get to, in theirs.

    An emitter that shines on and on is at one place many times: it is no structure. The parameters
    are those of `find_events`; the order is that which was sorted into tiles.
    """
    age, _, lasted, _ = _linked(tiles, frames, precision, _ENDLESS, segment, run)
    usual = np.ones(len(age), np.bool_)
    if len(age):
        usual[tiles.row] = age <= np.quantile(lasted, _OLDEST)
    return usual


def _linked(
    tiles: Tiles,
    frames: IntArray,
    precision: FloatArray,
    longest: int,
    segment: IntArray | None,
    run: Callable[..., Iterable[Any]],
) -> tuple[Int32Array, Int32Array, Int32Array, int]:
    """Link localizations, in the order of tiles.

    Returns
    -------
    age, event_of : ndarray of int32
        Of each localization: frames since its blink began, and its event.
    lasted : ndarray of int32
        Age of each blink at its end.
    n : int
        Number of events.
    """
    (m, d), of_frame = tiles.where.shape, np.bincount(tiles.frame, minlength=len(frames))
    event_of, age = np.empty(m, np.int32), np.empty(m, np.int32)
    if m == 0:
        return age, event_of, age, 0
    segment = np.zeros_like(frames) if segment is None else segment
    _order_within_frames(tiles)
    within = _repeats_within_frames(tiles, REACH * precision, of_frame)
    chance, goes_on = np.full(m, np.inf, np.float32), np.empty(m, np.bool_)
    room = np.empty((m, d), np.float32), np.empty(m, np.float32)
    most, groups = int(of_frame.max()), _groups(tiles)

    def link_group(group: slice) -> int:
        start = tiles.start[group.start : group.stop + 1]
        began = np.empty(start[-1] - start[0], np.int64)
        in_frame = np.empty(most, np.int64), np.empty(most)
        return int(
            link(
                *(start, tiles.where, tiles.frame, tiles.weight, chance),
                *(frames, segment, precision, _GATE, _MISSING, longest, within, _KEPT),
                *(event_of, age, goes_on, began, *room, *in_frame),
            )
        )

    def linked() -> int:
        goes_on[:] = False
        before = np.cumsum([0, *run(link_group, groups)])
        for group, n in zip(groups, before[:-1], strict=True):
            event_of[slice(*tiles.start[[group.start, group.stop]])] += n
        return int(before[-1])

    # All that may go on tell how many do so, and how often others begin nearby.
    n = linked()
    begin = _around(tiles, precision, age == 0, groups, run)
    begin /= frames[-1] - frames[0] + 1
    # In place, for there may be tens of millions.
    np.log(np.divide(max(1 - n / m, 1 / m), begin, out=begin), out=begin)
    begin *= 2
    begin -= d * np.log(2 * np.pi)
    chance = begin.astype(np.float32)
    del begin
    n = linked()
    return age, event_of, age[~goes_on], n


def _groups(tiles: Tiles) -> list[slice]:
    """Return a few tiles at a time, which fit into the cache."""
    starts = np.searchsorted(tiles.start, np.arange(0, tiles.start[-1], AT_ONCE))
    ends = np.unique([*starts, len(tiles.corner)]).tolist()
    return list(map(slice, ends[:-1], ends[1:]))


def _around(
    tiles: Tiles,
    precision: FloatArray,
    counted: BoolArray,
    groups: list[slice],
    run: Callable[..., Iterable[Any]],
) -> FloatArray:
    """Return how many localizations are counted around each, at least one, in a cubic precision."""
    found = np.empty(len(tiles.where), np.int32)

    def count(group: slice) -> None:
        start = tiles.start[group.start : group.stop + 1]
        most = 1 << int(2 * np.diff(start).max()).bit_length()
        table = np.empty(most, np.int64), np.empty(most, np.int32)
        count_in_cells(start, tiles.where, _CELL * precision, counted, *table, found)

    deque(run(count, groups), 0)
    return np.maximum(found, 1) / _CELL ** len(precision)


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


def _repeats_within_frames(tiles: Tiles, reach: FloatArray, of_frame: IntArray) -> bool:
    """Return whether emitters have several localizations in a frame.

    Pairs of localizations within reach of each other in the same frame are compared with pairs in
    frames half a table apart, for as many localizations in both.
    """
    step = len(tiles.frame) // _MOST + 1
    arguments = tiles.start, tiles.where, tiles.frame, reach, step
    n_frames, counts = len(of_frame), of_frame.astype(np.float64)
    same = pairs(*arguments, 0, n_frames)
    if same < CLEAR**2:
        return False
    apart = n_frames // 2
    others = np.roll(counts, -apart)
    likelier = float(counts @ np.maximum(counts - 1, 0)) / max(float(counts @ others), 1.0)
    chance = pairs(*arguments, apart, n_frames) * likelier
    return bool(same > ABOVE_CHANCE * chance + CLEAR * np.sqrt(chance))


def _add_up(
    tiles: Tiles, event_of: Int32Array, n: int
) -> tuple[Float32Array, FloatArray, FloatArray]:
    """Return the weight of each event, and frame and position, each times weight, added up."""
    weight, mean_frame = np.empty(n, np.float32), np.empty(n)
    position = np.empty((n, tiles.where.shape[1]))
    # The events of a tile follow each other, as its localizations do.
    begins = np.append(event_of[tiles.start[:-1]], n)
    for group in _groups(tiles):
        first, stop = group.start, group.stop
        rows, events = slice(*tiles.start[[first, stop]]), slice(*begins[[first, stop]])
        of_row, w = (event_of[rows] - events.start).astype(np.intp), tiles.weight[rows]
        weight[events] = np.bincount(of_row, w)
        mean_frame[events] = np.bincount(of_row, w * tiles.frame[rows])
        counts = np.diff(tiles.start[first : stop + 1])
        for c, where in enumerate(tiles.where[rows].T):
            x = np.repeat(tiles.corner[first:stop, c], counts)
            x += where
            x *= w
            position[events, c] = np.bincount(of_row, x)
    return weight, mean_frame, position
