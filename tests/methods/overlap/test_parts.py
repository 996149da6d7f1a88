"""Parts of a table, from any drift: told, joined, and not valid where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.api import Registered
from smlm_accessor.methods.overlap.parts import Parts, with_parts_joined
from tests.methods.overlap.test_between_times import N_FRAMES, two_parts
from tests.scenes import Scene

JUMP = np.array([300.0, -200.0])
HALF = N_FRAMES // 2


def parts_of(scene: Scene, missed: FloatArray | float = 0.0) -> Parts:
    """The parts of the scene less its drift, but for what is missed in the second half."""
    drift = scene.drift[scene.frames] - np.where(scene.frames < HALF, 0, 1)[:, None] * missed
    return Parts.of(scene.chunked(), drift, scene.precision)


@pytest.mark.parametrize(
    ("shared", "missed", "apart"), [(0, 0, True), (20, 0, False), (20, 90, True)]
)
def test_parts_are_told(shared: int, missed: float, apart: bool) -> None:
    parts = parts_of(two_parts(shared), missed)
    assert parts.known.part.any() == apart
    assert (parts.largest < 7_000) == apart
    if apart:
        assert np.abs(parts.ends - HALF).max() <= 40


def test_axes_that_tell_nothing_do_not_count() -> None:
    scene = two_parts(0)
    nothing = Parts.of(scene.chunked(), 0 * scene.positions, np.array([np.nan, 5.0]))
    assert nothing.density is None
    assert nothing.joined(np.arange(10)) is None
    assert nothing.largest == len(scene.frames)


def test_a_part_is_laid_on_the_largest_from_the_frame_of_the_jump_on() -> None:
    joined = parts_of(two_parts(20, JUMP), JUMP).joined(np.arange(N_FRAMES))
    assert joined is not None
    assert abs(int(joined.jumps[0]) - HALF) <= 3
    step = joined.shift[-1] - joined.shift[0]
    np.testing.assert_allclose(step, JUMP, atol=5)
    assert (np.ptp(joined.shift[: HALF - 5], axis=0) < 1).all()


def test_chunks_of_other_parts_and_between_them_are_not_valid() -> None:
    scene, k = two_parts(0), 9
    edges = np.linspace(0, N_FRAMES, k + 1).astype(np.int64)
    found = Registered(np.zeros((k, 2)), np.ones(k), np.ones(k, bool), edges=edges)
    kept = parts_of(scene).without_others(found, scene.chunked())
    np.testing.assert_array_equal(kept.valid, np.arange(k) < 4)
    assert np.isnan(kept.offset[4:]).all()
    assert kept.reason.startswith("What is seen in {} shares no more structures")
    assert kept.runs is not None
    assert kept.runs[-1, 1] == N_FRAMES - 1
    everything = parts_of(two_parts(20)).without_others(found, scene.chunked())
    assert everything is found


def test_parts_are_joined_only_if_the_largest_grows() -> None:
    one, apart = parts_of(two_parts(20)), parts_of(two_parts(20, JUMP), JUMP)

    def align(again: Parts) -> tuple[str, Parts]:
        return with_parts_joined(
            lambda last, joined: ("first", apart) if joined is None else ("again", again),
            np.arange(N_FRAMES),
        )

    assert align(one) == ("again", one)
    assert align(apart) == ("first", apart)
