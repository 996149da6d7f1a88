"""The own motion of beads, from how they move against each other, on known variances."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.beads.own_motion import own_motion


def moving(
    rng: np.random.Generator, white: list[float], walk: list[float], k: int = 200
) -> FloatArray:
    """Means of beads with a common drift of 1,000 times their own motion, shape (k, b)."""
    common = 1000 * np.cumsum(rng.normal(size=k))
    own = np.cumsum(rng.normal(size=(k, len(walk))), axis=0) * np.sqrt(np.array(walk) / k)
    return common[:, None] + own + rng.normal(size=own.shape) * np.sqrt(white)


def found_in(means: FloatArray, shot: float = 0.0):  # type: ignore[no-untyped-def]
    k = len(means)
    seen = np.ones(means.shape, bool)
    return own_motion(means, seen, np.full(means.shape, shot), np.linspace(0, 1, k))


@pytest.mark.parametrize("b", [2, 3, 6, 24])
@pytest.mark.parametrize(("white", "walk"), [(1.0, 0.0), (0.2, 30.0), (0.0, 5.0)])
def test_variances_of_beads_that_are_alike(b: int, white: float, walk: float) -> None:
    rng = np.random.default_rng(b)
    found = [found_in(moving(rng, [white] * b, [walk] * b)) for _ in range(10)]
    assert not np.any([f.alone for f in found])
    average = np.mean([f.white for f in found]) + np.mean([f.walk for f in found]) / 6
    assert average == pytest.approx(white + walk / 6, rel=0.25)
    assert np.mean([f.white for f in found]) == pytest.approx(white, abs=0.1 + 0.002 * walk)


def test_jitter_is_not_own_motion() -> None:
    rng = np.random.default_rng(1)
    found = [found_in(moving(rng, [4.0] * 4, [0.0] * 4), shot=4.0) for _ in range(10)]
    # A twentieth of it: variances are at least 0, and so a little too large on average.
    assert np.mean([f.white + f.walk / 6 for f in found]) < 0.075 * 4.0


@pytest.mark.parametrize(("b", "loose"), [(3, 1), (5, 2), (12, 3)])
def test_loose_beads_have_their_own_variance(b: int, loose: int) -> None:
    rng = np.random.default_rng(b)
    for _ in range(5):
        walk = np.full(b, 1.0)
        walk[:loose] = [400.0, 150.0, 900.0][:loose]
        found = found_in(moving(rng, [0.1] * b, walk.tolist()))
        assert found.alone[:loose].all()
        assert not found.alone[loose:].any()
        assert np.ptp(found.walk[loose:]) == 0
        assert (found.walk[:loose] / walk[:loose] > 0.4).all()
        assert (found.walk[:loose] / walk[:loose] < 2).all()


def test_a_bead_like_the_others_is_rarely_left_out() -> None:
    rng = np.random.default_rng(5)
    alone = [found_in(moving(rng, [0.5] * 5, [2.0] * 5, 60)).alone.any() for _ in range(100)]
    assert np.mean(alone) < 0.04


def test_a_window_in_which_another_spot_was_taken_counts_no_more() -> None:
    rng = np.random.default_rng(6)
    means = moving(rng, [1.0] * 4, [0.0] * 4)
    means[50, 2] += 300
    found = found_in(means)
    assert not found.alone.any()
    assert found.white.max() + found.walk.max() / 6 < 1.3


def test_the_variance_of_a_walk_about_its_mean() -> None:
    rng = np.random.default_rng(7)
    k = 100
    time = (np.arange(k) + 0.5) / k
    walks = np.cumsum(rng.normal(0, 1 / np.sqrt(k), (5000, k)), axis=1)
    walks -= walks.mean(axis=1, keepdims=True)
    found = found_in(moving(rng, [0.0] * 3, [1.0] * 3))
    expected = found.variance(time)[:, 0] / found.walk[0]
    np.testing.assert_allclose(walks.var(axis=0), expected, rtol=0.1)


def test_beads_that_are_never_seen_together_tell_nothing() -> None:
    seen = np.zeros((20, 2), bool)
    seen[:10, 0] = seen[10:, 1] = True
    found = own_motion(np.zeros((20, 2)), seen, np.ones((20, 2)), np.linspace(0, 1, 20))
    assert not found.white.any()
    assert not found.walk.any()
