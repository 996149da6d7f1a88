from __future__ import annotations

from typing import Any

import lmfit
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.models import Constant, Linear, Polynomial, Spline, Uncorrected
from smlm_accessor.models.specs import NAMES, as_spec, label, one_each


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("none", Uncorrected()),
        ("zero", Constant(0.0)),
        ("one", Constant(1.0)),
        ("constant", Constant()),
        ("linear", Linear()),
        ("polynomial", Polynomial(3)),
        ("spline", Spline()),
    ],
)
def test_names(name: str, spec: Any) -> None:
    assert as_spec(name, "offset") == spec
    assert label(spec) == name


def test_none_is_not_corrected() -> None:
    assert as_spec(None, "offset") == Uncorrected()


def test_labels_of_objects_and_lmfit_models() -> None:
    assert label(Spline(s=100)) == "Spline(s=100)"
    assert label(Polynomial(degree=5)) == "Polynomial(degree=5)"
    assert label(lmfit.models.LinearModel()) == "Model(linear)"


def test_an_lmfit_model_is_taken_as_it_is() -> None:
    model = lmfit.models.ExponentialModel()
    assert as_spec(model, "offset") is model


@pytest.mark.parametrize("value", ["cubic", 3, 2.0, object(), {"x"}, True])
def test_an_unknown_model_lists_the_names(value: Any) -> None:
    with pytest.raises(OptionError, match=r"^offset=.* is not a model") as caught:
        as_spec(value, "offset")
    assert all(repr(name) in str(caught.value) for name in NAMES)
    assert "lmfit.Model" in str(caught.value)


@pytest.mark.parametrize("value", [Spline, lmfit.models.LinearModel])
def test_a_class_is_not_a_model(value: type) -> None:
    with pytest.raises(OptionError, match=rf"matrix={value.__name__} .* give {value.__name__}\(\)"):
        as_spec(value, "matrix")


@pytest.mark.parametrize("degree", [-1, 8, 2.5])
def test_degree_is_bounded(degree: Any) -> None:
    with pytest.raises(OptionError, match=rf"degree={degree}\) must be a whole number from 0 to 7"):
        Polynomial(degree=degree)


@pytest.mark.parametrize("s", [-1.0, float("nan")])
def test_s_is_not_negative(s: float) -> None:
    with pytest.raises(OptionError, match=rf"Spline\(s={s}\) must be at least 0"):
        Spline(s=s)


def test_a_constant_is_finite() -> None:
    with pytest.raises(OptionError, match=r"Constant\(value=inf\) must be finite"):
        Constant(float("inf"))


def test_one_for_all_one_each_or_by_name() -> None:
    assert one_each("linear", ("x", "y")) == (Linear(), Linear())
    assert one_each(["spline", Linear()], ("x", "y")) == (Spline(), Linear())
    assert one_each({"y": "none", "x": "one"}, ("x", "y")) == (Constant(1.0), Uncorrected())


def test_offset_of_wrong_length() -> None:
    with pytest.raises(OptionError, match="has 1 models for the 2 of x, y"):
        one_each(["spline"], ("x", "y"))


def test_offset_mapping_names_all_that_is_wrong() -> None:
    with pytest.raises(OptionError, match="no model for 'y', there is no 'z'"):
        one_each({"x": "spline", "z": "spline"}, ("x", "y"))


ENTRIES = [(row, column) for row in "xy" for column in "xy"]


def of_matrix(value: Any) -> tuple[Any, ...]:
    return one_each(value, ENTRIES, "matrix", rest="none")


def test_matrix_row_by_row() -> None:
    assert of_matrix("linear") == (Linear(),) * 4
    assert of_matrix(["one", "zero", None, "spline"]) == (
        Constant(1.0),
        Constant(0.0),
        Uncorrected(),
        Spline(),
    )


def test_matrix_by_entry_leaves_the_others() -> None:
    assert of_matrix({("y", "x"): "linear"}) == (
        Uncorrected(),
        Uncorrected(),
        Linear(),
        Uncorrected(),
    )


def test_matrix_of_wrong_length_or_entry() -> None:
    with pytest.raises(OptionError, match=r"matrix=.* has 2 models for the 4 of \('x', 'x'\), "):
        of_matrix(["spline", "spline"])
    with pytest.raises(OptionError, match=r"there is no 'x'; .* of .*\('x', 'y'\)"):
        of_matrix({"x": "spline"})
