"""Steps over tables: what is handed over is held by nobody else."""

from __future__ import annotations

import weakref
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from smlm_accessor.backends import HandOver, source_of

TABLE = pd.DataFrame({"x": np.arange(6.0), "y": 0.0, "frame": np.arange(6)})


class Large:
    """Something that can be watched."""


def of_part(part: pd.DataFrame) -> Large:
    return Large()


def first(parts: Any) -> Large:
    return parts[0]


def gone_when_taken(parcel: HandOver[Large]) -> bool:
    value = parcel.take()
    watched = weakref.ref(value)
    del value
    return watched() is None


def gone_as_argument(value: Large) -> bool:
    watched = weakref.ref(value)
    del value
    return watched() is None


def test_who_takes_the_value_holds_it_alone() -> None:
    source = source_of(TABLE)
    step = source.call(gone_when_taken, HandOver(source.reduce(of_part, first)))
    assert source.result(step) is True
    # What it is for: the caller holds an argument until the function returns.
    assert source.result(source.call(gone_as_argument, source.reduce(of_part, first))) is False


def test_it_can_be_taken_once() -> None:
    parcel = HandOver([1])
    assert parcel.take() == [1]
    with pytest.raises(AssertionError, match="taken before"):
        parcel.take()


@pytest.mark.parametrize("partitioned", [False, True])
def test_steps_take_the_values_of_other_steps(partitioned: bool) -> None:
    source = source_of(dd.from_pandas(TABLE, npartitions=3) if partitioned else TABLE)
    total = source.reduce(lambda part: part["x"].sum(), sum)
    above = source.reduce(lambda part, limit: (part["x"] > limit / 6).sum(), sum, total)
    both = source.call(lambda parcel, n: (parcel.take(), n), HandOver(total), above)
    assert source.result(both) == (15.0, 3)
