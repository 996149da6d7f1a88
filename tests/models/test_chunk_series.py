from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smlm_accessor.errors import OptionError
from smlm_accessor.models.chunk_series import make_series, picked

MakeDrift = Callable[..., xr.Dataset]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, [0, 1, 2, 3, 4]),
        (slice(1, -1), [1, 2, 3]),
        (slice(None, None, 2), [0, 2, 4]),
        ([True, False, False, True, False], [0, 3]),
        ([0, -1], [0, 4]),
        (2, [2]),
    ],
)
def test_picked(make_drift: MakeDrift, chosen: Any, expected: list[int]) -> None:
    np.testing.assert_array_equal(picked(chosen, make_drift(5)), expected)


@pytest.mark.parametrize("chosen", [[True, False], [5], [-6], [0.5], "all", [[0, 1]]])
def test_what_cannot_be_picked(make_drift: MakeDrift, chosen: Any) -> None:
    with pytest.raises(OptionError, match=r"^chunks=.* does not choose among the 5 chunks; use"):
        picked(chosen, make_drift(5))


def test_series_are_at_the_centre(make_drift: MakeDrift) -> None:
    drift = make_drift(5, noise=0, angle=1e-3, center=1e6)
    series = make_series(drift, np.array([0, 2]), None)
    assert [t.name for t in series.offset] == ["offset x", "offset y"]
    assert [t.name for t in series.matrix] == ["matrix xx", "matrix xy", "matrix yx", "matrix yy"]
    np.testing.assert_array_equal(series.frames, drift.frame.values[[0, 2]])
    np.testing.assert_allclose(series.offset[1].values, 0.001 * series.frames, atol=1e-7)
    np.testing.assert_array_equal(series.matrix[2].values, drift.matrix.values[[0, 2], 1, 0])


def weights_of(drift: xr.Dataset, weights: Any, used: Any = slice(None)) -> list[Any]:
    series = make_series(drift, np.arange(drift.sizes["chunk"])[used], weights)
    return [t.weights for t in (*series.offset, series.matrix[0])]


def test_auto_weights_are_one_over_std_where_all_chunks_have_it(make_drift: MakeDrift) -> None:
    std = np.array([[1.0, 2.0], [4.0, np.nan], [2.0, 1.0]])
    drift = make_drift(3, offset_std=std, n_localizations=[1, 4, 4])
    x, y, matrix = weights_of(drift, "auto")
    np.testing.assert_allclose(x, [1, 1 / 4, 1 / 2])
    np.testing.assert_allclose(y, np.sqrt([1 / 3, 4 / 3, 4 / 3]))
    np.testing.assert_allclose(matrix, y)
    _, y, _ = weights_of(drift, "auto", [0, 2])
    np.testing.assert_allclose(y, [1 / 2, 1])


def test_a_std_of_zero_is_no_weight(make_drift: MakeDrift) -> None:
    drift = make_drift(2, offset_std=np.array([[0.0, 1.0], [1.0, 1.0]]), n_localizations=[1, 1])
    x, y, _ = weights_of(drift, "auto")
    np.testing.assert_allclose(x, 1)
    np.testing.assert_allclose(y, 1)


def test_no_counts_weigh_alike(make_drift: MakeDrift) -> None:
    assert weights_of(make_drift(3, n_localizations=[5, 0, 5]), "auto") == [None] * 3


def test_no_weights(make_drift: MakeDrift) -> None:
    assert weights_of(make_drift(3), None) == [None] * 3


def test_given_weights(make_drift: MakeDrift) -> None:
    x, y, _ = weights_of(make_drift(3), [1, 2, 3], [0, 2])
    np.testing.assert_array_equal(x, [1, 3])
    np.testing.assert_array_equal(y, [1, 3])
    x, y, _ = weights_of(make_drift(2), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(x, [1, 3])
    np.testing.assert_array_equal(y, [2, 4])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("count", "weights='count' is not known; use 'auto', None"),
        ([1.0, 2.0], r"weights has shape \(2,\); give one number for each of the 3 chunks"),
        ([1.0, 0.0, 1.0], "must be positive and finite"),
        ([1.0, np.nan, 1.0], "must be positive and finite"),
    ],
)
def test_bad_weights(make_drift: MakeDrift, weights: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        weights_of(make_drift(3), weights)
