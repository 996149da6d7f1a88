"""Tables that were rounded to more than localizations are precise."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.estimation.checking.checked import checked
from tests.scenes import linear, sites, visits

N_FRAMES, PRECISION = 1_000, 4.0
CURVE = linear(N_FRAMES, (0.06, -0.03))
SCENE = visits(sites(150), n=12_000, n_frames=N_FRAMES, seed=3).drifting(CURVE)
UNIFORM = 12**-0.5  # standard deviation, in steps


def rounded(step: float) -> pd.DataFrame:
    table = SCENE.moved.copy()
    table[["x", "y"]] = (table[["x", "y"]] / step).round() * step
    return table


@pytest.mark.parametrize("method", ["overlap", "aim", "rcc"])
@pytest.mark.parametrize("step", [5.0, 12.0, 20.0])
def test_the_drift_of_a_rounded_table_is_found_and_a_warning_says_so(
    method: str, step: float
) -> None:
    table = rounded(step)
    was = table.copy()
    with pytest.warns(smlm_accessor.SmlmWarning, match=f"x and y are multiples of {step:.3g} nm"):
        drift = smlm_accessor.set_columns(table, unit="nm").smlm.drift(method=method)
    pd.testing.assert_frame_equal(table, was)
    middle = drift["frame"].to_numpy()
    true = np.stack([np.interp(middle, np.arange(N_FRAMES), x) for x in CURVE.T], axis=1)
    error = drift["offset"].transpose("chunk", "component").to_numpy() + true
    error -= error.mean(axis=0)
    assert drift["valid"].all()
    std = float(drift["offset_std"].median())
    assert np.sqrt((error**2).mean()) < 2 * std
    assert std < np.hypot(PRECISION, step) / 10


def test_the_verdict_on_a_rounded_table_is_that_of_the_table_before() -> None:
    table = rounded(20.0)
    with pytest.warns(smlm_accessor.SmlmWarning, match="multiples of 20"):
        drift = table.smlm.drift()
    assert drift.smlm.assess(table).verdict == "improved"


@pytest.mark.parametrize("step", [1.0, 0.01])
def test_what_was_rounded_finely_stays_as_it_is(step: float) -> None:
    table = rounded(step)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table.smlm.drift()


def test_positions_are_moved_by_half_a_step_at_most_and_the_same_each_time() -> None:
    points = SCENE.chunked()
    points.positions[:] = (points.positions / 20).round() * 20
    spread, said = checked(points, None)
    moved = spread.positions - points.positions
    assert len(said) == 1
    assert np.abs(moved).max() <= 10
    np.testing.assert_allclose(moved.std(axis=0), 20 * UNIFORM, rtol=0.02)
    np.testing.assert_array_equal(spread.positions, checked(points, None)[0].positions)
    again, said = checked(spread, None)
    assert again is spread
    assert not said
