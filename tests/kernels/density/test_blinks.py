from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.density.blinks import Events, find_events, usual_part
from smlm_accessor.kernels.density.tiles import sort_into_tiles

PRECISION = np.full(2, 1.0)


def events_of(
    x: FloatArray, frames: IntArray, *, longest: int = 100, weight: FloatArray | None = None
) -> Events:
    numbers, index = np.unique(frames, return_inverse=True)
    w = np.ones(len(x)) if weight is None else weight
    still = np.zeros((len(numbers), x.shape[1]))
    size = np.full(x.shape[1], 1e4)  # one tile: at an edge, a blink would be two
    tiles = sort_into_tiles(x, index.astype(np.int32), w.astype(np.float32), still, size=size)
    return find_events(tiles, numbers, precision=np.full(len(size), 1.0), longest=longest)


def blinks(n: int = 300, seed: int = 0) -> tuple[FloatArray, IntArray, IntArray]:
    """Blinks of one to eight frames, far from each other, and which localization is of which."""
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 9, n)
    label = np.repeat(np.arange(n), length)
    where = rng.permutation(40 * 40)[:n]
    centers = 20.0 * np.column_stack([where // 40, where % 40])
    first = rng.integers(200, size=n)
    frames = first[label] + np.concatenate([np.arange(k) for k in length])
    x = centers[label] + rng.normal(0, 0.5, (len(label), 2))
    order = np.argsort(frames, kind="stable")
    return x[order], frames[order], label[order]


def test_blinks_are_put_together() -> None:
    x, frames, label = blinks()
    events = events_of(x, frames)
    size = np.bincount(label)
    mean = np.stack([np.bincount(label, v) / size for v in x.T], axis=1)
    assert len(events.positions) == len(size)
    # The same events, whatever their order.
    for found, expected in ((events.positions, mean), (events.weight[:, None], size[:, None])):
        np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0), atol=1e-4)
    assert (np.diff(events.frame) >= 0).all()


def test_tiles_are_added_up_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    x, frames, _ = blinks()
    numbers, index = np.unique(frames, return_inverse=True)
    found = []
    for at_once in (1, 70, len(x), 10 * len(x)):
        monkeypatch.setattr("smlm_accessor.kernels.density.blinks.AT_ONCE", at_once)
        tiles = sort_into_tiles(
            *(x, index.astype(np.int32), np.linspace(1, 2, len(x), dtype=np.float32)),
            np.zeros((len(numbers), 2)),
            size=np.full(2, 100.0),
        )
        found.append(find_events(tiles, numbers, precision=PRECISION, longest=100))
    for other in found[1:]:
        for name, value in vars(found[0]).items():
            np.testing.assert_array_equal(getattr(other, name), value)


def test_the_order_of_rows_within_a_frame_does_not_matter() -> None:
    x, frames, _ = blinks()
    order = np.lexsort([np.random.default_rng(1).permutation(len(x)), frames])
    events, other = events_of(x, frames), events_of(x[order], frames[order])
    np.testing.assert_array_equal(events.frame, other.frame)
    np.testing.assert_allclose(events.positions, other.positions, atol=1e-9)


@pytest.mark.parametrize(
    ("frames", "n"),
    [([0, 1, 2], 1), ([0, 2, 4], 1), ([0, 3, 6], 3), ([0, 0, 0], 3), ([0, 1, 9], 2)],
)
def test_a_blink_may_miss_one_frame(frames: list[int], n: int) -> None:
    near = (np.zeros((3, 2)) + 0.1 * np.arange(3)[:, None]).tolist()
    assert len(with_others(near, frames).frame) == n


def with_others(
    x: list[list[float]], frames: list[int], weight: list[float] | None = None
) -> Events:
    """The events of a few localizations, and of blinks of two frames far away that make a movie."""
    n = 100
    far = np.repeat(1000.0 + 50.0 * np.arange(n)[:, None] + [0.0, 0.0], 2, axis=0)
    at = np.concatenate([frames, np.arange(2 * n) // 2 * 100 + np.arange(2 * n) % 2 + 50])
    order = np.argsort(at, kind="stable")
    w = np.concatenate([np.ones(len(x)) if weight is None else weight, np.ones(2 * n)])
    events = events_of(np.concatenate([x, far])[order], at[order], weight=w[order])
    near = events.positions[:, 0] < 500
    return Events(
        *(events.positions[near], events.frame[near]),
        *(events.weight[near], events.axial[near], events.lifetime),
    )


@pytest.mark.parametrize(
    ("distance", "weight", "n"),
    [(5.6, 1.0, 1), (5.7, 1.0, 2), (12.0, 0.1, 1), (14.0, 0.1, 2), (4.2, 10.0, 2)],
)
def test_a_blink_stays_within_four_standard_deviations(
    distance: float, weight: float, n: int
) -> None:
    # Of two such localizations; a bright one does not go on far away, a dim one may.
    events = with_others([[0.0, 0.0], [distance, 0.0]], [0, 1], [1.0, weight])
    assert len(events.frame) == n


def test_a_blink_is_where_its_localizations_are_not_where_the_last_one_is() -> None:
    x = [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [4.5, 0.0], [-2.0, 0.0]]
    assert len(with_others(x, [0, 1, 2, 3, 4]).frame) == 1
    assert len(with_others(x[3:], [3, 4]).frame) == 2


def test_of_two_that_are_near_a_blink_the_nearer_goes_on_with_it() -> None:
    # By itself, the first would choose the blink that the second is nearer to.
    x = [[0.0, 0.0], [-3.0, 0.0], [-1.2, 0.0], [0.0, 0.0]]
    events = with_others(x, [0, 0, 1, 1])
    found = sorted(events.positions[:, 0].tolist())
    np.testing.assert_allclose(found, [-2.1, 0.0], atol=1e-4)


def test_where_much_comes_and_goes_a_neighbour_in_time_is_rather_another_one() -> None:
    rng = np.random.default_rng(3)
    # Pairs of frames far apart, and a crowd of molecules within 30 precisions, each seen once.
    n, m = 600, 3_000
    apart = np.repeat(20.0 * np.column_stack([np.arange(n) // 30, np.arange(n) % 30]), 2, axis=0)
    first = rng.integers(m, size=n)
    x = np.concatenate([apart + rng.normal(0, 1, apart.shape), rng.uniform(-60, -30, (m, 2))])
    frames = np.concatenate([np.repeat(first, 2) + np.tile([0, 1], n), np.arange(m)])
    order = np.argsort(frames, kind="stable")
    events = events_of(x[order], frames[order])
    of_crowd = events.positions[:, 0] < -20
    assert abs((~of_crowd).sum() - n) < 0.01 * n
    # Within four standard deviations, one in five would have a neighbour in the two frames before.
    assert 0.9 * m < of_crowd.sum() < m


def test_long_blinks_are_several_events_and_their_age_is_known() -> None:
    events = events_of(np.zeros((100, 2)), np.arange(100), longest=10)
    np.testing.assert_array_equal(events.weight, np.full(10, 10))
    assert 95 <= events.lifetime <= 100


def test_weights_are_used() -> None:
    events = with_others([[0.0, 0.0], [1.0, 1.0]], [0, 1], [3.0, 1.0])
    np.testing.assert_allclose(events.positions, [[0.25, 0.25]])
    np.testing.assert_allclose(events.weight, [4])


def test_what_goes_on_for_longer_than_blinks_do_is_told() -> None:
    x, frames, label = blinks()
    on = np.arange(150)
    far = np.full((len(on), 2), -100.0)
    both, when = np.concatenate([x, far]), np.concatenate([frames, on])
    order = np.argsort(when, kind="stable")
    tiles = sort_into_tiles(
        *(both[order], when[order].astype(np.int32), np.ones(len(both), np.float32)),
        np.zeros((when.max() + 1, 2)),
        size=np.full(2, 1e4),
    )
    usual = np.empty(len(both), np.bool_)
    usual[order] = usual_part(tiles, np.arange(when.max() + 1), precision=PRECISION)
    longest = np.bincount(label).max()
    assert usual[: len(x)].mean() > 0.95
    np.testing.assert_array_equal(usual[len(x) :], on < usual[len(x) :].sum())
    assert usual[len(x) :].sum() <= longest


def test_of_nothing_nothing_is_usual() -> None:
    nothing = np.empty((0, 2))
    tiles = sort_into_tiles(
        *(nothing, np.empty(0, np.int32), np.empty(0, np.float32), np.zeros((1, 2))),
        size=np.full(2, 1e4),
    )
    assert len(usual_part(tiles, np.arange(1), precision=PRECISION)) == 0
