"""Overlap of blinks: counted by hand, nothing from chance, and errors that are true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.field_halves import make_field_halves
from smlm_accessor.assess.overlap import Blinks, Change, Overlap, change, thinned

REACH = 20.0


def blinks_at(positions: FloatArray, frames: FloatArray | None = None) -> Blinks:
    block, second = make_field_halves(positions, 4 * REACH).of(positions)
    n, d = positions.shape
    at = np.arange(n) * 100 if frames is None else frames
    return Blinks(positions, at, block, second, 10, np.full(d, REACH), np.ones(n, dtype=np.bool_))


def molecules(seed: int, spread: float = 5.0, n: int = 300) -> FloatArray:
    """Ten blinks each."""
    rng = np.random.default_rng(seed)
    sites = np.repeat(rng.uniform(0, 20_000, (n, 2)), 10, axis=0)
    return np.asarray(rng.permutation(sites + rng.normal(0, spread, sites.shape)))


def test_blinks_of_one_molecule_are_counted_and_what_is_beside_is_not() -> None:
    found = blinks_at(np.array([[0.0, 0.0]] * 3 + [[500.0, 0.0]])).overlap(
        np.array([[0.0, 0.0]] * 3 + [[500.0, 0.0]]), halves=False
    )
    assert found.neighbour_counts[:3] == pytest.approx(found.neighbour_counts[0])
    assert found.neighbour_counts[0] > 0
    assert found.neighbour_counts[3] == 0
    assert found.contrast == pytest.approx(np.log1p(found.neighbour_counts))


def test_blinks_that_could_be_one_do_not_count() -> None:
    positions = np.zeros((2, 2))
    near = blinks_at(positions, np.array([0, 5])).overlap(positions, halves=False)
    far = blinks_at(positions, np.array([0, 50])).overlap(positions, halves=False)
    assert near.neighbour_counts.tolist() == [0, 0]
    assert (far.neighbour_counts > 0).all()


def test_other_halves_do_not_count() -> None:
    positions = np.zeros((2, 2))
    blinks = replace(blinks_at(positions), second=np.array([False, True]))
    assert (blinks.overlap(positions, halves=False).neighbour_counts > 0).all()
    assert blinks.overlap(positions, halves=True).neighbour_counts.tolist() == [0, 0]


def test_background_has_no_contrast() -> None:
    x = np.random.default_rng(1).uniform(0, 2_000, (20_000, 2))
    contrast = blinks_at(x).overlap(x, halves=False).contrast
    assert abs(contrast.mean()) < 4 * contrast.std() / np.sqrt(len(x) / 10)


def test_sharper_is_a_change_upwards_and_the_way_back_downwards() -> None:
    sharp = molecules(1)
    blurred = sharp + np.random.default_rng(2).normal(0, 10, sharp.shape)
    blinks = blinks_at(blurred)
    before, after = (blinks.overlap(x, halves=False) for x in (blurred, sharp))
    there, back = change(blinks, before, after), change(blinks, after, before)
    assert there.score > 5
    assert there.gain > 0.2
    assert (back.total, back.score) == pytest.approx((-there.total, -there.score))
    halves = [change(blinks, before, after, rows) for rows in (blinks.second, ~blinks.second)]
    assert sum(half.total for half in halves) == pytest.approx(there.total)
    assert (halves[0] + halves[1]).total == pytest.approx(there.total)
    assert (halves[0] + halves[1]).error == halves[0].error + halves[1].error


@pytest.mark.parametrize("n_blocks", [100, 3])
def test_scores_without_effect_are_standard_normal(n_blocks: int) -> None:
    """From blocks of the field, or of time where these are few; blinks of a block vary together."""
    rng = np.random.default_rng(1)
    n = 3_000
    block = rng.integers(0, n_blocks, n)
    blinks = replace(blinks_at(rng.uniform(0, 1, (n, 2))), block=block, frames=rng.permutation(n))
    counts = np.full(n, 5.0)
    scores = []
    for _ in range(300):
        common = rng.normal(0, 0.3, n_blocks)[block] if n_blocks > 10 else 0.0
        before, after = (Overlap(counts, c) for c in (np.zeros(n), common + rng.normal(0, 1, n)))
        scores.append(change(blinks, before, after).score)
    # Those from blocks of time are twice as careful.
    assert np.std(scores) == pytest.approx(1.0 if n_blocks > 10 else 0.5, rel=0.15)
    assert abs(np.mean(scores)) < 0.2


def test_the_gain_is_that_of_the_neighbour_counts() -> None:
    n = 1_000
    blinks = blinks_at(np.random.default_rng(1).uniform(0, 1e4, (n, 2)))
    few, many = np.full(n, 1_000.0), np.full(n, 1_500.0)
    found = change(blinks, *(Overlap(counts, np.log1p(counts)) for counts in (few, many)))
    assert found.gain == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("z", [0.0, 1.0, -3.0, 8.0])
def test_scores_are_those_of_a_normal_distribution(z: float) -> None:
    for freedom in (5.0, 100.0):
        t = float(stats.t.isf(stats.norm.sf(z), freedom))
        assert Change(t, 1.0, freedom, 1.0).score == pytest.approx(z, rel=0.03, abs=1e-9)
    assert Change(1.0, 0.0, 5.0, 1.0).score == 0


def test_crowded_blocks_are_thinned_alike_before_and_after() -> None:
    rng = np.random.default_rng(1)
    crowd = rng.normal(0, REACH / 4, (5_000, 2))
    sparse = rng.uniform(2_000, 50_000, (500, 2))
    positions = np.concatenate([crowd, sparse])
    corrected = positions + 3.0
    corrected[-1] = np.nan
    left, there = thinned(blinks_at(positions), corrected)
    np.testing.assert_allclose(there, left.positions + 3.0)
    # Elsewhere all but the one that cannot be corrected, and those of the crowded block.
    assert 490 < (there[:, 0] > 1_000).sum() <= 499
    assert 20 < (there[:, 0] < 1_000).sum() < 500
