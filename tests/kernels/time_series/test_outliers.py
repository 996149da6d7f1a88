from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.time_series.outliers import isolated

LINE = np.outer(np.arange(12.0), [3.0, 1.0])
MANY = np.full(12, 1000)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_one_far_from_both_neighbours(k: int) -> None:
    shifts = LINE.copy()
    shifts[k] += 500
    assert np.flatnonzero(isolated(shifts, MANY)).tolist() == [k]


def test_a_jump_that_stays_is_drift() -> None:
    shifts = LINE.copy()
    shifts[6:] += 300
    assert not isolated(shifts, MANY).any()


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.95])
def test_a_chunk_in_which_the_stage_jumps_is_drift(part: float) -> None:
    shifts = LINE.copy()
    shifts[6:] += [300, -200]
    shifts[5] += [300 * part, -200 * part]
    assert not isolated(shifts, MANY).any()
    shifts[5] += [120, 180]  # across
    assert np.flatnonzero(isolated(shifts, MANY)).tolist() == [5]


@pytest.mark.parametrize("beyond", [-1.0, 2.0])
def test_beyond_the_jump_is_no_mean_of_both_sides(beyond: float) -> None:
    shifts = LINE.copy()
    shifts[6:] += [300, -200]
    shifts[5] += [300 * beyond, -200 * beyond]
    assert np.flatnonzero(isolated(shifts, MANY)).tolist() == [5]


def test_missing_shifts_are_passed_over() -> None:
    shifts = LINE.copy()
    shifts[4] = np.nan
    shifts[5] += 500
    assert np.flatnonzero(isolated(shifts, MANY)).tolist() == [5]


def test_noise_and_few_localizations_are_not_outliers() -> None:
    rng = np.random.default_rng(0)
    counts = MANY.copy()
    counts[5] = 10
    for _ in range(200):
        noise = rng.normal(size=(12, 2)) * np.sqrt(1000 / counts)[:, None]
        assert not isolated(noise, counts).any()


def test_whole_pixels_and_short_series_say_nothing() -> None:
    shifts = np.zeros((12, 2))
    shifts[5] = 1
    assert not isolated(shifts, MANY).any()
    assert not isolated(LINE[:5] * [1, 1e3], MANY[:5]).any()
