"""Steps in time, by pairs of events that are near each other in place and in time."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.steps_between_pairs import _Pairs, find_step
from tests import scenes

N = 6_000
LAYERS = 50.0  # nm between the rings of a pore


def pores(seed: int, life: float = 600.0, n: int = 30_000) -> scenes.Scene:
    """Two rings above each other, of molecules that live for a tenth of the movie."""
    at = scenes.rings(200, 12_000.0, d=3, seed=seed)
    return scenes.bleaching(at, n=n, n_frames=N, life=life, precision=3.0, seed=seed)


def moved(scene: scenes.Scene, frame: int, shift: FloatArray) -> FloatArray:
    """Positions in precisions, moved from a frame on."""
    after = (scene.frames >= frame)[:, None]
    return np.asarray((scene.positions + np.where(after, shift, 0.0)) / scene.precision)


@pytest.mark.parametrize(("seed", "frame"), [(0, 1_000), (1, 2_900), (2, 4_700), (0, 4_700)])
def test_half_of_a_structure_off_is_found(seed: int, frame: int) -> None:
    """Where one ring lay, the other one does."""
    scene, shift = pores(seed), np.array([0.0, 0.0, LAYERS])
    step = find_step(moved(scene, frame, shift), scene.frames)
    assert step is not None
    assert abs(step.frame - frame) < N / 64
    np.testing.assert_allclose(step.shift * scene.precision, shift, atol=3.0)


@pytest.mark.parametrize("life", [150.0, 600.0, 3000.0])
def test_molecules_that_are_replaced_by_others_are_no_step(life: float) -> None:
    """With long lags, most pairs are of molecules beside each other."""
    for seed in range(3):
        scene = pores(seed, life)
        assert find_step(scene.positions / scene.precision, scene.frames) is None


@pytest.mark.parametrize("shift", [[32.0, 0.0], [0.0, -32.0]])
def test_a_period_of_lattices_far_from_each_other(shift: list[float]) -> None:
    corners = scenes.sites(150, 30_000.0, seed=3)
    at = (corners[:, None] + scenes.lattice(4, 32.0)).reshape(-1, 2)
    scene = scenes.bleaching(at, n=20_000, n_frames=N, life=900.0, seed=1)
    assert find_step(scene.positions / scene.precision, scene.frames) is None
    step = find_step(moved(scene, 3_500, np.array(shift)), scene.frames)
    assert step is not None
    np.testing.assert_allclose(step.shift * scene.precision, shift, atol=2.0)


@pytest.mark.parametrize("d", [2, 3])
def test_background_does_not_step(d: int) -> None:
    rng = np.random.default_rng(d)
    for _ in range(5):
        where, frame = rng.uniform(0, 400, (8_000, d)), np.sort(rng.integers(0, N, 8_000))
        assert find_step(where, frame) is None


def test_how_frames_are_counted_and_rows_ordered_does_not_matter() -> None:
    scene, shift = pores(1), np.array([0.0, 0.0, LAYERS])
    where = moved(scene, 2_900, shift)
    first = find_step(where, scene.frames)
    rows = np.random.default_rng(0).permutation(len(where))
    other = find_step(where[rows], 7 * scene.frames[rows] + 1_000)
    assert first is not None
    assert other is not None
    assert abs(other.frame - 7 * first.frame - 1_000) <= 7 * 5
    np.testing.assert_allclose(other.shift, first.shift, atol=0.05)


@pytest.mark.parametrize("n", [0, 1, 20, 400])
def test_few_events_or_a_single_frame_tell_nothing(n: int) -> None:
    assert find_step(np.zeros((n, 2)), np.arange(n)) is None
    assert find_step(np.zeros((n, 2)), np.full(n, 5)) is None


def test_dense_events_beside_the_middle_make_no_more_pairs() -> None:
    """A strip in the middle says nothing of them."""
    rng = np.random.default_rng(0)
    sparse = rng.uniform(0, 20_000, (20_000, 2))
    dense = np.array([13_000.0, 5_000.0]) + rng.normal(0, 10, (20_000, 2))
    where, frame = np.concatenate([sparse, dense]), rng.integers(0, N, 40_000)
    order = np.argsort(frame, kind="stable")
    pairs = _Pairs.of(where[order], frame[order], 1 / 4)
    assert len(pairs.before) <= 500_000
    assert (pairs.before < pairs.after).all()
    assert find_step(where, frame) is None
