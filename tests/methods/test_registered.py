"""What a method returns, brought to all axes and to the frames of the table."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.registered import Registered


def made(valid: tuple[bool, ...] = (True, False)) -> Registered:
    good = np.array(valid)
    turned = np.array([[0.0, -1.0], [1.0, 0.0]])
    return Registered(
        offset=np.where(good[:, None], [[1.0, 2.0]], np.nan),
        quality=np.ones(2),
        valid=good,
        matrix=np.where(good[:, None, None], turned, np.nan),
        offset_std=np.full((2, 2), 0.5),
        chosen={"rate_per_frame": 8.0, "bend_per_frame": 8.0, "frames": 3, "deep": {"jumps": [2]}},
        edges=np.array([0, 2, 4]),
        jumps=np.array([2]),
    )


def test_along_an_axis_without_extent_nothing_moves() -> None:
    wide = made().widened(np.array([0, 2]), 3)
    np.testing.assert_array_equal(wide.offset, [[1, 0, 2], [np.nan] * 3])
    assert wide.matrix is not None
    assert wide.offset_std is not None
    np.testing.assert_array_equal(wide.matrix[0], [[0, 0, -1], [0, 1, 0], [1, 0, 0]])
    assert np.isnan(wide.matrix[1]).all()
    np.testing.assert_array_equal(wide.offset_std[0], [0.5, np.nan, 0.5])


def test_lengths_and_rates_are_in_the_frames_of_the_table() -> None:
    count = FrameCount(2, np.array([100]), np.array([0]))
    found = made().in_frames(count)
    assert found.edges is not None
    np.testing.assert_array_equal(found.edges, [100, 104, 108])
    np.testing.assert_array_equal(found.jumps, [104])
    assert found.chosen == {
        "rate_per_frame": 4.0,  # a variance
        "bend_per_frame": 1.0,  # that of a slope, which is per frame itself
        "frames": 6,
        "deep": {"jumps": [104]},
    }


def test_none_and_at_rest() -> None:
    frames, bounds = np.array([3, 4, 9]), np.array([0, 2, 2, 3])
    localizations = ChunkedLocalizations(np.zeros((3, 2)), frames, bounds, ("x", "y"))
    rest = Registered.at_rest(localizations)
    np.testing.assert_array_equal(rest.valid, [True, False, True])
    np.testing.assert_array_equal(rest.offset[:, 0], [0, np.nan, 0])
    none = Registered.failed(localizations, "why")
    assert not none.valid.any()
    assert np.isnan(none.offset).all()
    assert none.reason == "why"
