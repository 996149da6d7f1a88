"""Beads followed one by one."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.beads.paths import follow_each
from smlm_accessor.kernels.beads.tracks import Spots

PLACES = np.array([[0.0, 0.0], [80.0, 10.0], [30.0, 60.0]])


def spots(path: FloatArray, seen: np.ndarray) -> Spots:
    """Spots of beads at ``path`` (k, b, 2) in the windows in which they are seen."""
    window, _ = np.nonzero(seen)
    return Spots(window, path[seen])


def test_all_jump_and_one_is_lost_for_a_while() -> None:
    path = np.tile(PLACES, (30, 1, 1))
    path[15:] += [25.0, -5.0]
    seen = np.ones((30, 3), dtype=bool)
    seen[12:17, 1] = False
    found = follow_each(spots(path, seen), 30, 4.0, presence=0.7)
    order = np.argsort(found.place[0, :, 0])
    np.testing.assert_allclose(found.place[:, order], path[:, [0, 2, 1]], atol=1e-9)
    assert found.seen.sum(axis=0).tolist() == [30, 25, 30]


def test_a_loose_one_among_given_ones() -> None:
    path = np.tile(PLACES, (40, 1, 1))
    path[:, 2, 0] += np.arange(40) * 1.5
    found = follow_each(spots(path, np.ones((40, 3), bool)), 40, 4.0, presence=0.8, given=PLACES)
    np.testing.assert_allclose(found.place, path)


def test_one_that_comes_late_is_no_bead() -> None:
    path = np.tile(PLACES, (30, 1, 1))
    seen = np.ones((30, 3), dtype=bool)
    seen[:20, 2] = False
    found = follow_each(spots(path, seen), 30, 4.0, presence=0.8)
    assert found.place.shape == (30, 2, 2)


def test_nothing_seen() -> None:
    nothing = Spots(np.zeros(0, dtype=np.int64), np.zeros((0, 2)))
    assert follow_each(nothing, 5, 4.0, presence=0.8).place.shape == (5, 0, 2)
