"""What is asked for is checked before anything is read, and all that is wrong is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.estimation.request import Request

USUAL: dict[str, Any] = {
    "method": "icp",
    "target": None,
    "origin": "mean",
    "rule": {"n_chunks": 5, "chunk_size": None},
    "options": {"max_distance": 50},
    "max_localizations": 1000,
    "target_std": 0.5,
    "progress": False,
}


def request(**changes: Any) -> Request:
    return Request.checked(**{**USUAL, **changes})


def test_what_is_kept() -> None:
    found = request(max_localizations=2e6)
    assert found.target == "first"
    assert found.rule == {"n_chunks": 5}
    assert found.max_localizations == 2_000_000
    assert not found.leaves_chunks_to_method
    assert found.parameters()["max_distance"] == 50
    assert found.parameters()["max_iterations"] == 200  # of the method, by default
    assert "segments" not in found.parameters()
    assert request(method="overlap", rule={}, options={}).leaves_chunks_to_method


@pytest.mark.parametrize(
    ("segments", "continuous", "one_movie"),
    [("auto", False, True), ("find", False, True), (None, True, False), ([5], False, False)],
)
def test_segments(segments: Any, continuous: bool, one_movie: bool) -> None:
    found = request(segments=segments)
    assert (found.is_continuous, found.expects_one_movie) == (continuous, one_movie)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "target": ({"target": "next"}, "target='next' is not known"),
    "origin": ({"origin": "last"}, "origin='last' is not known"),
    "options": ({"options": {"max_distance": -1, "far": 1}}, "no option 'far'"),
    "rule": ({"rule": {"n_chunks": 5, "chunk_size": 9}}, "only one of n_chunks, chunk_size"),
    "few": ({"max_localizations": 999}, "max_localizations=999 must be at least 1000"),
    "part": ({"max_localizations": 1e6 + 0.5}, "a whole number"),
    "nan": ({"max_localizations": float("nan")}, "max_localizations=nan"),
    "std": ({"target_std": 0}, "target_std=0 must be a positive length"),
}


@pytest.mark.parametrize("what", WRONG)
def test_each_mistake(what: str) -> None:
    changes, message = WRONG[what]
    with pytest.raises(OptionError) as caught:
        request(**changes)
    assert message in str(caught.value)


def test_all_mistakes_are_said_at_once() -> None:
    said = ("target", "origin", "options", "rule", "few", "std")
    with pytest.raises(OptionError) as caught:
        request(**{name: value for what in said for name, value in WRONG[what][0].items()})
    for what in said:
        assert WRONG[what][1] in str(caught.value)
    assert "max_distance=-1 must be a positive length" in str(caught.value)
    assert str(caught.value).count("\n- ") == 7
