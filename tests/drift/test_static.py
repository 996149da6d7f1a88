"""Transformations in which frames play no part."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from smlm_accessor.drift import build, require_drift, static
from smlm_accessor.drift.between_chunks import evaluate

STILL = build(
    offset=[[-3, 1]], offset_std=[[0.1, 0.2]], components="xy", frame=[4], frame_start=[0],
    frame_stop=[10], attrs={"static": 1},
)  # fmt: skip
DRIFT = build(
    offset=[[0, 0], [5, 5]], components="xy", frame=[104, 114], frame_start=[100, 110],
    frame_stop=[110, 120],
)  # fmt: skip


@pytest.mark.parametrize("by", ["cubic", "linear", "chunk"])
@pytest.mark.parametrize("outside", [None, "nan", "error", "hold"])
def test_every_frame_is_inside(by: str, outside: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(STILL, np.array([-(10**15), 5, 10**15]), by=by, outside=outside)
    assert found.offset.tolist() == [[-3.0, 1.0]] * 3


def test_the_same_with_the_chunks_of_a_drift() -> None:
    spread = static.with_chunks_of(STILL, DRIFT)
    require_drift(spread)
    assert not static.is_static(spread)
    assert static.is_static(STILL)
    assert spread["frame_stop"].values.tolist() == [110, 120]
    assert spread["offset_std"].values.tolist() == [[0.1, 0.2]] * 2
