"""How often chance passes for evidence, and that structure always does."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.methods.overlap.density import OverlapSums
from smlm_accessor.methods.overlap.evidence import (
    chance,
    judged,
    lies_on_nothing,
    lost,
    share_of,
    silent,
)
from tests import scenes
from tests.methods.overlap.test_density import density_of


def sums_of(
    block_events: FloatArray, window_events: FloatArray, mean: float, seed: int
) -> OverlapSums:
    """Sums whose curvature has a mean and a variance in proportion to the weight of events.

    Pairs of windows share half of the variance of the sum over them.
    """
    rng = np.random.default_rng(seed)

    def curvature(events: FloatArray, shared: float) -> FloatArray:
        own = rng.normal(0, 1, (len(events), 2)) * np.sqrt(events)[:, None]
        common = rng.normal(0, 1, 2) * np.sqrt(shared / events.sum())
        return np.asarray(own + (mean + common) * events[:, None])

    none = np.zeros((len(window_events), 2))
    return OverlapSums(
        window_events, window_events, none, curvature(window_events, 1.0),
        none, block_events, curvature(block_events, 0.0),
    )  # fmt: skip


@pytest.mark.parametrize(("blocks", "windows"), [(16, 5), (3, 200), (16, 200)])
def test_chance_is_the_probability_it_says(blocks: int, windows: int) -> None:
    rng = np.random.default_rng(1)
    found = []
    for seed in range(1_000):
        each = rng.uniform(50, 100, blocks), rng.uniform(5, 10, windows)
        found.append(chance(sums_of(*each, mean=0.0, seed=seed))[0])
    for level in (0.02, 0.1):
        # Of two tests, the one that passes more easily counts, at half of the level.
        assert 0.5 * level < np.mean(np.array(found) < level) < 1.5 * level


def test_few_blocks_and_few_windows_are_taken_by_the_sign() -> None:
    few = np.full(3, 100.0)
    assert (chance(sums_of(few, few, mean=1.0, seed=1)) == 0).all()
    assert (chance(sums_of(few, few, mean=-1.0, seed=1)) == 1).all()


@pytest.mark.parametrize("windows", [10, 400])
def test_uniform_localizations_are_no_evidence(windows: int) -> None:
    passed = 0
    for seed in range(25):
        scene = scenes.background(n=5_000, n_frames=2_000, size=10_000, seed=seed)
        density, cut, drift = density_of(scene, windows)
        passed += bool((chance(density.sums(drift, cut)) < FALSE_ALARM).all())
    assert passed == 0


@pytest.mark.parametrize("windows", [10, 400])
def test_molecules_that_come_back_ever_less_are_evidence(windows: int) -> None:
    scene = scenes.visits(scenes.sites(300), n=8_000, n_frames=4_000)
    fading = np.random.default_rng(1).random(len(scene.frames)) < (1 - scene.frames / 4_000) ** 3
    density, cut, drift = density_of(scene.kept(fading), windows)
    assert (chance(density.sums(drift, cut)) < 1e-8).all()


def test_one_molecule_is_evidence() -> None:
    scene = scenes.visits(np.zeros((1, 2)), n=500, n_frames=4_000)
    density, cut, drift = density_of(scene, 100)
    assert (chance(density.sums(drift, cut)) < FALSE_ALARM).all()


def test_many_uniform_localizations_are_no_evidence() -> None:
    """The more there are, the less curvature would pass: that of background is none at all."""
    found = []
    for seed in range(5):
        scene = scenes.background(n=200_000, n_frames=2_000, size=30_000, seed=seed)
        density, cut, drift = density_of(scene, 100)
        found.append(chance(density.sums(drift, cut)))
    assert np.min(found) > FALSE_ALARM


def test_windows_that_lie_on_nothing_are_lost() -> None:
    rng = np.random.default_rng(1)
    quality, frames = rng.normal(0.8, 0.1, 200), np.ones(200, dtype=int)
    assert not lost(quality, frames).any()
    quality[120:150] = rng.normal(0, 0.1, 30)
    found = lost(quality, frames)
    assert found[123:147].all()
    assert not found[np.r_[0:115, 155:200]].any()
    assert not lost(np.zeros(30), frames[:30]).any()  # too few windows to tell


def showing(share: FloatArray, weight: FloatArray) -> OverlapSums:
    """Sums whose curvature is so large a part of the responsibilities."""
    both = np.repeat((share * weight)[:, None], 2, axis=1)
    return OverlapSums(weight, weight, 0 * both, both, both, weight[:1], both[:1])


def is_silent(sums: OverlapSums) -> BoolArray:
    return silent(sums, share_of(sums))


def test_windows_that_show_nothing_are_silent() -> None:
    rng, weight = np.random.default_rng(2), np.full(200, 30.0)
    # Background comes to half of all from the hundredth window on: these show something, too.
    share = np.where(np.arange(200) < 100, 0.8, 0.25) + rng.normal(0, 0.1, 200)
    assert is_silent(showing(share, weight)).mean() < 0.03
    share[150:] = rng.normal(0, 0.1, 50)
    found = is_silent(showing(share, weight))
    assert found[153:].all()
    assert found[:147].mean() < 0.03
    assert not is_silent(showing(share[:30] * 0, weight[:30])).any()  # too few windows to tell


def test_a_window_between_single_frames_is_not_lost() -> None:
    """Frames beside jumps show nothing by themselves, and say nothing of the window between."""
    quality, frames = np.full(200, 0.8), np.full(200, 20)
    quality[[99, 101]], quality[[98, 102]], frames[[98, 99, 101, 102]] = -0.1, 0.0, 1
    assert not lost(quality, frames).any()


def test_a_run_that_lies_on_nothing_is_told() -> None:
    """Windows of information 1 each, with a scatter of one half; a run of them has none."""
    rng, n = np.random.default_rng(3), 200
    quality = 1.0 + 0.5 * rng.normal(size=n)
    quality[150:] = 0.5 * rng.normal(size=50)
    seen = np.ones(n, dtype=bool)
    seen[150:] = False
    seen[[20, 21, 60]] = False
    told = lies_on_nothing(quality, np.full(n, 20.0), seen)
    assert np.flatnonzero(told).tolist() == list(range(150, 200))


@pytest.mark.parametrize("seed", range(20))
def test_a_run_with_little_of_the_sample_is_not_told(seed: int) -> None:
    """A quarter of the usual quality in fifty windows is more than chance."""
    rng, n = np.random.default_rng(seed), 200
    quality = np.where(np.arange(n) < 150, 1.0, 0.25) + 0.2 * rng.normal(size=n)
    assert not lies_on_nothing(quality, np.full(n, 20.0), np.arange(n) < 150).any()


def test_a_few_windows_tell_nothing() -> None:
    """Two of them, or many with a single event or two."""
    quality = np.ones(100)
    quality[40:43] = [0.1, -0.1, 0.05]
    seen = np.ones(100, dtype=bool)
    seen[40:43] = False
    assert not lies_on_nothing(quality, np.full(100, 20.0), seen).any()
    quality[:20], seen[:20] = 0.0, False
    events = np.where(np.arange(100) < 20, 0.3, 20.0)
    assert not lies_on_nothing(quality, events, seen).any()


@pytest.mark.parametrize("late", [True, False])
def test_of_a_run_at_an_end_the_part_that_lies_on_nothing_is_told(late: bool) -> None:
    """Less and less is seen of the sample, and then it jumps away."""
    rng, n = np.random.default_rng(5), 120
    quality = np.r_[np.ones(60), np.linspace(0.4, 0.2, 30), np.zeros(30)] + rng.normal(0, 0.1, n)
    seen = np.arange(n) < 60
    if not late:
        quality, seen = quality[::-1], seen[::-1]
    told = lies_on_nothing(quality, np.full(n, 20.0), seen)
    assert told[90:].all() if late else told[:30].all()
    assert not (told[:85] if late else told[35:]).any()


@pytest.mark.parametrize("late", [True, False])
def test_a_few_pairs_by_chance_near_an_end_do_not_end_what_lies_on_nothing(late: bool) -> None:
    """Where little is seen, they are the whole quality of a window."""
    few = np.array([57, 74, 61, 69, 47, 18, 8, 2, 9, 8, 1, 2, 1, 4], dtype=np.float64)
    pairs = np.array([0, 2, 3, -1, 0, 0, 2, 0, 6, 0, 0, 0, 0, 0], dtype=np.float64)
    events = np.concatenate([np.full(100, 200.0), few])
    quality = np.concatenate([np.full(100, 0.5), pairs / few])
    seen = ~lost(quality, np.concatenate([np.full(100, 80), few.astype(np.int64)]))
    assert seen[-6]
    order = slice(None, None, 1 if late else -1)
    found = lies_on_nothing(quality[order], events[order], seen[order])[order]
    assert not found[:100].any()
    assert found[101:].all()  # the window before is beside what is seen


def test_ends_on_nothing_are_windows_up_to_the_ends_and_the_one_beside() -> None:
    """The sample may have left in the window beside."""
    scene = scenes.visits(scenes.sites(100), n=6_000, n_frames=1_000)
    density, windows, drift = density_of(scene, 100)
    found = judged(density, drift, windows.timeline)
    assert not found.nothing.any()
    of_frame, n = found.windows.of_frame, len(found.windows)
    nothing = np.isin(of_frame, [0, 1, n // 2, n - 1])
    ends = found._replace(nothing=nothing).ends_on_nothing
    np.testing.assert_array_equal(ends, np.isin(of_frame, [0, 1, 2, n - 2, n - 1]))
    assert found._replace(nothing=nothing | True).ends_on_nothing.all()
