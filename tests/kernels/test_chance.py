"""How high numbers are by chance."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.chance import FALSE_ALARM, highest_by_chance


@pytest.mark.parametrize("n", [1, 30])
def test_false_alarms_are_as_many_as_promised(n: int) -> None:
    numbers = np.random.default_rng(1).normal(size=(100_000, n)).max(axis=1)
    alarms = float(np.mean(numbers > highest_by_chance(n)))
    assert 0.7 < alarms / FALSE_ALARM < 1.3
