"""Parts of a movie that lie a period of the structure off, on lattices that are moved by one."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.overlap.jumps.periods import find_slip
from tests import scenes

N = 3000
SPACING = 32.0  # nm; 6.4 precisions


def seen(side: int, seed: int, n: int = 6000) -> scenes.Scene:
    return scenes.visits(scenes.lattice(side, SPACING), n=n, n_frames=N, seed=seed)


@pytest.mark.parametrize("side", [6, 12])
@pytest.mark.parametrize("frame", [500, 1400, 2600])
@pytest.mark.parametrize("step", [(1, 0), (0, -1)])
def test_a_slip_is_found_with_its_frame(side: int, frame: int, step: tuple[int, int]) -> None:
    scene = seen(side, frame)
    moved = np.where((scene.frames >= frame)[:, None], np.array(step) * SPACING, 0.0)
    slip = find_slip((scene.positions + moved) / scenes.PRECISION, scene.frames)
    assert slip is not None
    # The longer part stays: from the frame on, the other part is moved, or the frames before.
    np.testing.assert_allclose(slip.shift * scenes.PRECISION, moved[-1], atol=1.0)
    assert abs(slip.frame - frame) < 60


@pytest.mark.parametrize("side", [6, 12, 25])
def test_a_lattice_without_slips_has_none(side: int) -> None:
    """Also where drift that is left blurs it."""
    for seed in range(10):
        scene = seen(side, seed)
        wander = np.random.default_rng(seed).normal(0, 1, (60, 2))[scene.frames // 50]
        assert find_slip((scene.positions + wander) / scenes.PRECISION, scene.frames) is None


@pytest.mark.parametrize("at", [scenes.sites(300), scenes.rings(40), scenes.sites(1)])
def test_structures_that_do_not_repeat_have_no_slips(at: np.ndarray) -> None:
    scene = scenes.visits(at, n=6000, n_frames=N)
    moved = np.where((scene.frames >= 1000)[:, None], [20.0, 0.0], 0.0)
    assert find_slip((scene.positions + moved) / scenes.PRECISION, scene.frames) is None


def test_two_periods_are_two_slips() -> None:
    scene = seen(6, 1)
    shift = np.where((scene.frames >= 2000)[:, None], [2 * SPACING, 0.0], 0.0)
    positions = (scene.positions + shift) / scenes.PRECISION
    found = []
    while (slip := find_slip(positions, scene.frames)) is not None:
        positions = positions - np.where((scene.frames >= slip.frame)[:, None], slip.shift, 0.0)
        found.append(slip.shift * scenes.PRECISION)
    np.testing.assert_allclose(np.sum(found, axis=0), [2 * SPACING, 0], atol=2)


def test_a_lattice_without_ends_tells_nothing() -> None:
    """It goes on forever: a period off, everything fits as well."""
    scene = seen(20, 1, n=60_000)
    moved = np.where((scene.frames >= 1000)[:, None], [SPACING, 0.0], 0.0)
    around = np.mod(scene.positions + moved + SPACING / 2, 20 * SPACING)
    assert find_slip(around / scenes.PRECISION, scene.frames) is None
