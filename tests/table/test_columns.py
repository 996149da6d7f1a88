"""Which column is what, for the tables the field's programs write and those they do not."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import smlm_accessor.accessors  # noqa: F401  (registers .smlm)
from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.table.columns import Columns, find_columns, set_columns
from smlm_accessor.table.localizations import read_localizations

FORMATS = Path(__file__).parents[2].parent / "shared" / "data" / "formats"
real_files = pytest.mark.skipif(not FORMATS.is_dir(), reason="no ../shared/data here")


def table_with(*labels: str, rows: int = 3) -> pd.DataFrame:
    values = np.arange(float(rows))
    # Picasso's precisions tell that the unit is camera pixels.
    return pd.DataFrame({k: values / (100 if k.startswith("lp") else 1) for k in labels})


def said(columns: Columns) -> dict[str, object]:
    """The fields that are set, without the name of the convention."""
    return {k: v for k, v in vars(columns).items() if v is not None and k != "convention"}


# The programs of the field. Headers are those of their files.

CONVENTIONS = {
    "Locan": (
        "position_x|position_y|frame|intensity|uncertainty_x|uncertainty_y",
        {
            "x": "position_x",
            "y": "position_y",
            "frame": "frame",
            "uncertainty_x": "uncertainty_x",
            "uncertainty_y": "uncertainty_y",
        },
    ),
    "Locan 3D, one uncertainty": (
        "position_x|position_y|position_z|frame|uncertainty",
        {
            "x": "position_x",
            "y": "position_y",
            "z": "position_z",
            "frame": "frame",
            "uncertainty_x": "uncertainty",
            "uncertainty_y": "uncertainty",
        },
    ),
    "Picasso": (
        "frame|x|y|photons|sx|sy|bg|lpx|lpy|ellipticity",
        {
            "x": "x",
            "y": "y",
            "frame": "frame",
            "uncertainty_x": "lpx",
            "uncertainty_y": "lpy",
            "unit": "pixel",
            "unit_z": "nm",
        },
    ),
    "Picasso 3D": (
        "frame|x|y|z|photons|lpx|lpy|lpz|d_zcalib",
        {
            "x": "x",
            "y": "y",
            "z": "z",
            "frame": "frame",
            "uncertainty_x": "lpx",
            "uncertainty_y": "lpy",
            "uncertainty_z": "lpz",
            "unit": "pixel",
            "unit_z": "nm",
        },
    ),
    "ThunderSTORM": (
        "id|frame|x [nm]|y [nm]|sigma [nm]|offset [photon]|uncertainty [nm]",
        {
            "x": "x [nm]",
            "y": "y [nm]",
            "frame": "frame",
            "uncertainty_x": "uncertainty [nm]",
            "uncertainty_y": "uncertainty [nm]",
            "unit": "nm",
        },
    ),
    "ThunderSTORM 3D": (
        "frame|x [um]|y [um]|z [nm]|uncertainty_xy [nm]|uncertainty_z [nm]",
        {
            "x": "x [um]",
            "y": "y [um]",
            "z": "z [nm]",
            "frame": "frame",
            "uncertainty_x": "uncertainty_xy [nm]",
            "uncertainty_y": "uncertainty_xy [nm]",
            "uncertainty_z": "uncertainty_z [nm]",
            "unit": "um",
            "unit_z": "nm",
        },
    ),
    "ThunderSTORM 3D, lateral uncertainty only": (
        "frame|x [nm]|y [nm]|z [nm]|uncertainty [nm]",
        {
            "x": "x [nm]",
            "y": "y [nm]",
            "z": "z [nm]",
            "frame": "frame",
            "uncertainty_x": "uncertainty [nm]",
            "uncertainty_y": "uncertainty [nm]",
            "unit": "nm",
            "unit_z": "nm",
        },
    ),
    "Nanoimager": (
        "Channel|Frame|X (nm)|Y (nm)|Z (nm)|Photons|X precision (nm)|Y precision (nm)|Background",
        {
            "x": "X (nm)",
            "y": "Y (nm)",
            "z": "Z (nm)",
            "frame": "Frame",
            "uncertainty_x": "X precision (nm)",
            "uncertainty_y": "Y precision (nm)",
            "unit": "nm",
            "unit_z": "nm",
        },
    ),
    "Elyra": (
        "Index|First Frame|Position X [nm]|Position Y [nm]|Precision [nm]|PSF width [nm]|Z Slice",
        {
            "x": "Position X [nm]",
            "y": "Position Y [nm]",
            "frame": "First Frame",
            "uncertainty_x": "Precision [nm]",
            "uncertainty_y": "Precision [nm]",
            "unit": "nm",
        },
    ),
    "Elyra 3D": (
        "First Frame|Position X [nm]|Position Y [nm]|Position Z [nm]|Precision [nm]|Z Slice",
        {
            "x": "Position X [nm]",
            "y": "Position Y [nm]",
            "z": "Position Z [nm]",
            "frame": "First Frame",
            "uncertainty_x": "Precision [nm]",
            "uncertainty_y": "Precision [nm]",
            "unit": "nm",
            "unit_z": "nm",
        },
    ),
    "rapidSTORM": (
        "Position-0-0|Position-1-0|ImageNumber-0-0|Amplitude-0-0|FitResidues-0-0",
        {"x": "Position-0-0", "y": "Position-1-0", "frame": "ImageNumber-0-0", "unit": "nm"},
    ),
    "rapidSTORM 3D": (
        "Position-0-0|Position-0-0-uncertainty|Position-1-0|Position-1-0-uncertainty|Position-2-0|ImageNumber-0-0",
        {
            "x": "Position-0-0",
            "y": "Position-1-0",
            "z": "Position-2-0",
            "frame": "ImageNumber-0-0",
            "uncertainty_x": "Position-0-0-uncertainty",
            "uncertainty_y": "Position-1-0-uncertainty",
            "unit": "nm",
        },
    ),
    "SMAP": (
        "xnm|ynm|znm|frame|phot|locprecnm|locprecznm|channel",
        {
            "x": "xnm",
            "y": "ynm",
            "z": "znm",
            "frame": "frame",
            "uncertainty_x": "locprecnm",
            "uncertainty_y": "locprecnm",
            "uncertainty_z": "locprecznm",
            "unit": "nm",
        },
    ),
    "SMAP with errors by axis": (
        "xnm|ynm|frame|xnmerr|ynmerr|locprecnm",
        {
            "x": "xnm",
            "y": "ynm",
            "frame": "frame",
            "uncertainty_x": "xnmerr",
            "uncertainty_y": "ynmerr",
            "unit": "nm",
        },
    ),
    "plain": (
        "x|y|frame|intensity",
        {"x": "x", "y": "y", "frame": "frame"},
    ),
    "plain 3D": (
        "Frame|x|y|z|uncertainty_x|uncertainty_y|uncertainty_z",
        {
            "x": "x",
            "y": "y",
            "z": "z",
            "frame": "Frame",
            "uncertainty_x": "uncertainty_x",
            "uncertainty_y": "uncertainty_y",
            "uncertainty_z": "uncertainty_z",
        },
    ),
}


@pytest.mark.filterwarnings("ignore:x and y are taken to be in pixel")
@pytest.mark.parametrize("name", CONVENTIONS)
def test_convention(name: str) -> None:
    header, expected = CONVENTIONS[name]
    table = table_with(*header.split("|"))
    found = find_columns(table)
    assert said(found) == expected
    assert found.convention == name.split()[0]
    assert hasattr(table, "smlm")
    assert table.smlm.columns == found


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_order_of_columns_does_not_matter(name: str) -> None:
    labels = CONVENTIONS[name][0].split("|")
    assert find_columns(table_with(*reversed(labels))) == find_columns(table_with(*labels))


@pytest.mark.parametrize(
    ("written", "unit"),
    [("px", "pixel"), ("um", "um"), ("\u00b5m", "um"), ("\u03bcm", "um"), ("mm", "mm")],
)
@pytest.mark.parametrize("pattern", ["x [{}]", "X ({})", "Position X [{}]"])
def test_any_unit_in_brackets(pattern: str, written: str, unit: str) -> None:
    label = pattern.format(written)
    label_y = pattern.replace("X", "Y").replace("x", "y").format(written)
    columns = find_columns(table_with(label, label_y, "frame"))
    assert (columns.unit, columns.length_unit) == (unit, unit)


def read_elyra(path: Path) -> pd.DataFrame:
    text = path.read_text(encoding="latin-1")
    lines = [line for line in text.splitlines() if line.count("\t") > 5]
    return pd.read_csv(io.StringIO("\n".join(lines)), sep="\t")


def read_thunderstorm(path: Path) -> pd.DataFrame:
    lines = path.read_text(encoding="utf-8").splitlines()
    header = next(csv.reader([next(csv.reader([lines[0]]))[0]]))  # quoted twice in this file
    return pd.read_csv(io.StringIO("\n".join(lines[1:])), names=header)


def read_rapidstorm(path: Path) -> pd.DataFrame:
    lines = path.read_text(encoding="utf-8").splitlines()
    header = re.findall('identifier="([^"]+)"', lines[0])
    return pd.read_csv(io.StringIO("\n".join(lines[1:])), sep=" ", names=header)


def read_picasso(path: Path) -> pd.DataFrame:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path) as file:
        return pd.DataFrame.from_records(file["locs"][:])


@real_files
@pytest.mark.parametrize(
    ("file", "read", "convention", "unit", "first", "frame"),
    [
        (
            "Nanoimager_dstorm_data.csv",
            pd.read_csv,
            "Nanoimager",
            "nm",
            (40918.949219, 56104.691406, 0.0),
            1548,
        ),
        ("Elyra_dstorm_data.txt", read_elyra, "Elyra", "nm", (15850.6, 23502.1), 1),
        (
            "Thunderstorm_dstorm_data.csv",
            read_thunderstorm,
            "ThunderSTORM",
            "nm",
            (1320.109670647555, 26344.7124618434),
            2001,
        ),
        ("rapidSTORM_dstorm_data.txt", read_rapidstorm, "rapidSTORM", "nm", (9657.4, 24533.5), 0),
        ("picasso_locs.hdf5", read_picasso, "Picasso", "pixel", None, None),
    ],
)
def test_real_files(
    file: str,
    read: object,
    convention: str,
    unit: str,
    first: tuple[float, ...] | None,
    frame: int | None,
) -> None:
    table = read(FORMATS / file)  # type: ignore[operator]
    localizations = read_localizations(table)
    assert localizations.columns.convention == convention
    assert localizations.length_unit == unit
    assert localizations.finite.all()
    if first is not None:
        assert tuple(localizations.positions[0]) == first
        assert localizations.frames[0] == frame


# Which one is meant.


def test_the_more_specific_convention_wins() -> None:
    table = table_with("x", "y", "frame", "lpx", "lpy")
    assert find_columns(table).convention == "Picasso"
    assert find_columns(table_with("x", "y", "frame", "position_x", "position_y")).x == "position_x"
    assert find_columns(table_with("x", "y", "frame", "x [nm]", "y [nm]")).x == "x [nm]"


def test_two_specific_conventions_are_ambiguous() -> None:
    table = table_with("x [nm]", "y [nm]", "position_x", "position_y", "frame")
    with pytest.raises(TableError) as error:
        find_columns(table)
    for part in ("Locan", "'position_x'", "ThunderSTORM", "'x [nm]'", "set_columns(table, x='...'"):
        assert part in str(error.value)
    assert not hasattr(table, "smlm")


def test_one_axis_in_two_units_is_ambiguous() -> None:
    table = table_with("x [nm]", "x [um]", "y [nm]", "y [um]", "frame")
    with pytest.raises(TableError, match=r"'x \[nm\]', 'x \[um\]'.*set_columns"):
        find_columns(table)
    chosen = set_columns(table, x="x [um]", y="y [um]", frame="frame", unit="um")
    assert (chosen.smlm.columns.x, chosen.smlm.columns.unit) == ("x [um]", "um")


def test_x_and_y_in_different_units_are_an_error() -> None:
    with pytest.raises(TableError, match="different units"):
        find_columns(table_with("x [nm]", "y [um]", "frame"))


@pytest.mark.parametrize("unit", ["photon", "foo"])
def test_a_unit_nobody_knows_is_an_error_and_hasattr_stays_honest(unit: str) -> None:
    table = table_with(f"x [{unit}]", f"y [{unit}]", "frame")
    assert not hasattr(table, "smlm")
    with pytest.raises(TableError, match=unit) as error:
        find_columns(table)
    assert "set_columns" in str(error.value)


def test_no_positions_at_all() -> None:
    table = table_with("a", "b")
    with pytest.raises(TableError, match=r"Its columns are 'a', 'b'.*set_columns"):
        find_columns(table)
    assert not hasattr(table, "smlm")
    assert not hasattr(pd.DataFrame(), "smlm")
    assert not hasattr(table_with("x", "frame"), "smlm")


@pytest.mark.parametrize("twice", ["x", "z", "frame", "lpx"])
def test_a_label_that_exists_twice_is_an_error(twice: str) -> None:
    table = table_with("x", "y", "z", "frame", "lpx", "lpy", "lpz")
    table = pd.concat([table, table[[twice]]], axis=1)
    with pytest.raises(TableError, match=f"{twice}'? ?(=.*)?exists twice|='{twice}' exists twice"):
        find_columns(table)
    assert not hasattr(table, "smlm")


def test_an_extra_column_may_exist_twice() -> None:
    table = pd.concat([table_with("x", "y", "frame", "a"), table_with("a")], axis=1)
    assert find_columns(table).x == "x"


# Frame numbers: a column, or a level of the index.


def test_frame_in_the_index() -> None:
    table = table_with("x", "y").set_index(pd.Index([4, 4, 7], name="frame"))
    assert find_columns(table).frame == "frame"
    np.testing.assert_array_equal(read_localizations(table).frames, [4, 4, 7])


def test_frame_in_a_level_of_the_index() -> None:
    index = pd.MultiIndex.from_arrays([list("abc"), [9, 8, 7]], names=["cell", "frame"])
    table = table_with("x", "y").set_index(index)
    assert find_columns(table).frame == "frame"
    np.testing.assert_array_equal(read_localizations(table).frames, [9, 8, 7])


def test_frame_in_a_level_the_user_names() -> None:
    index = pd.MultiIndex.from_arrays([[1, 2, 3], [9, 8, 7]], names=["t", "s"])
    table = set_columns(table_with("x", "y").set_index(index), frame="s")
    np.testing.assert_array_equal(read_localizations(table).frames, [9, 8, 7])


def test_frame_in_a_column_and_in_the_index_is_ambiguous() -> None:
    table = table_with("x", "y", "frame").set_index("frame", drop=False)
    with pytest.raises(TableError, match=r"column or index level.*'frame'"):
        find_columns(table)
    assert not hasattr(table, "smlm")


def test_frame_spelled_in_two_ways_is_ambiguous_unless_said() -> None:
    table = table_with("x", "y", "Frame", "FRAME")
    with pytest.raises(TableError, match="'Frame', 'FRAME'"):
        find_columns(table)
    assert set_columns(table, x="x", y="y", frame="FRAME").smlm.columns.frame == "FRAME"


def test_an_exact_spelling_of_frame_is_preferred() -> None:
    assert find_columns(table_with("position_x", "position_y", "frame", "Frame")).frame == "frame"


def test_no_frame_is_none() -> None:
    columns = find_columns(table_with("x", "y"))
    assert columns.frame is None


# What the user says.


def test_set_columns_wins_over_what_the_names_suggest() -> None:
    table = table_with("x", "y", "frame", "u", "v", "t")
    table["u"] += 100
    new = set_columns(table, x="u", y="v", frame="t")
    columns = new.smlm.columns
    assert (columns.x, columns.y, columns.frame) == ("u", "v", "t")
    np.testing.assert_array_equal(read_localizations(new).positions[:, 0], [100, 101, 102])


def test_set_columns_leaves_its_input_alone() -> None:
    table = table_with("a", "b", "t")
    table.attrs = {"mine": {"deep": [1]}}
    before = table.copy()
    new = set_columns(table, x="a", y="b", frame="t")
    assert table.attrs == {"mine": {"deep": [1]}}
    pd.testing.assert_frame_equal(table, before)
    assert not hasattr(table, "smlm")
    pd.testing.assert_frame_equal(new, before, check_flags=False)
    assert new.attrs["mine"] == {"deep": [1]}
    new.loc[0, "a"] = 99.0
    pd.testing.assert_frame_equal(table, before)


def test_set_columns_takes_a_whole_mapping_and_changes_to_it() -> None:
    table = table_with("a", "b", "t", "s")
    columns = Columns(x="a", y="b", frame="t", uncertainty_x="s", uncertainty_y="s", unit="um")
    new = set_columns(table, columns)
    assert new.smlm.columns == columns
    assert set_columns(table, columns, frame="s", unit="nm").smlm.columns.unit == "nm"


def test_a_whole_mapping_replaces_an_earlier_one() -> None:
    table = set_columns(table_with("a", "b", "c", "t"), x="a", y="b", z="c", unit="um")
    new = set_columns(table, Columns(x="b", y="a", frame="t"))
    assert new.smlm.columns == Columns(x="b", y="a", frame="t")


def test_single_fields_add_to_an_earlier_mapping() -> None:
    table = set_columns(table_with("a", "b", "c", "t"), x="a", y="b", z="c")
    columns = set_columns(table, frame="t", pixel_size=100).smlm.columns
    assert (columns.x, columns.z, columns.frame, columns.pixel_size) == ("a", "c", "t", 100)


def test_a_3d_table_can_be_used_as_2d() -> None:
    table = table_with("x", "y", "z", "frame", "lpx", "lpy")
    assert set_columns(table, z=None, unit="pixel").smlm.columns.components == ("x", "y")


def test_units_alone_can_be_said() -> None:
    columns = set_columns(table_with("x", "y", "frame"), unit="\u00b5m").smlm.columns
    assert (columns.x, columns.length_unit) == ("x", "um")


def test_labels_need_not_be_strings() -> None:
    table = pd.DataFrame(np.arange(9.0).reshape(3, 3))
    new = set_columns(table, x=0, y=1, frame=2)
    np.testing.assert_array_equal(read_localizations(new).frames, [2, 5, 8])
    wide = pd.DataFrame({("p", "x"): [1.0], ("p", "y"): [2.0], ("t", ""): [3]})
    new = set_columns(wide, x=("p", "x"), y=("p", "y"), frame=("t", ""))
    assert read_localizations(new).positions.tolist() == [[1.0, 2.0]]


def test_set_columns_with_columns_that_do_not_exist_names_all_of_them() -> None:
    with pytest.raises(TableError) as error:
        set_columns(table_with("a", "b"), x="a", y="c", frame="d")
    for part in ("y='c' does not exist", "frame='d' does not exist", "'a', 'b'"):
        assert part in str(error.value)


def test_set_columns_with_one_column_twice_is_an_error() -> None:
    with pytest.raises(TableError, match="same column"):
        set_columns(table_with("a", "b", "t"), x="a", y="a", frame="t")


def test_set_columns_with_a_field_that_does_not_exist_lists_the_fields() -> None:
    with pytest.raises(OptionError, match=r"'frames'.*'frame'"):
        set_columns(table_with("x", "y"), frames="t")


@pytest.mark.parametrize("size", [0, -130.0, float("nan")])
def test_a_pixel_size_that_is_none(size: float) -> None:
    with pytest.raises(OptionError, match="pixel_size"):
        set_columns(table_with("x", "y"), pixel_size=size)


def test_an_unknown_unit_is_an_error() -> None:
    with pytest.raises(OptionError, match="'lightyear'"):
        set_columns(table_with("x", "y"), unit="lightyear")


def test_a_remembered_column_that_is_gone_is_an_error() -> None:
    table = set_columns(table_with("x", "y", "t"), frame="t")
    with pytest.raises(TableError, match="frame='t' does not exist"):
        find_columns(table.drop(columns="t"))
    explicit = set_columns(table_with("a", "b", "t"), x="a", y="b", frame="t")
    assert not hasattr(explicit.drop(columns="b"), "smlm")


def test_hasattr_follows_the_table() -> None:
    table = table_with("x", "y", "frame")
    accessor = table.smlm
    assert not hasattr(table.drop(columns="x"), "smlm")
    del table["x"]
    with pytest.raises(TableError):
        accessor.columns  # noqa: B018
    table["x"] = 1.0
    assert accessor.columns.x == "x"


SAID = {"x": "a", "y": "b", "frame": "t", "unit": "um", "pixel_size": 130.0}


OPERATIONS = {
    "query": lambda t: t.query("a > 0"),
    "iloc": lambda t: t.iloc[1:],
    "mask": lambda t: t[t["a"] > 0],
    "assign": lambda t: t.assign(extra=1),
    "copy": lambda t: t.copy(),
    "sort_values": lambda t: t.sort_values("b", ascending=False),
    "reset_index": lambda t: t.reset_index(drop=True),
    "astype": lambda t: t.astype({"a": "float32"}),
    "dropna": lambda t: t.dropna(),
    "sample": lambda t: t.sample(2, random_state=1),
    "rename": lambda t: t.rename(columns={"other": "more"}),
    "concat": lambda t: pd.concat([t, t]),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_what_was_said_survives_pandas(operation: object) -> None:
    table = set_columns(table_with("a", "b", "t", "other"), **SAID)
    result = operation(table)  # type: ignore[operator]
    assert result.smlm.columns == table.smlm.columns


def test_what_was_said_survives_parquet(tmp_path: Path) -> None:
    table = set_columns(table_with("a", "b", "t"), **SAID)
    table.to_parquet(tmp_path / "locs.parquet")
    assert pd.read_parquet(tmp_path / "locs.parquet").smlm.columns == table.smlm.columns


def test_length_unit_and_scale() -> None:
    mixed = Columns(x="x", y="y", z="z", unit="px", unit_z="nm", pixel_size=130)
    assert mixed.length_unit == "nm"
    assert [mixed.scale(c) for c in "xyz"] == [130, 130, 1]
    um = Columns(x="x", y="y", z="z", unit="um", unit_z="nm")
    assert [um.scale(c) for c in "xyz"] == [1, 1, 1e-3]
    same = Columns(x="x", y="y", z="z", unit="nm")
    assert [same.scale(c) for c in "xyz"] == [1, 1, 1]
    unknown = Columns(x="x", y="y", z="z")
    assert [unknown.scale(c) for c in "xyz"] == [1, 1, 1]
    pixels = Columns(x="x", y="y", unit="px")
    assert (pixels.length_unit, pixels.scale("x")) == ("pixel", 1)


def test_mixed_units_need_a_pixel_size() -> None:
    with pytest.raises(TableError, match=r"x and y are in pixel but z is in nm.*pixel_size"):
        Columns(x="x", y="y", z="z", unit="px", unit_z="nm").scale("z")
