"""All that is wrong with a Dataset of transformations is said at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.drift import (
    center_of,
    require_drift,
)
from smlm_accessor.drift.validation import problems_of
from smlm_accessor.errors import DriftError
from tests.drift.datasets import drift_dataset


def test_a_sound_dataset_passes() -> None:
    require_drift(drift_dataset("xy"))
    require_drift(drift_dataset("xyz"))
    require_drift(drift_dataset().isel(chunk=[0, 2]))
    without = drift_dataset().drop_vars("center")
    require_drift(without)
    assert center_of(without).tolist() == [0, 0, 0]


def test_all_that_is_missing_is_said_at_once() -> None:
    drift = drift_dataset().drop_vars(["matrix", "quality", "frame_start"])
    drift["offset"] = drift["offset"].transpose()
    with pytest.raises(DriftError) as error:
        require_drift(drift)
    message = str(error.value)
    for part in ("'matrix' is missing", "'quality' is missing", "'frame_start' is missing"):
        assert part in message
    assert "'offset' has dims ('component', 'chunk')" in message
    assert "table.smlm.drift" in message


def test_all_wrong_values_are_said_at_once() -> None:
    drift = drift_dataset(
        frame_start=[0, 5, 20],
        frame_stop=[10, 20, 15],
        valid=[True, True, True],
        offset_std=-1.0,
        attrs={},
    )
    drift.attrs["schema_version"] = 99
    drift["component_in"] = ["a", "b", "c"]
    with pytest.raises(DriftError) as error:
        require_drift(drift)
    message = str(error.value)
    for part in (
        "schema_version is 99",
        "component_in differs",
        "chunk 2 ends before it starts",
        "chunk 1 overlaps",
        "chunk 1 is valid but has no finite offset",
        "offset_std has negative",
    ):
        assert part in message


@pytest.mark.parametrize("frame", [[14.5, 4.5, 24.0], [4.5, 14.5, 31.0], [-1.0, 14.5, 24.0]])
def test_a_mean_frame_outside_its_chunk_is_wrong(frame: list[float]) -> None:
    with pytest.raises(DriftError, match="is not one of its frames"):
        require_drift(drift_dataset(frame=frame))


@pytest.mark.parametrize("components", ["yx", "xz", "zyx", "ab"])
def test_components_in_another_order_are_wrong(components: str) -> None:
    with pytest.raises(DriftError, match="must be x, y or x, y, z in this order"):
        require_drift(drift_dataset(components))


def test_chunks_in_another_order_are_wrong() -> None:
    with pytest.raises(DriftError, match="overlaps the one before it"):
        require_drift(drift_dataset().isel(chunk=[2, 1, 0]))


@pytest.mark.parametrize("variable", ["offset", "matrix", "frame"])
def test_a_valid_chunk_without_numbers_is_wrong(variable: str) -> None:
    drift = drift_dataset()
    drift[variable] = drift[variable].copy(data=np.full(drift[variable].shape, np.nan))
    with pytest.raises(DriftError, match="chunk 0 is valid but has no finite"):
        require_drift(drift)


@pytest.mark.parametrize("value", [3.0, "drift.nc", np.zeros((4, 2)), None])
def test_what_is_no_dataset(value: Any) -> None:
    with pytest.raises(DriftError, match=rf"a model, not a {type(value).__name__}: .*use\(drift\)"):
        require_drift(value, "use(drift)")


def test_a_segment_does_not_come_back() -> None:
    with pytest.raises(DriftError, match="chunk 2 has a smaller number of its segment"):
        require_drift(drift_dataset(segment=[0, 1, 0]))


def test_what_is_right_is_returned() -> None:
    drift = drift_dataset()
    assert require_drift(drift) is drift
    assert problems_of(drift) == []
