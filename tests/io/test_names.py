"""Tables in the names and units of a program, and what files note of units and history."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.errors import FileError, TableError
from smlm_accessor.io.names import Names, as_arrays, in_names, units_of
from smlm_accessor.io.noted_history import history_json, set_history
from tests.io.conftest import make_table

PROGRAM = Names("{A}pos", "slice", "err{i}", lateral="err", unit="um", unit_z="nm")


def test_names_and_units_of_a_program() -> None:
    table = make_table()
    named = in_names(table, PROGRAM, "Program")
    assert list(named.columns[:7]) == ["slice", "Xpos", "Ypos", "Zpos", "err0", "err1", "err2"]
    np.testing.assert_allclose(named["Xpos"], table["position_x"] / 1000, rtol=1e-15)
    np.testing.assert_array_equal(named["Zpos"], table["position_z"])
    np.testing.assert_allclose(named["err1"], table["uncertainty_y"] / 1000, rtol=1e-15)
    np.testing.assert_array_equal(named["photons"], table["photons"])
    one = table.drop(columns="uncertainty_y").rename(columns={"uncertainty_x": "uncertainty"})
    assert {"err", "err2"} <= set(in_names(one, PROGRAM, "Program"))
    with pytest.raises(TableError, match=r"as Program .* more than one column 'Xpos'"):
        in_names(table.assign(Xpos=1), PROGRAM, "Program")
    unknown = pd.DataFrame({"x": [1.0], "y": [2.0], "frame": [0]})
    with pytest.raises(TableError, match=r"x is in a unit that is not known.*unit='nm'"):
        in_names(unknown, PROGRAM, "Program")


def test_what_has_the_names_already_stays_as_it_is() -> None:
    names = Names("{a} [nm]", "frame", "uncertainty_{a} [nm]")
    table = pd.DataFrame({"x [nm]": np.float32([0.1]), "y [nm]": [2.0], "frame": [0]})
    pd.testing.assert_frame_equal(in_names(table, names, "Program"), table)


def test_arrays_hold_numbers_only() -> None:
    table = make_table().assign(gaps=pd.array([1, None] * 30, "Int32"))
    arrays = as_arrays(table, PROGRAM, "Program", str.upper)
    assert arrays["PHOTONS"].dtype == np.float32
    assert arrays["GAPS"].dtype == np.float64
    assert np.isnan(arrays["GAPS"]).sum() == 30
    with pytest.raises(TableError, match=r"Program holds only numbers, which 'note'"):
        as_arrays(table.assign(note="a"), PROGRAM, "Program")


def test_units_that_a_file_says() -> None:
    said = {"x": {"nm", "nanometer"}, "y": {"nm"}, "z": {"um"}}
    assert units_of(said, Path("a")) == {"unit": "nm", "unit_z": "um"}
    assert units_of({}, Path("a")) == {}
    for wrong in ({"x": {"nm"}, "y": {"um"}}, {"x": {"nm"}, "z": {"nm", "um"}}):
        with pytest.raises(FileError, match="a: the positions are in different units"):
            units_of(wrong, Path("a"))
    with pytest.raises(FileError, match=r"a: .*'furlong'"):
        units_of({"x": {"furlong"}}, Path("a"))


def test_history_goes_through_a_file() -> None:
    table = smlm_accessor.simulate_csr(n_samples=5, seed=1)
    noted = history_json(table)
    assert noted is not None
    for form in (noted, noted.encode()):
        again = pd.DataFrame()
        set_history(again, form)
        assert again.attrs == table.attrs
    for other in (None, "[", "[1]", 3, b"\xff", "[" * 100_000):
        set_history(nothing := pd.DataFrame(), other)
        assert nothing.attrs == {}
        assert history_json(nothing) is None
