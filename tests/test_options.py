from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.options import count, fields, number, per_component, require_feasible
from smlm_accessor.simulate.region import as_box, contains, pad, volume


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (-1, {"least": 0}, "n=-1 must be at least 0"),
        (2, {"most": 1}, "n=2 must be at most 1"),
        (0, {"above": 0}, "n=0 must be more than 0"),
        (1, {"below": 1}, "n=1 must be less than 1"),
        ([1, 2], {}, r"n=\[1, 2\] must be one number"),
        (None, {}, "n=None must be finite"),
        ("1x", {}, "n='1x' must be a number"),
        (np.inf, {}, "n=inf must be finite"),
    ],
)
def test_numbers_out_of_bounds_are_named(
    value: Any, bounds: dict[str, float], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        number("n", value, **bounds)


def test_what_is_in_bounds_passes() -> None:
    assert number("n", np.float32(0.5), least=0, most=1, above=0, below=1) == 0.5
    assert count("n", 3.0) == 3
    assert isinstance(count("n", np.int32(3)), int)
    with pytest.raises(OptionError, match=r"n=2.5 must be a whole number"):
        count("n", 2.5)


def test_one_number_counts_for_all_components() -> None:
    assert per_component("v", 2, ("x", "y", "z")).tolist() == [2, 2, 2]
    assert per_component("v", np.array([1, 2]), ("x", "y")).tolist() == [1, 2]
    given = np.array([1.0, 2.0])
    per_component("v", given, ("x", "y"))[0] = 9
    assert given[0] == 1


def test_fields_say_all_that_is_wrong() -> None:
    with pytest.raises(OptionError, match=r"lacks a and has unknown c; it takes a, b"):
        fields("term", {"b": 1, "c": 2}, ("a",), ("b",))


def test_too_much_comes_with_a_remedy() -> None:
    require_feasible(1e6, "")
    with pytest.raises(OptionError, match=r"1.0e\+12 localizations.*take less"):
        require_feasible(1e12, "take less")


def test_regions() -> None:
    box = as_box(((0, 10), (5, 25)))
    assert volume(box) == 200
    np.testing.assert_array_equal(pad(box, np.array([1.0, 2.0])), [[-1, 11], [3, 27]])
    inside = contains(box, np.array([[0, 5], [10, 25], [-1e-9, 6], [5, 26], [np.nan, 6]]))
    assert inside.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("region", [None, 5, (0, 1), ((0, 1),) * 4, ((0, np.inf), (0, 1))])
def test_bad_regions_are_named(region: Any) -> None:
    with pytest.raises(OptionError, match="region="):
        as_box(region)
