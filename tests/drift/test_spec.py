"""The specification: written, and what is built."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.drift import center_of, components_of, is_shift_only, spec
from smlm_accessor.drift.validation import problems_of
from tests.drift.datasets import drift_dataset


def test_what_is_built_is_what_is_specified() -> None:
    drift = drift_dataset("xyz")
    assert set(drift.variables) - {"chunk"} == set(spec.VARIABLES)
    for name, variable in spec.VARIABLES.items():
        assert drift[name].dims == variable.dims
        assert drift[name].attrs.get("long_name", "") == variable.meaning
        assert drift[name].attrs.get("units") == ("nm" if name in spec.LENGTHS else None)


@pytest.mark.parametrize("name", spec.VARIABLES)
def test_what_is_required_and_what_is_not(name: str) -> None:
    problems = problems_of(drift_dataset().drop_vars(name))
    assert problems == [f"variable {name!r} is missing"] * (name in spec.REQUIRED)


def test_what_a_dataset_says() -> None:
    drift = drift_dataset("xy", center=[1.0, 2.0])
    assert components_of(drift) == ("x", "y")
    assert center_of(drift).tolist() == [1.0, 2.0]
    assert center_of(drift.drop_vars("center")).tolist() == [0.0, 0.0]
    assert not is_shift_only(drift)
    identity = np.tile(np.eye(2), (3, 1, 1))
    identity[1] = np.nan  # of the chunk that is not valid
    assert is_shift_only(drift_dataset("xy", matrix=identity))
