from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate import simulate_csr


def test_the_number_is_as_given_or_poisson() -> None:
    assert len(simulate_csr(n_samples=1234, seed=1)) == 1234
    sizes = [
        len(simulate_csr(intensity=0.1, region=((0, 50), (10, 30)), seed=s)) for s in range(400)
    ]
    assert abs(np.mean(sizes) - 100) < 5 * np.sqrt(100 / 400)
    assert 0.7 < np.var(sizes) / 100 < 1.35


def test_positions_are_uniform_in_every_axis() -> None:
    region = ((0, 1000), (-20, 30), (5, 6))
    table = simulate_csr(n_samples=40_000, region=region, seed=2)
    for axis, (low, high) in zip("xyz", region, strict=True):
        counts, _ = np.histogram(table[f"position_{axis}"], bins=20, range=(low, high))
        assert counts.sum() == len(table)
        assert (abs(counts - 2000) < 5 * np.sqrt(2000)).all()


def test_neighbours_are_as_near_as_chance_has_it() -> None:
    from scipy.spatial import KDTree

    table = simulate_csr(n_samples=20_000, seed=3)
    distance, _ = KDTree(table[["position_x", "position_y"]]).query(
        table[["position_x", "position_y"]], k=2
    )
    mean = 0.5 / np.sqrt(20_000 / 1000**2)
    assert abs(distance[:, 1].mean() / mean - 1) < 0.03


@pytest.mark.parametrize(
    "options",
    [{}, {"n_samples": 10, "intensity": 1}, {"n_samples": -1}, {"intensity": 1e9}],
)
def test_what_makes_no_sense_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"n_samples|intensity"):
        simulate_csr(**options)
