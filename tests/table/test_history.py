"""What was done to a table stays with it, as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smlm_accessor import __version__
from smlm_accessor.table import history


def test_steps_are_kept_in_order_with_parameters_and_version() -> None:
    attrs = history.record({"mine": 1}, "simulate_drift", velocity=(0.1, 0.2), seed=None)
    attrs = history.record(attrs, "correct", by="cubic")
    assert attrs["mine"] == 1
    assert history.steps(attrs) == [
        {
            "step": "simulate_drift",
            "parameters": {"velocity": [0.1, 0.2]},
            "package_version": __version__,
        },
        {"step": "correct", "parameters": {"by": "cubic"}, "package_version": __version__},
    ]


def test_the_given_attrs_stay_as_they_are() -> None:
    first = history.record({}, "a")
    before = json.dumps(first)
    history.record(first, "b")["smlm_history"].append("c")
    history.steps(first).append({})
    assert json.dumps(first) == before


def test_parameters_become_plain() -> None:
    def bend(frame: float) -> float:
        return frame

    attrs = history.record(
        {},
        "step",
        count=np.int64(3),
        flag=np.bool_(True),
        array=np.array([1.0, 2.0]),
        long=np.zeros((4000, 2)),
        function=bend,
        generator=np.random.default_rng(1),
        nested={"a": np.float32(0.5)},
    )
    assert history.steps(attrs)[0]["parameters"] == {
        "count": 3,
        "flag": True,
        "array": [1.0, 2.0],
        "long": "array of shape (4000, 2)",
        "function": "bend",
        "generator": "Generator",
        "nested": {"a": 0.5},
    }


def test_no_history() -> None:
    assert history.steps({}) == []
    assert history.times_corrected({}) == 0


def test_times_corrected_counts_what_was_undone() -> None:
    attrs: dict[Any, Any] = {}
    counts = []
    for step, inverse in [("correct", False), ("other", False), ("correct", False)] + 2 * [
        ("correct", True)
    ]:
        attrs = history.record(attrs, step, inverse=inverse)
        counts.append(history.times_corrected(attrs))
    assert counts == [1, 1, 2, 1, 0]


def test_history_survives_parquet(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [1.0]})
    table.attrs = history.record({}, "correct", values=np.arange(3), by="cubic")
    table.to_parquet(tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet").attrs == table.attrs


@pytest.mark.parametrize("others", [None, "corrected", [3, {"step": 1}, {"step": "correct"}]])
def test_what_others_have_written_is_left_alone(others: object) -> None:
    attrs = {history.KEY: others}
    assert history.steps(attrs) == []
    assert history.times_corrected(attrs) == 0
    after = history.record(attrs, "correct")
    assert [entry["step"] for entry in history.steps(after)] == ["correct"]
    kept = len(others) if isinstance(others, list) else 0
    assert len(after[history.KEY]) == kept + 1
