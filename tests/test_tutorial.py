"""The tutorial: what it shows is true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor import tutorial

FILES = {
    "1_drifted.png", "2_drift.png", "3_corrected.png", "corrected.parquet", "drift_cc.nc",
    "drift_icp.nc", "drifted.parquet", "rmse.csv", "true.parquet",
}  # fmt: skip
SMALL = ["--cluster-mu", "100", "--chunk-size", "1000"]


@pytest.fixture(scope="module")
def data() -> tutorial.TutorialData:
    return tutorial.simulate(1)


@pytest.fixture(scope="module")
def errors(data: tutorial.TutorialData) -> pd.DataFrame:
    return tutorial.errors(data, [tutorial.estimate(data.drifted, m) for m in tutorial.MODELS])


def test_data_are_those_of_the_tutorial(data: tutorial.TutorialData) -> None:
    locs = data.truth
    assert 90_000 < len(locs) < 115_000
    assert 2.9 < len(locs) / data.drift.sizes["chunk"] < 3.1
    moved = data.drifted[["position_x", "position_y"]] - locs[["position_x", "position_y"]]
    expected = np.outer(locs["frame"], (0.002, 0.001))
    np.testing.assert_allclose(moved, expected, atol=1e-9)
    code = smlm_accessor.simulate_thomas(seed=1).smlm.simulate_drift(velocity=(0.002, 0.001))
    columns = ["frame", "position_x", "position_y"]
    pd.testing.assert_frame_equal(code[columns], data.drifted[columns], check_flags=False)


# One seed; the mean over five is in benchmarks/.
@pytest.mark.parametrize(
    ("correction", "x", "y"),
    [("icp, by chunk", 2.0, 1.05), ("icp, spline + linear", 0.3, 0.3),
     ("cc, linear + linear", 0.2, 0.2)],
)  # fmt: skip
def test_errors_are_small(errors: pd.DataFrame, correction: str, x: float, y: float) -> None:
    before, after = errors.loc["before"], errors.loc[correction]
    assert before["x"] == pytest.approx(0.002 * 33e3 / np.sqrt(12), rel=0.1)
    assert before["x absolute"] == pytest.approx(0.002 * 33e3 / np.sqrt(3), rel=0.1)
    assert after["x"] < x
    assert after["y"] < y
    if "+" in correction:
        assert after["x absolute"] < x + 0.3
        assert after["y absolute"] < y + 0.3
