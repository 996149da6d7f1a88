"""Where one set of points lies on another, by their images."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.correlation.global_shift import (
    find_global_shift,
    find_shift_at_any_scale,
)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (55.0, -70.0)])
def test_any_shift_at_which_the_fields_overlap(shift: tuple[float, float]) -> None:
    points = np.random.default_rng(1).uniform(0, 100, (800, 2))
    found = find_global_shift(points, points - shift, 0.5)
    np.testing.assert_allclose(found.shift, shift, atol=0.5)
    assert found.significance > 5


def test_the_edges_of_a_field_do_not_count() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.uniform(0, 100, (2, 50_000, 2))
    for smoothing in (1.0, 2.0, 4.0):
        assert find_global_shift(one, other, smoothing).significance < 4


def test_a_shift_beyond_the_largest_is_not_found() -> None:
    points = np.random.default_rng(3).uniform(0, 100, (500, 2))
    found = find_global_shift(points, points + np.array([30.0, 0.0]), 0.5, np.array([20.0, 20.0]))
    assert (np.abs(found.shift) <= 20).all()
    assert found.significance < 5


def test_one_bright_spot_in_each_is_no_evidence() -> None:
    rng = np.random.default_rng(4)
    sets = [
        np.concatenate([rng.uniform(0, 100, (500, 2)), rng.normal(spot, 0.1, (5000, 2))])
        for spot in ([20.0, 30.0], [60.0, 70.0])
    ]
    assert find_global_shift(*sets, 0.5).significance < 3


@pytest.mark.parametrize("shared", [1.0, 0.1])
def test_the_scale_is_chosen(shared: float) -> None:
    """Molecules that are seen ten times each: the field has 800 precisions."""
    rng = np.random.default_rng(5)
    at, other = rng.uniform(0, 4_000, (2, 200, 2))
    other[: int(200 * shared)] = at[: int(200 * shared)]
    one, moved = (np.repeat(x, 10, axis=0) + rng.normal(0, 5, (2_000, 2)) for x in (at, other))
    found = find_shift_at_any_scale(one, moved - [700.0, -300.0], 5.0)
    np.testing.assert_allclose(found.shift, [700, -300], atol=2 * found.smoothing)
    assert found.significance > 5
