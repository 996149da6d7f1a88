"""Overlap of blinks: counted by hand, nothing from chance, and errors that are true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.blinks import Blinks, in_some_blocks, thinned
from smlm_accessor.assess.field_halves import make_field_halves
from smlm_accessor.assess.overlap import Change, Overlap, change, overlaps

REACH = 20.0


def blinks_at(positions: FloatArray, frames: FloatArray | None = None) -> Blinks:
    block, second = make_field_halves(positions, 4 * REACH).of(positions)
    n, d = positions.shape
    at = np.arange(n) * 100 if frames is None else frames
    return Blinks(positions, at, block, second, 10, np.full(d, REACH), np.ones(n, dtype=np.bool_))


def overlap(blinks: Blinks, positions: FloatArray, *, halves: bool) -> Overlap:
    return overlaps(blinks, positions, halves=halves)[0][0]


def molecules(seed: int, spread: float = 5.0, n: int = 300) -> FloatArray:
    """Ten blinks each."""
    rng = np.random.default_rng(seed)
    sites = np.repeat(rng.uniform(0, 20_000, (n, 2)), 10, axis=0)
    return np.asarray(rng.permutation(sites + rng.normal(0, spread, sites.shape)))


def pairs(first: int, second: int) -> tuple[FloatArray, FloatArray]:
    """Return 50 pairs of blinks at one place each, in such frames, and 50 single blinks."""
    x = np.arange(100)[:, None] * [10 * REACH, 3 * REACH]
    at = np.arange(50) * 10_000
    frames = np.concatenate([at + first, at + second, at + 5_000])
    return np.concatenate([x[:50], x]), frames


def test_blinks_of_one_molecule_predict_each_other() -> None:
    x, frames = pairs(0, 100)
    found = overlap(blinks_at(x, frames), x, halves=False)
    assert found.log_density[:100].min() > found.log_density[100:].max() + 2
    assert found.from_others[:100].min() > 0.9
    assert found.from_others[100:].max() < 0.1


def test_blinks_that_could_be_one_do_not_count() -> None:
    for lag, least, most in ((5, 0.0, 0.1), (50, 0.9, 1.0)):
        x, frames = pairs(0, lag)
        found = overlap(blinks_at(x, frames), x, halves=False).from_others[:100]
        assert least <= found.min() <= found.max() <= most


def test_other_halves_do_not_count() -> None:
    x, frames = pairs(0, 100)
    blinks = blinks_at(x, frames)
    one, two = np.zeros(150, dtype=np.bool_), np.arange(150) >= 50
    for second, least, most in ((one, 0.9, 1.0), (two, 0.0, 0.1)):
        found = overlap(replace(blinks, second=second), x, halves=True).from_others[:100]
        assert least <= found.min() <= found.max() <= most


def test_the_density_is_that_of_the_field_where_blinks_are_anywhere() -> None:
    x = np.random.default_rng(1).uniform(0, 2_000, (20_000, 2))
    blinks = blinks_at(x)
    blinks = replace(blinks, inner=((x > REACH) & (x < 2_000 - REACH)).all(axis=1))
    found = overlap(blinks, x, halves=False)
    assert found.log_density[blinks.inner].mean() == pytest.approx(0, abs=0.02)


def test_the_density_of_a_structure_is_how_much_smaller_it_is_than_the_field() -> None:
    """Blinks in a disc as wide as a fifth of the field: 1 / 25 of its area, times pi / 4."""
    rng = np.random.default_rng(1)
    radius = 200 * np.sqrt(rng.uniform(0, 1, 20_000))
    angle = rng.uniform(0, 2 * np.pi, 20_000)
    disc = 1_000 + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    corners = np.array([[0.0, 0.0], [2_000.0, 2_000.0]]).repeat(250, axis=0)
    x = rng.permutation(np.concatenate([disc, corners]))
    blinks = replace(blinks_at(x), inner=np.hypot(*(x - 1_000).T) < 150)
    found = overlap(blinks, x, halves=False)
    expected = np.log(25 * 4 / np.pi)
    assert found.log_density[blinks.inner].mean() == pytest.approx(expected, abs=0.05)


def test_molecules_that_live_for_a_short_time_are_told_by_the_lag() -> None:
    """Sites, side by side, that are seen for a hundredth of the time. A jump in the middle is
    corrected: then those of the other half of the time lie beside, and only few on the same.
    """
    rng = np.random.default_rng(1)
    n_sites, n_blinks, n_frames = 400, 20, 100_000
    grid = np.stack(np.divmod(np.arange(n_sites), 20), axis=1) * 3.0 * REACH
    start = rng.uniform(0, n_frames, n_sites)
    frames = (start[:, None] + rng.uniform(0, n_frames / 100, (n_sites, n_blinks))).astype(int)
    true = (grid[:, None] + rng.normal(0, REACH / 4, (n_sites, n_blinks, 2))).reshape(-1, 2)
    frames = frames.ravel()
    moved = true + np.where(frames > n_frames / 2, 1.5 * REACH, 0.0)[:, None]
    blinks = blinks_at(moved, frames)
    (before, after), _ = overlaps(blinks, moved, true)
    found = change(blinks, before, after)
    assert found.total > 10
    assert found.gain > 0


def test_sharper_is_a_change_upwards_and_the_way_back_downwards() -> None:
    sharp = molecules(1)
    blurred = sharp + np.random.default_rng(2).normal(0, 10, sharp.shape)
    blinks = blinks_at(blurred)
    (before, after), _ = overlaps(blinks, blurred, sharp)
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
    scores = []
    for _ in range(300):
        common = rng.normal(0, 0.3, n_blocks)[block] if n_blocks > 10 else 0.0
        noise = (np.zeros(n), common + rng.normal(0, 1, n))
        before, after = (Overlap(c, np.full(n, 0.8)) for c in noise)
        scores.append(change(blinks, before, after).score)
    # Those from blocks of time are twice as careful.
    assert np.std(scores) == pytest.approx(1.0 if n_blocks > 10 else 0.5, rel=0.15)
    assert abs(np.mean(scores)) < 0.2


def test_the_gain_is_that_of_the_density() -> None:
    n = 1_000
    blinks = blinks_at(np.random.default_rng(1).uniform(0, 1e4, (n, 2)))
    half = np.arange(n) % 2 == 0  # the others may be anywhere
    density = (np.ones(n), np.where(half, 1.5, 1.0))
    found = change(blinks, *(Overlap(np.log(d), half.astype(float)) for d in density))
    assert found.gain == pytest.approx(0.5)


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


def test_of_many_blinks_some_field_blocks_count_whole() -> None:
    rng = np.random.default_rng(1)
    many = blinks_at(rng.uniform(0, 50_000, (120_000, 2)))
    use = in_some_blocks(many)
    assert 38_000 < use.sum() <= 40_000
    for block in np.unique(many.block):
        assert use[many.block == block].all() or not use[many.block == block].any()
    assert 0.2 < many.second[use].mean() < 0.8
    assert in_some_blocks(many.some(use)).all()  # no fewer than are enough


def test_field_blocks_with_many_blinks_each_are_not_too_few() -> None:
    block = np.repeat(np.arange(0, 100, 2), 2_000)  # every other block is empty
    x = np.zeros((len(block), 2))
    some = replace(
        blinks_at(x), block=block, second=block % 4 == 0, inner=np.ones(len(block), dtype=np.bool_)
    )
    assert len(np.unique(block[in_some_blocks(some)])) == 30
