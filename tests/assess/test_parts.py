"""What an assessment says of parts of a table that share no molecules."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.drift import build
from tests.methods.overlap.test_between_times import N_FRAMES, two_parts


@pytest.mark.parametrize(("shared", "wrong_by"), [(0, 0.0), (20, 0.0), (20, 200.0)])
def test_parts_that_do_not_lie_on_each_other_are_named(shared: int, wrong_by: float) -> None:
    """Since they share nothing, or since the drift lays them wrongly."""
    scene = two_parts(shared)
    offset = np.array([[0.0, 0.0], [wrong_by, 0.0]])
    edges = np.array([0, N_FRAMES // 2, N_FRAMES])
    drift = build(
        offset=offset,
        n_localizations=np.array([6_000, 5_000]),
        frame=(edges[:-1] + edges[1:] - 1) / 2,
        frame_start=edges[:-1],
        frame_stop=edges[1:],
        components=("x", "y"),
        segment=np.array([0, 1]),
    )
    found = drift.smlm.assess(scene.moved)
    if shared and not wrong_by:
        assert not found.apart
        return
    [(first, last)] = found.apart
    assert abs(first - N_FRAMES // 2) <= 40
    assert last == N_FRAMES - 1
    assert f"to {N_FRAMES - 1} share nothing with the rest" in str(found)
