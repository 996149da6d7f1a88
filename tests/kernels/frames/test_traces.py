"""Means of traces, and the variance that their spread tells, on known truth."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.frames.traces import shrunk_variances, trace_means


def test_means_of_traces_whose_rows_alternate() -> None:
    rng = np.random.default_rng(1)
    trace = rng.integers(5, size=200) * 7
    frames, positions = np.sort(rng.integers(0, 90, 200)), rng.normal(size=(200, 3))
    found = trace_means(positions, frames, trace, np.zeros(200, np.int64), longest=100)
    for k, number in enumerate(np.unique(trace)):
        rows = trace == number
        np.testing.assert_allclose(found.position[k], positions[rows].mean(axis=0))
        assert found.frame[k] == pytest.approx(frames[rows].mean())
        assert found.rows[k] == rows.sum()
        assert (found.event[rows] == k).all()


def test_a_long_trace_is_cut_into_equal_times() -> None:
    frames = np.arange(1000)
    trace, segment = np.full(1000, 3), np.zeros(1000, np.int64)
    found = trace_means(np.zeros((1000, 2)), frames, trace, segment, longest=300)
    assert found.rows.tolist() == [250, 250, 250, 250]
    whole = trace_means(np.zeros((1000, 2)), frames, trace, segment, longest=1000)
    assert whole.rows.tolist() == [1000]


def test_traces_end_with_their_segment_and_unknown_ones_are_single() -> None:
    trace, segment = np.array([4, 4, -1, 4, -1]), np.array([0, 0, 0, 1, 1])
    found = trace_means(np.zeros((5, 2)), np.arange(5), trace, segment, longest=9)
    assert sorted(found.rows.tolist()) == [1, 1, 1, 2]
    assert found.event[0] == found.event[1]
    assert len(set(found.event[1:].tolist())) == 4


def test_a_number_that_comes_back_much_later_is_another_trace() -> None:
    """Two files that were joined, each with traces numbered from 1 on."""
    frames = np.concatenate([np.arange(10), 5000 + np.arange(10)])
    still = np.zeros((20, 2)), frames, np.ones(20, np.int64), np.zeros(20, np.int64)
    assert trace_means(*still, longest=50).rows.tolist() == [10, 10]


@pytest.mark.parametrize("nu", [4.0, 20.0])
def test_variances_that_differ_are_told_apart(nu: float) -> None:
    """Truth: ``nu * 4 / chi2(nu)``. The estimate is nearer to it than own or common variances."""
    rng = np.random.default_rng(2)
    true = nu * 4 / rng.chisquare(nu, 3000)
    freedom = rng.geometric(1 / 15, 3000) - 1
    squares = true * np.where(freedom > 0, rng.chisquare(np.maximum(freedom, 1)), 0.0)
    found, usual = shrunk_variances(squares, freedom)
    assert usual == pytest.approx(4, rel=0.1)
    some = freedom > 0
    wrong = [
        np.mean(np.log(v[some] / true[some]) ** 2)
        for v in (found, squares / np.maximum(freedom, 1), np.full(3000, usual))
    ]
    assert wrong[0] < 0.9 * min(wrong[1:])


def test_equal_variances_are_said_to_be_equal() -> None:
    rng = np.random.default_rng(3)
    freedom = rng.geometric(1 / 15, 2000) - 1
    squares = 6.25 * np.where(freedom > 0, rng.chisquare(np.maximum(freedom, 1)), 0.0)
    found, usual = shrunk_variances(squares, freedom)
    assert usual == pytest.approx(6.25, rel=0.03)
    np.testing.assert_allclose(found, usual, rtol=0.25)


def test_single_localizations_have_no_spread() -> None:
    found, usual = shrunk_variances(np.zeros(3), np.zeros(3, np.int64))
    assert np.isnan(usual)
    assert np.isnan(found).all()
