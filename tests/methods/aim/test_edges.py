"""Where the edges of windows lie."""

from __future__ import annotations

import numpy as np

from smlm_accessor.methods.aim.edges import cut, filled, joined, tapered


def test_windows_have_the_length_that_is_wanted_and_are_not_empty() -> None:
    frames = np.sort(np.random.default_rng(1).integers(0, 1_000, 5_000))
    frames = frames[(frames < 300) | (frames >= 700)]
    edges = cut(frames, 60, 1_000, np.array([150, 500]))
    assert (np.diff(np.searchsorted(frames, edges)) > 0).all()
    assert 150 in edges
    assert abs(np.median(np.diff(edges)) - 12) <= 1
    assert (edges[0], edges[-1]) == (frames[0], frames[-1] + 1)
    assert filled(np.array([0, 9]), np.array([0, 4, 6, 10])).tolist() == [0, 6, 10]


def test_windows_are_joined_within_segments_and_shorter_beside_jumps() -> None:
    edges = joined(np.arange(0, 1_001, 10), 7, np.array([420]))
    assert 420 in edges
    assert set(np.diff(edges)) <= {70, 100, 80, 90, 40, 50, 60}
    assert joined(edges, 1, np.array([420])).tolist() == edges.tolist()
    lengths = np.diff(tapered(edges, np.array([420]), 3))
    around = np.searchsorted(tapered(edges, np.array([420]), 3), 420)
    assert lengths[around - 1] == lengths[around] == 3
    assert lengths[around + 1] == 12
