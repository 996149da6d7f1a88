from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.neighbours.nena import neighbour_precision, precision


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


@pytest.mark.parametrize("sigma", [(8.0, 8.0), (6.0, 6.0, 20.0)])
def test_the_precision_is_as_good_as_its_pairs_allow(sigma: tuple[float, ...]) -> None:
    """Of n pairs that are the same molecule a standard deviation has an error of 1 / sqrt(4 n).

    In space z has its own precision, and the median of the absolute difference is less sharp.
    """
    found = []
    for seed in range(15):
        positions, frames = blinking(sigma, n=1000, seed=seed)
        found.append(precision(positions, frames) / sigma)
    error = np.std(found, axis=0)
    expected = 1 / np.sqrt(4 * 2 * 1000)
    assert (error[:2] < 2 * expected).all()
    assert (np.abs(np.mean(found, axis=0) - 1)[:2] < 4 * expected).all()
    assert (error[2:] < 5 * expected).all()
    assert (np.abs(np.mean(found, axis=0) - 1)[2:] < 0.05).all()


def test_successive_frames_alone_may_not_tell() -> None:
    """Molecules that skip frames show no precision there, but do in longer layers."""
    positions, frames = blinking((8.0, 8.0), period=5)
    assert np.isnan(neighbour_precision(positions, frames)).all()
    positions, frames = blinking((8.0, 8.0))
    np.testing.assert_allclose(neighbour_precision(positions, frames), 8, rtol=0.05)


def test_a_known_uncertainty_is_weighted_by_information() -> None:
    """Half of all information comes from localizations at least as precise."""
    positions, frames = blinking((8.0, 8.0))
    known = np.full(positions.shape, 20.0)
    known[: len(known) // 4] = 5.0  # 1/25 against 3/400: these have most of the information
    np.testing.assert_array_equal(precision(positions, frames, known), [5.0, 5.0])
