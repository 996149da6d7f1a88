"""Localizations in chunks, and their frames counted in their own unit of time."""

from __future__ import annotations

import numpy as np

from smlm_accessor.methods.chunked import ChunkedLocalizations


def every_tenth(jump: int) -> ChunkedLocalizations:
    frames = 7 + 10 * np.arange(100)
    return ChunkedLocalizations(
        np.zeros((100, 2)), frames, np.array([0, 30, 100]), ("x", "y"),
        edges=np.array([7, 307, 998]), jumps=np.array([jump]),
    )  # fmt: skip


def test_frames_edges_and_jumps_are_counted_together() -> None:
    counted, count = every_tenth(507).counted()
    assert count.unit == 10
    np.testing.assert_array_equal(counted.frames, np.arange(100))
    assert counted.edges is not None
    assert counted.jumps is not None
    np.testing.assert_array_equal(counted.edges, [0, 30, 100])
    np.testing.assert_array_equal(counted.jumps, [50])
    np.testing.assert_array_equal(count.frame(counted.jumps), [507])


def test_a_jump_between_two_frames_with_localizations() -> None:
    localizations = every_tenth(501)
    counted, count = localizations.counted()
    assert counted.jumps is not None
    before = localizations.frames < 501
    np.testing.assert_array_equal(counted.frames < counted.jumps[0], before)
    np.testing.assert_array_equal(count.frame(counted.jumps), [501])


def test_frames_that_are_their_own_numbers_stay() -> None:
    localizations = ChunkedLocalizations(
        np.zeros((50, 2)), np.arange(50), np.array([0, 50]), ("x", "y")
    )
    assert localizations.counted()[0] is localizations


def test_chunks_of_a_segment_have_its_number() -> None:
    assert every_tenth(307).segment.tolist() == [0, 1]
    assert every_tenth(507).segment.tolist() == [0, 0]
