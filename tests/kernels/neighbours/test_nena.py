from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.neighbours.nena import precision


def blinking(
    sigma: tuple[float, ...], *, period: int = 1, n: int = 4000, seed: int = 0
) -> tuple[FloatArray, IntArray]:
    """Molecules seen three times each, every ``period`` frames, six in a frame of 10,000."""
    rng = np.random.default_rng(seed)
    d = len(sigma)
    molecules = np.repeat(rng.uniform(0, 10_000, (n, d)), 3, axis=0)
    first = np.repeat(rng.integers(n // 2, size=n), 3)
    frames = first + period * np.tile(np.arange(3), n)
    positions = molecules + rng.normal(0, 1, (3 * n, d)) * sigma
    order = np.argsort(frames, kind="stable")
    return positions[order], frames[order]


@pytest.mark.parametrize("sigma", [(5.0, 5.0), (20.0, 10.0), (5.0, 6.0, 15.0)])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_the_precision_is_found(sigma: tuple[float, ...], scale: float) -> None:
    positions, frames = blinking(sigma)
    np.testing.assert_allclose(
        precision(positions * scale, frames), scale * np.array(sigma), rtol=0.05
    )


@pytest.mark.parametrize("period", [2, 5, 20])
def test_molecules_may_skip_frames(period: int) -> None:
    positions, frames = blinking((8.0, 8.0), period=period)
    # Too small by some: of several localizations of a molecule, the nearest is taken.
    np.testing.assert_allclose(precision(positions, frames), 8, rtol=0.15)


def test_background_does_not_matter() -> None:
    positions, frames = blinking((8.0, 8.0))
    rng = np.random.default_rng(1)
    noise = rng.uniform(0, 10_000, (4000, 2))
    positions = np.concatenate([positions, noise])
    frames = np.concatenate([frames, rng.integers(frames.max(), size=4000)])
    order = np.argsort(frames, kind="stable")
    np.testing.assert_allclose(precision(positions[order], frames[order]), 8, rtol=0.05)


def test_nothing_that_comes_back_gives_none() -> None:
    rng = np.random.default_rng(2)
    positions, frames = rng.uniform(0, 10_000, (9000, 2)), np.repeat(np.arange(1500), 6)
    assert np.isnan(precision(positions, frames)).all()


def test_known_uncertainties_are_taken() -> None:
    positions, frames = blinking((8.0, 8.0))
    known = np.column_stack([np.full(len(frames), 3.0), np.full(len(frames), np.nan)])
    known[::3, 0] = np.nan
    found = precision(positions, frames, known)
    assert found[0] == 3
    assert found[1] == pytest.approx(8, rel=0.05)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_localizations_give_none(n: int) -> None:
    positions = np.random.default_rng(3).normal(size=(n, 2))
    assert np.isnan(precision(positions, np.arange(n))).all()


def test_few_molecules_seen_rarely_over_a_long_movie() -> None:
    """What is left of a huge table: a few places of a wide field, that drift all along."""
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 50_000, (5, 2))
    sites = corners[rng.integers(5, size=40)] + rng.uniform(0, 1000, (40, 2))
    frames = np.sort(rng.integers(400_000, size=800_000))
    positions = sites[rng.integers(40, size=len(frames))] + rng.normal(0, 10, (len(frames), 2))
    positions += 200 * np.sin(3 * frames / 400_000)[:, None]
    np.testing.assert_allclose(precision(positions, frames), 10, rtol=0.1)
