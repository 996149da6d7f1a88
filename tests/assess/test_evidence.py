"""Evidence: descriptions that are lengths of a code, and odds that chance does not bring."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.blinks import REACH, Blinks
from smlm_accessor.assess.evidence import _length_of, describe, evidence
from smlm_accessor.assess.overlap import change, overlaps

PRECISION = 5.0
NO_JUMPS = np.zeros(0, dtype=np.int64)


def blinks_at(positions: FloatArray, frames: FloatArray) -> Blinks:
    n, d = positions.shape
    block = np.arange(n) % 50
    inner = np.ones(n, dtype=np.bool_)
    return Blinks(positions, frames, block, block % 2 == 0, 3, np.full(d, REACH * PRECISION), inner)


def scene(seed: int, n_sites: int = 150, visits: int = 20) -> tuple[FloatArray, FloatArray]:
    """Sites that come back at any time: true positions, and frames."""
    rng = np.random.default_rng(seed)
    sites = np.repeat(rng.uniform(0, 10_000, (n_sites, 2)), visits, axis=0)
    return sites + rng.normal(0, PRECISION, sites.shape), rng.integers(0, 10_000, len(sites))


def odds(moved: FloatArray, corrected: FloatArray, frames: FloatArray, jumps=NO_JUMPS) -> float:
    blinks = blinks_at(moved, frames)
    (before, after), weights = overlaps(blinks, moved, corrected)
    return evidence(blinks, corrected, jumps, (before, after), weights)


def test_lengths_are_those_of_a_code() -> None:
    """The probabilities of all sequences of two numbers add up to no more than one."""
    numbers = np.arange(-60, 61)
    lengths = [_length_of(np.array([a, b], dtype=float)) for a in numbers for b in numbers]
    assert 0.5 < np.exp(-np.array(lengths)).sum() < 1


def test_what_stays_the_same_is_said_in_few_words() -> None:
    n = 100
    assert _length_of(np.zeros(n)) < n
    rng = np.random.default_rng(1)
    for size in (3.0, 30.0):
        numbers = np.round(rng.laplace(0, size, n))
        entropy = np.log(2 * np.e * size)
        assert _length_of(numbers) == pytest.approx(n * entropy, rel=0.1)


def test_a_description_is_near_the_drift_and_better_with_more_knots() -> None:
    frames = np.random.default_rng(1).integers(0, 10_000, 5_000)
    drift = np.column_stack([200 * np.sin(frames / 1_500), frames / 50])
    off, lengths = [], []
    for n_knots in (4, 16, 64):
        described, length = describe(frames, drift, n_knots, NO_JUMPS, np.full(2, PRECISION))
        difference = described - drift
        off.append(np.std(difference, axis=0).max())
        lengths.append(length)
    assert off[0] > 5 * off[1] > 5 * off[2]
    assert off[2] < PRECISION / 2
    assert lengths == sorted(lengths)


def test_a_line_is_described_to_its_ends() -> None:
    frames = np.arange(10_000)
    drift = np.column_stack([frames, -2 * frames]) * (4 * PRECISION / 10_000)
    described, _ = describe(frames, drift, 2, NO_JUMPS, np.full(2, PRECISION))
    np.testing.assert_allclose(described - described[:1], drift, atol=1.0)


def test_a_jump_that_is_known_is_described_as_one() -> None:
    frames = np.arange(1_000)
    drift = np.where(frames < 430, 0.0, 1_000.0)[:, None]
    described, length = describe(frames, drift, 2, np.array([430]), np.array([PRECISION]))
    np.testing.assert_allclose(described, drift, atol=PRECISION / 2)
    assert np.log(1_000) < length < 40


def test_true_drift_is_told_from_chance() -> None:
    true, frames = scene(1)
    drift = np.column_stack([100 * np.sin(frames / 2_000), frames / 200])
    assert odds(true + drift, true, frames) > 1_000
    jump = np.where(frames < 4_300, 0.0, 300.0)[:, None]
    assert odds(true + jump, true, frames, np.array([4_300])) > 100


def test_small_drift_is_told_too() -> None:
    true, frames = scene(1)
    drift = np.column_stack([frames / 2_000, frames * 0])  # a precision, in all
    assert 7 < odds(true + drift, true, frames) < 400


def test_drift_within_a_precision_is_told_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    true, frames = scene(1, n_sites=600, visits=40)
    wave = 0.24 * PRECISION * np.sin(frames / 1_500)
    moved = true + np.column_stack([wave, 0 * frames])
    assert odds(moved, true, frames) > 7
    monkeypatch.setattr("smlm_accessor.assess.evidence._UNITS", (1.0,))
    assert odds(moved, true, frames) < 0


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_many_positions_is_no_evidence(seed: int) -> None:
    """Background only; each of 40 windows is moved to the best of 400 positions for it."""
    rng = np.random.default_rng(seed)
    x, frames = rng.uniform(0, 3_000, (2_000, 2)), np.arange(2_000)
    blinks = blinks_at(x, frames)
    window = frames // 50
    corrected = x.copy()
    for number in [*range(40)] * 3:  # in turns: each to the others where they are by then
        rows = window == number
        tried = np.concatenate([np.zeros((1, 2)), rng.normal(0, 100, (400, 2))])
        others = cKDTree(corrected[~rows])
        moved = corrected[rows][None] + tried[:, None]
        near = others.query_ball_point(moved, blinks.reach[0] / 2, return_length=True)
        corrected[rows] += tried[near.sum(axis=1).argmax()]
    (before, after), weights = overlaps(blinks, x, corrected)
    direct = change(blinks, before, after)
    assert direct.score > 3  # it looks better
    assert evidence(blinks, corrected, NO_JUMPS, (before, after), weights) < 0


def test_a_fit_to_the_noise_of_the_same_blinks_is_no_evidence() -> None:
    """Each window to the mean of its own errors: what the best estimate from the same data does."""
    rng = np.random.default_rng(5)
    frames = rng.integers(0, 10_000, 3_000)
    sites = np.repeat(rng.uniform(0, 10_000, (150, 2)), 20, axis=0)
    noise = rng.normal(0, PRECISION, sites.shape)
    window = frames // 250
    counts = np.bincount(window)
    mean = np.column_stack([np.bincount(window, e) / counts for e in noise.T])
    x = sites + noise
    blinks = blinks_at(x, frames)
    (before, after), weights = overlaps(blinks, x, x - mean[window])
    direct = change(blinks, before, after)
    assert direct.total > 0
    assert evidence(blinks, x - mean[window], NO_JUMPS, (before, after), weights) < 3


def test_few_blinks_are_no_evidence() -> None:
    x = np.array([[0.0, 0.0], [5.0, 0.0]])
    assert odds(x, x, np.array([0, 100])) == -np.inf


def test_a_bead_alone_is_no_evidence() -> None:
    """It moves, and nothing else does; without it, or with many, it would be."""
    rng = np.random.default_rng(1)
    frames = np.arange(4_000)
    motion = np.column_stack([100 * np.sin(frames / 500), frames / 20])
    for n_beads, told in ((1, False), (4, True)):
        beads = np.repeat(rng.uniform(2_000, 8_000, (n_beads, 1, 2)), len(frames), axis=1)
        moved = beads + motion + rng.normal(0, PRECISION, beads.shape)
        background = rng.uniform(0, 10_000, (8_000, 2))
        x = np.concatenate([*moved, background])
        at = np.concatenate([np.tile(frames, n_beads), rng.integers(0, 4_000, 8_000)])
        assert (odds(x, x - motion[at], at) > 7) == told
