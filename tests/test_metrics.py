from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.errors import TableError
from smlm_accessor.metrics import rmse
from smlm_accessor.table.columns import set_columns


@pytest.fixture
def truth() -> pd.DataFrame:
    return pd.DataFrame(
        {"x": [0.0, 10.0, 20.0, 30.0], "y": [1.0, 2.0, 3.0, 4.0], "frame": range(4)}
    )


@pytest.fixture
def moved(truth: pd.DataFrame) -> pd.DataFrame:
    # Differences in x: 3, 5, 3, 5. Mean 4, deviations of 1. In y: 2 throughout.
    return truth.assign(x=truth["x"] + [3.0, 5.0, 3.0, 5.0], y=truth["y"] + 2.0)


def test_by_hand_with_and_without_the_constant(moved: pd.DataFrame, truth: pd.DataFrame) -> None:
    result = rmse(moved, truth)
    assert result.to_dict() == {"x": 1.0, "y": 0.0}
    assert result.name == "rmse_constant_removed"
    assert result.index.name == "component"
    assert result.attrs == {
        "remove_constant": True,
        "constant": {"x": 4.0, "y": 2.0},
        "n_localizations": 4,
        "n_left_out": 0,
    }
    absolute = rmse(moved, truth, remove_constant=False)
    assert absolute.to_dict() == pytest.approx({"x": np.sqrt(17), "y": 2.0}, rel=1e-15)
    assert absolute.name == "rmse_absolute"
    assert absolute.attrs["remove_constant"] is False


def test_three_components() -> None:
    truth = pd.DataFrame({"x": [0.0, 1], "y": [0.0, 1], "z": [0.0, 1], "frame": [0, 1]})
    assert rmse(truth.assign(z=[0.0, 3.0]), truth).to_dict() == {"x": 0.0, "y": 0.0, "z": 1.0}


def test_rows_in_another_order_are_matched_by_label(
    moved: pd.DataFrame, truth: pd.DataFrame
) -> None:
    order = [2, 0, 3, 1]
    assert rmse(moved.iloc[order], truth).to_dict() == {"x": 1.0, "y": 0.0}
    assert rmse(moved, truth.iloc[order]).to_dict() == {"x": 1.0, "y": 0.0}


def test_labels_that_repeat_are_fine_if_the_index_is_the_same(
    moved: pd.DataFrame, truth: pd.DataFrame
) -> None:
    frames = pd.Index([0, 0, 1, 1], name="frame")
    here, there = moved.set_axis(frames).drop(columns="frame"), truth.set_axis(frames)
    assert rmse(here, there.drop(columns="frame")).to_dict() == {"x": 1.0, "y": 0.0}


@pytest.mark.parametrize(
    ("labels", "trouble"),
    [([0, 0, 1, 2], "occur more than once"), ([0, 1, 2, 7], "1 of 4 index labels")],
)
def test_rows_that_cannot_be_matched(
    labels: list[int], trouble: str, moved: pd.DataFrame, truth: pd.DataFrame
) -> None:
    with pytest.raises(TableError, match=trouble) as caught:
        rmse(moved.set_axis(labels), truth)
    assert "reset_index(drop=True)" in str(caught.value)


def test_same_rows_under_other_labels_need_a_word(moved: pd.DataFrame, truth: pd.DataFrame) -> None:
    other = truth.set_axis([4, 5, 6, 7])
    with pytest.raises(TableError, match="4 of 4 index labels"):
        rmse(moved, other)
    assert rmse(moved, other.reset_index(drop=True))["x"] == 1.0


def test_another_number_of_rows(moved: pd.DataFrame, truth: pd.DataFrame) -> None:
    with pytest.raises(TableError, match=r"3 and 4 rows.*loc"):
        rmse(moved.iloc[:3], truth)


def test_two_and_three_dimensions(moved: pd.DataFrame, truth: pd.DataFrame) -> None:
    with pytest.raises(TableError, match="x, y and x, y, z"):
        rmse(moved, truth.assign(z=0.0))


def test_units_are_converted_to_the_first_table(moved: pd.DataFrame, truth: pd.DataFrame) -> None:
    in_nm = set_columns(moved, unit="nm")
    in_um = set_columns(truth.assign(x=truth["x"] / 1000, y=truth["y"] / 1000), unit="um")
    result = rmse(in_nm, in_um)
    assert result["x"] == pytest.approx(1.0, rel=1e-12)
    assert result.attrs["length_unit"] == "nm"
    assert rmse(in_um, in_nm)["x"] == pytest.approx(0.001, rel=1e-12)


@pytest.mark.parametrize("unit", [None, "pixel"])
def test_units_that_cannot_be_converted(
    unit: str | None, moved: pd.DataFrame, truth: pd.DataFrame
) -> None:
    with pytest.raises(TableError, match=r"are in nm and in .*set_columns"):
        rmse(set_columns(moved, unit="nm"), set_columns(truth, unit=unit))


def test_pixels_count_in_nm_once_their_size_is_known(
    moved: pd.DataFrame, truth: pd.DataFrame
) -> None:
    in_pixels = truth.assign(x=truth["x"] / 100, y=truth["y"] / 100)
    in_pixels = set_columns(in_pixels, unit="pixel", pixel_size=100.0)
    assert rmse(set_columns(moved, unit="nm"), in_pixels)["x"] == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_missing_coordinates_are_left_out(
    hole: float, moved: pd.DataFrame, truth: pd.DataFrame
) -> None:
    # A far outlier in the same row as the missing coordinate must not count.
    moved.loc[1, ["x", "y"]] = hole, 1e9
    truth.loc[3, "x"] = hole
    truth.loc[1, "x"] = hole
    result = rmse(moved, truth)
    assert result.to_dict() == {"x": 0.0, "y": 0.0}
    assert result.attrs["n_localizations"] == 2
    assert result.attrs["n_left_out"] == 2


def test_nothing_to_compare_is_nan(moved: pd.DataFrame, truth: pd.DataFrame) -> None:
    for here in (moved.assign(x=np.nan), moved.iloc[:0]):
        result = rmse(here, truth.iloc[: len(here)])
        assert result.isna().all()
        assert result.attrs["n_localizations"] == 0
        assert result.attrs["n_left_out"] == len(here)


def test_inputs_are_not_touched(moved: pd.DataFrame, truth: pd.DataFrame) -> None:
    before = moved.copy(), truth.copy()
    rmse(moved, truth)
    pd.testing.assert_frame_equal(moved, before[0])
    pd.testing.assert_frame_equal(truth, before[1])


def test_a_far_origin_costs_no_precision(moved: pd.DataFrame, truth: pd.DataFrame) -> None:
    far = rmse(moved.assign(x=moved["x"] + 2.0**40), truth)
    assert far["x"] == 1.0
