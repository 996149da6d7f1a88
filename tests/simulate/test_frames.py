from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate import simulate_frame_numbers


@given(n=st.integers(0, 2000), lam=st.floats(0.01, 1e4), seed=st.integers(0, 2**32 - 1))
def test_any_movie_starts_at_zero_and_never_goes_back(n: int, lam: float, seed: int) -> None:
    frames = simulate_frame_numbers(n, lam, seed)
    assert frames.dtype == np.int64
    assert frames.shape == (n,)
    assert (frames[:1] == 0).all()
    assert (np.diff(frames) >= 0).all()


@pytest.mark.parametrize("lam", [0.2, 3.0, 40.0])
def test_localizations_per_frame_are_poisson(lam: float) -> None:
    from scipy import stats

    n = int(40_000 * lam)
    frames = simulate_frame_numbers(n, lam, seed=7)
    counts = np.bincount(frames)[1:-1]  # the movie starts with a localization, and ends with one
    assert abs(counts.mean() - lam) < 5 * np.sqrt(lam / len(counts))
    values = np.arange(int(lam + 4 * np.sqrt(lam)) + 1)
    observed = np.bincount(np.minimum(counts, len(values)), minlength=len(values) + 1)
    expected = len(counts) * np.append(
        stats.poisson.pmf(values, lam), stats.poisson.sf(values[-1], lam)
    )
    enough = expected > 10
    chi_square = ((observed - expected)[enough] ** 2 / expected[enough]).sum()
    assert stats.chi2.sf(chi_square, enough.sum() - 1) > 1e-4


def test_frames_are_independent_of_each_other() -> None:
    counts = np.bincount(simulate_frame_numbers(150_000, 3, seed=3))[1:-1]
    correlation = np.corrcoef(counts[1:], counts[:-1])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(len(counts))


def test_a_generator_goes_on_and_a_seed_starts_again() -> None:
    rng = np.random.default_rng(1)
    first, second = simulate_frame_numbers(100, 3, rng), simulate_frame_numbers(100, 3, rng)
    np.testing.assert_array_equal(first, simulate_frame_numbers(100, 3, 1))
    assert (first != second).any()


@pytest.mark.parametrize(
    ("n", "lam", "named"),
    [
        (-1, 3, "n_samples=-1"),
        (1.5, 3, "n_samples=1.5"),
        (10, 0, "lam=0"),
        (10, np.nan, "lam=nan"),
        (10, "three", "lam='three'"),
        (10, 1e-300, "lam=1e-300"),
    ],
)
def test_what_makes_no_sense_is_named(n: int, lam: float, named: str) -> None:
    with pytest.raises(OptionError, match=named):
        simulate_frame_numbers(n, lam)
