"""A part that does not pass a check takes the place of all results that need it."""

from __future__ import annotations

import dask.dataframe as dd
import pandas as pd
import pytest

from smlm_accessor.backends import HandOver, NotPassedError, source_of


def is_positive(part: pd.DataFrame) -> bool:
    return bool((part["x"] > 0).all())


def total(part: pd.DataFrame) -> float:
    return float(part["x"].sum())


def table(least: float) -> dd.DataFrame:
    return dd.from_pandas(pd.DataFrame({"x": [least, *range(1, 20)]}), npartitions=10)


@pytest.mark.parametrize("handed_over", [False, True])
def test_what_does_not_pass_goes_through_all_steps(handed_over: bool) -> None:
    called = []

    def note(parcel: object) -> object:
        called.append(parcel)
        return parcel.take() if isinstance(parcel, HandOver) else parcel

    for least, passes in ((1, True), (-1, False)):
        source = source_of(table(least), passes=is_positive)
        summed = source.reduce(total, sum)
        step = source.call(note, HandOver(summed) if handed_over else summed)
        again = source.reduce(lambda part, before: total(part) + before, sum, step)
        called.clear()
        if passes:
            assert source.result(step) == 191
            assert source.result(again) == 191 * 11
        else:
            for one in (summed, step, again):
                with pytest.raises(NotPassedError):
                    source.result(one)
            assert not called


def test_without_a_check_all_pass() -> None:
    source = source_of(table(-1))
    assert source.result(source.reduce(total, sum)) == 189
