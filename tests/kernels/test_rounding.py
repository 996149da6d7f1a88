"""The step to which values were rounded."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.rounding import rounding_step

X = np.random.default_rng(1).uniform(-20_000, 20_000, 20_000)


@pytest.mark.parametrize("step", [0.1, 1.0, 7.0, 10.0, 106.0])
@pytest.mark.parametrize("single", [False, True])
def test_the_step_is_found_though_the_values_were_moved(step: float, single: bool) -> None:
    rounded = (X / step).round() * step
    values = rounded.astype(np.float32).astype(np.float64) if single else rounded
    assert rounding_step(values - 3.21, 20_000.0) == pytest.approx(step, rel=1e-3)


def test_numbers_of_single_precision_were_not_rounded() -> None:
    assert rounding_step(X, 20_000.0) == 0
    assert rounding_step(X.astype(np.float32).astype(np.float64), 20_000.0) == 0


def test_a_few_different_values_tell_nothing() -> None:
    assert rounding_step(np.repeat(10.0 * np.arange(99), 10), 990.0) == 0
    assert rounding_step(np.repeat(10.0 * np.arange(100), 10), 990.0) == 10
    assert rounding_step(np.zeros(0), 0.0) == 0
