"""Drift of halves of the field: estimated as the given one, and how far they agree."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.assess.case import Case
from smlm_accessor.assess.halves import agreement, estimate_again
from smlm_accessor.models import DriftModel
from smlm_accessor.table import attributes
from smlm_accessor.table.localizations import read_localizations


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    still = smlm_accessor.simulate_thomas(cluster_mu=50, seed=1)
    return still.smlm.simulate_drift(velocity=(0.02, 0.01))


def test_it_is_estimated_as_before(table: pd.DataFrame) -> None:
    drift = table.smlm.drift(method="icp", n_chunks=4, with_rotation=True, target="first")
    again = estimate_again(table, drift)
    assert again is not None
    for name in ("method", "target"):
        assert again.attrs[name] == drift.attrs[name]
    assert attributes.parameters(again)["with_rotation"] is True
    np.testing.assert_array_equal(again["frame_start"], drift["frame_start"])
    np.testing.assert_allclose(again["offset"], drift["offset"])


def test_so_is_its_model_and_without_knowing_how_it_is_by_overlap(table: pd.DataFrame) -> None:
    model = table.smlm.drift(method="icp", n_chunks=5).smlm.fit(offset="linear")
    again = estimate_again(table, model)
    assert isinstance(again, DriftModel)
    assert again.attrs["model"] == model.attrs["model"]
    unknown = model.transformations.assign_attrs(method="mine")
    found = estimate_again(table, unknown)
    assert found is not None
    assert found.attrs["method"] == "overlap"


def test_agreement_is_the_root_mean_square_but_for_a_constant(table: pd.DataFrame) -> None:
    def moving(x: float, y: float, constant: float = 0.0) -> object:
        return smlm_accessor.drift.build(
            offset=[(constant, 0), (constant - x, -y)],
            components="xy",
            frame=[0.0, 100.0],
            frame_start=[0, 50],
            frame_stop=[50, 151],
        )

    case = Case(read_localizations(table), "chunk", None).held()
    frames, counts = np.array([10, 60]), np.array([300, 100])
    first, second = moving(8, 2, constant=70.0), moving(0, 2)
    given, *halves = (partial(case.corrected, one) for one in (moving(4, 2), first, second))  # type: ignore[arg-type]
    middle = {"x": 300.0, "y": 200.0}
    found = agreement(middle, given, (halves[0], halves[1]), frames, counts)
    assert found["halves_off"] == pytest.approx({"x": 0.0, "y": 0.0})
    # By frame, from chunk to chunk: 0.1 and 0.6 of the way.
    step = 8 * (0.6 - 0.1)
    assert found["halves_apart"]["x"] == pytest.approx(step * np.sqrt(0.25 * 0.75), rel=0.3)
    assert found["halves_apart"]["y"] == pytest.approx(0.0, abs=1e-12)
