"""The rough transformation is found over all shifts and angles, and only if it is there."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.alignment.coarse import CoarseAlignment, coarse_alignment, turned


def pair(seed: int, same: bool = True) -> tuple[FloatArray, FloatArray]:
    """Two draws from the same molecules in clusters, about their centre, or from others."""
    rng = np.random.default_rng(seed)

    def molecules() -> FloatArray:
        centers = rng.uniform(-3000, 3000, (40, 1, 2))
        return (centers + rng.normal(0, 60, (40, 15, 2))).reshape(-1, 2)

    first = molecules()
    second = first if same else molecules()
    one, other = (m + rng.normal(0, 10, m.shape) for m in (first, second))
    return one - one.mean(axis=0), other - other.mean(axis=0)


def align(
    reference: FloatArray, moving: FloatArray, *, turn: bool = False, max_shift: float | None = None
) -> CoarseAlignment:
    return coarse_alignment(
        reference, moving, precision=10.0, max_shift=max_shift, turn=turn, progress=False
    )


@pytest.mark.parametrize("shift", [(0.0, 0.0), (40.0, -900.0), (-4000.0, 3000.0)])
def test_any_shift_is_found(shift: tuple[float, float]) -> None:
    reference, moving = pair(1)
    found = align(reference, moving - np.array(shift))
    assert found.is_clear
    assert found.angle == 0
    np.testing.assert_allclose(found.shift, shift, atol=found.reach)


@pytest.mark.parametrize("angle", [-2.8, -0.4, 0.03, 1.5, 3.1])
def test_any_angle_is_found(angle: float) -> None:
    reference, moving = pair(2)
    found = align(reference, turned(moving - [300.0, 200.0], -angle), turn=True)
    assert found.is_clear
    back = turned(turned(moving - [300.0, 200.0], -angle), found.angle) + found.shift
    assert np.linalg.norm(back - moving, axis=1).max() <= 1.5 * found.reach


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("seed", [3, 4])
def test_what_shares_nothing_is_not_clear(seed: int, turn: bool) -> None:
    assert not align(*pair(seed, same=False), turn=turn).is_clear


def test_a_limit_of_the_shift() -> None:
    reference, moving = pair(5)
    assert align(reference, moving + 500.0, max_shift=600.0).is_clear
    assert not align(reference, moving + 500.0, max_shift=300.0).is_clear
