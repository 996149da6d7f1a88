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


def seen_for_a_while(life: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """64 lattices of 3 by 4 sites; each site is visited 40 times, in a part of the movie."""
    rng = np.random.default_rng(seed)
    corners = scenes.lattice(8, 10 * SPACING) + rng.uniform(-60, 60, (64, 2))
    sites = (corners[:, None] + scenes.lattice(4, SPACING)[4:]).reshape(-1, 2)
    begin = rng.uniform(-life, 1.0, len(sites))
    frames = (N * (begin[:, None] + life * rng.random((len(sites), 40)))).ravel().astype(int)
    positions = np.repeat(sites, 40, axis=0) + rng.normal(0, scenes.PRECISION, (len(frames), 2))
    order = np.flatnonzero((frames >= 0) & (frames < N))
    order = order[np.argsort(frames[order], kind="stable")]
    return positions[order], frames[order]


@pytest.mark.parametrize("seed", range(6))
def test_molecules_that_do_not_last_are_no_slip(seed: int) -> None:
    """Others are seen later, at other sites of the lattices: each is one observation."""
    positions, frames = seen_for_a_while(0.2, seed)
    assert find_slip(positions / scenes.PRECISION, frames, lasting=False) is None


@pytest.mark.parametrize("seed", range(3))
def test_a_slip_is_found_where_molecules_do_not_last(seed: int) -> None:
    positions, frames = seen_for_a_while(1.5, seed)
    moved = np.where((frames >= 1400)[:, None], [SPACING, 0.0], 0.0)
    slip = find_slip((positions + moved) / scenes.PRECISION, frames, lasting=False)
    assert slip is not None
    np.testing.assert_allclose(slip.shift * scenes.PRECISION, [SPACING, 0], atol=1.0)
    # Only what lives on tells where: within two of the 32 cuts.
    assert abs(slip.frame - 1400) < 2 * N / 32


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
