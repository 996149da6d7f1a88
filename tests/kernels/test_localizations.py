"""Localizations that are taken, joined and sorted together stay together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor.kernels.localizations import LocalizationArrays


def some(n: int = 200, seed: int = 1) -> LocalizationArrays:
    """Every array tells which localization it is about."""
    rng = np.random.default_rng(seed)
    x = rng.permutation(n).astype(float)
    return LocalizationArrays(
        np.column_stack([x, -x]),
        rng.integers(0, 9, n),
        uncertainty=np.column_stack([x, x]) + 0.25,
        group=x.astype(np.int64) % 7,
    )


def require_together(found: LocalizationArrays) -> None:
    x = found.positions[:, 0]
    assert found.uncertainty is not None
    np.testing.assert_array_equal(found.positions[:, 1], -x)
    np.testing.assert_array_equal(found.uncertainty, np.column_stack([x, x]) + 0.25)
    np.testing.assert_array_equal(found.group, x % 7)


@pytest.mark.parametrize("rows", [slice(3, 90, 2), np.arange(200) % 3 == 0, np.array([9, 2, 2])])
def test_take(rows: slice | np.ndarray) -> None:
    whole = some()
    found = whole.take(rows)
    require_together(found)
    np.testing.assert_array_equal(found.frames, whole.frames[rows])
    np.testing.assert_array_equal(found.positions, whole.positions[rows])


def test_sorted_by_frame_then_coordinates_whatever_the_order_was() -> None:
    whole = some()
    found = whole.sorted()
    require_together(found)
    expected = np.lexsort((whole.positions[:, 0], whole.frames))
    np.testing.assert_array_equal(found.positions, whole.positions[expected])
    shuffled = whole.take(np.random.default_rng(2).permutation(200)).sorted()
    for name in ("positions", "frames", "uncertainty", "group"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(found, name))


def test_concat_undoes_a_cut() -> None:
    whole = some()
    parts = [whole.take(slice(a, b)) for a, b in ((0, 50), (50, 50), (50, 200))]
    found = LocalizationArrays.concat(parts)
    require_together(found)
    np.testing.assert_array_equal(found.positions, whole.positions)
    assert LocalizationArrays.concat([whole]) is whole
    bare = [replace(part, uncertainty=None, group=None) for part in parts]
    assert LocalizationArrays.concat(bare).uncertainty is None
    assert LocalizationArrays.concat(bare).group is None


def test_usable_are_those_with_all_coordinates() -> None:
    whole = some()
    assert whole.usable == slice(None)
    whole.positions[[3, 7], [0, 1]] = [np.nan, np.inf]
    np.testing.assert_array_equal(np.flatnonzero(~whole.finite), [3, 7])
    assert len(whole.take(whole.usable).frames) == 198
