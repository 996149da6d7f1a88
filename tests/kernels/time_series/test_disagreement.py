"""By how much series disagree: nothing by chance, and as much as they do."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.time_series.disagreement import disagreement

K, LEVEL = 64, 1e-3
COVARIANCE = 0.5 * np.eye(K) + 1e6  # a constant is free
VARIANCE = np.ones(K)


def differences(seed: int, factor: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, np.sqrt(0.5 + factor * VARIANCE)) + 1e3


def test_chance_is_not_called_a_disagreement() -> None:
    """Five lengths of runs in each of 60 series at a level of 1 in 1,000."""
    factors = [disagreement(differences(s), COVARIANCE, VARIANCE, LEVEL).factor for s in range(60)]
    assert np.count_nonzero(np.array(factors) > 1) == 0


def test_the_factor_of_white_errors_is_found() -> None:
    found = [disagreement(differences(s, 9.0), COVARIANCE, VARIANCE, LEVEL) for s in range(8)]
    assert np.median([one.factor for one in found]) == pytest.approx(9, rel=0.3)
    assert np.median([one.found for one in found]) > 1.8 * np.median([o.expected for o in found])


def test_what_is_wrong_slowly_shows_in_long_runs() -> None:
    """A slope far below the errors of single values, and times without a value."""
    variance = VARIANCE.copy()
    variance[::7] = np.inf
    slope = 5.0 * np.linspace(-0.5, 0.5, K)
    found = disagreement(differences(1) + slope, COVARIANCE, variance, LEVEL)
    assert found.factor > 4
    assert disagreement(differences(1), COVARIANCE, variance, LEVEL).factor == 1


def test_two_values_tell_nothing() -> None:
    assert disagreement(np.array([0.0, 9.0]), np.eye(2), np.ones(2), LEVEL).factor == 1
