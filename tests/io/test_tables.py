"""Reading and writing tables: what survives, how formats are chosen, and what is refused."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smlm_accessor
from smlm_accessor import io
from smlm_accessor.errors import FileError, OptionError, TableError
from smlm_accessor.table.localizations import read_localizations
from tests.io.conftest import make_table, write_matlab73

Put = Callable[..., Path]
PROGRAMS = [name for name in io.format_names(written=True) if name not in ("csv", "tsv", "parquet")]


# What survives.


@pytest.mark.parametrize("format", PROGRAMS)
@pytest.mark.parametrize("z", [True, False])
def test_what_a_program_gets(format: str, z: bool, tmp_path: Path) -> None:
    table = make_table(z=z)
    before = table.copy(deep=True)
    io.write(table, tmp_path / "out", format=format)
    again = smlm_accessor.read(tmp_path / "out")
    pd.testing.assert_frame_equal(table, before)
    given, found = read_localizations(table), read_localizations(again)
    np.testing.assert_allclose(found.positions, given.positions, rtol=1e-14)
    np.testing.assert_array_equal(found.frames, given.frames)
    assert found.uncertainty is not None
    assert given.uncertainty is not None
    np.testing.assert_allclose(found.uncertainty, given.uncertainty, rtol=1e-14)
    np.testing.assert_array_equal(again["photons"].astype("f4"), table["photons"])
    np.testing.assert_array_equal(again["group"], table["group"])
    if format in ("picasso", "picasso-0", "decode", "smap", "smlm"):
        assert (again["photons"].dtype, again["group"].dtype) == (np.float32, np.int32)
    assert len(again.columns) == len(table.columns)


numbers = st.one_of(
    st.floats(-1e9, 1e9, width=32), st.floats(-1e15, 1e15), st.integers(-(2**53), 2**53).map(float)
)


@pytest.mark.filterwarnings("ignore:.*Picasso leaves them out")
@settings(max_examples=20)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2**31), numbers, numbers), max_size=30),
    format=st.sampled_from(io.format_names(written=True)),
    single=st.booleans(),
    shuffled=st.booleans(),
)
def test_round_trip(
    rows: list[tuple[int, float, float]],
    format: str,
    single: bool,
    shuffled: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    frames, x, y = zip(*rows, strict=True) if rows else ((), (), ())
    table = pd.DataFrame({"y": np.array(y, float), "frame": np.array(frames, "i8")})
    table["x"] = np.array(x, "f4" if single else "f8")
    if shuffled:
        table.index = pd.Index(np.arange(len(table))[::-1])
    table = smlm_accessor.set_columns(table, unit="nm", pixel_size=100)
    path = tmp_path_factory.mktemp("round") / "table"
    io.write(table, path, format=format)
    again = read_localizations(smlm_accessor.read(path))
    expected = read_localizations(table)
    rtol = 1e-6 if single else 1e-14
    np.testing.assert_allclose(again.positions, expected.positions, rtol=rtol, atol=1e-30)
    np.testing.assert_array_equal(again.frames, expected.frames)


@pytest.mark.parametrize(
    "suffix", [".parquet", ".csv", ".tsv", ".txt", ".hdf5", ".h5", ".mat", ".smlm"]
)
def test_the_verb(suffix: str, table: pd.DataFrame, tmp_path: Path) -> None:
    table.smlm.write(tmp_path / f"out{suffix}")
    again = smlm_accessor.read(str(tmp_path / f"out{suffix}"))
    assert len(again) == len(table)
    beside = {"out.yaml"} if suffix == ".hdf5" else set()
    assert set(os.listdir(tmp_path)) == {f"out{suffix}"} | beside


@pytest.mark.parametrize("format", ["parquet", "picasso", "picasso-0", "decode", "smap", "smlm"])
def test_history_is_kept(format: str, table: pd.DataFrame, tmp_path: Path) -> None:
    moved = table.smlm.simulate_drift(velocity=(0.1, 0.2, 0.3))
    io.write(moved, tmp_path / "out", format=format)
    assert smlm_accessor.read(tmp_path / "out").attrs["smlm_history"] == moved.attrs["smlm_history"]


def test_parquet_keeps_everything(table: pd.DataFrame, tmp_path: Path) -> None:
    kept = table.assign(
        kind=pd.Categorical(["a", "b"] * 30), gaps=pd.array([1, None] * 30, "Int16")
    )
    kept.index = pd.Index(np.arange(60)[::-1], name="id")
    kept.smlm.write(tmp_path / "out.parquet")
    again = smlm_accessor.read(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(again, kept)
    assert again.attrs == kept.attrs


def test_names_that_a_table_cannot_have_come_back_in_text(put: Put, tmp_path: Path) -> None:
    text = ",x,y,frame,note,note\n7,1.5,2.5,3,a,b\n"
    io.write(smlm_accessor.read(put(text)), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == text


def test_frames_in_the_index_become_a_column(table: pd.DataFrame, tmp_path: Path) -> None:
    indexed = table.set_index("frame")
    io.write(indexed, tmp_path / "out", format="smap")
    np.testing.assert_array_equal(smlm_accessor.read(tmp_path / "out")["frame"], table["frame"])
    both = table.set_index(["frame", table.index])
    io.write(both, tmp_path / "both", format="picasso")
    assert "frame" in smlm_accessor.read(tmp_path / "both")


def test_one_precision_for_two_axes(tmp_path: Path) -> None:
    table = make_table(z=False).drop(columns="uncertainty_y")
    table = table.rename(columns={"uncertainty_x": "uncertainty"})
    for format in PROGRAMS:
        io.write(table, tmp_path / format, format=format)
        found = read_localizations(smlm_accessor.read(tmp_path / format)).uncertainty
        assert found is not None
        np.testing.assert_allclose(found[:, 0], table["uncertainty"], rtol=1e-14)
        np.testing.assert_allclose(found[:, 1], table["uncertainty"], rtol=1e-14)


@pytest.mark.filterwarnings("ignore:.*Picasso leaves them out")
def test_numbers_of_every_kind(table: pd.DataFrame, tmp_path: Path) -> None:
    table = table.assign(
        gaps=pd.array([1, None] * 30, "Int64"),
        whole=pd.array([1, 2] * 30, "UInt8"),
        half=pd.array([1.5, None] * 30, "Float32"),
        kind=pd.Categorical([3, 4] * 30),
        flag=[True, False] * 30,
    )
    for format in ("picasso", "picasso-0", "decode", "smap", "smlm", "rapidstorm"):
        io.write(table, tmp_path / format, format=format)
        again = smlm_accessor.read(tmp_path / format)
        assert again["gaps"].isna().sum() == again["half"].isna().sum() == 30
        assert list(again["kind"][:2]) == [3, 4]
        assert list(again["flag"][:2]) == [True, False]
        if format != "rapidstorm":
            assert (again["whole"].dtype, again["flag"].dtype) == (np.uint8, np.bool_)


# DECODE, SMAP, SMLM.


def test_decode_finds_what_it_opens(table: pd.DataFrame, tmp_path: Path) -> None:
    import h5py

    table.rename(columns={"photons": "phot"}).smlm.write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        data = {name: v[:] if v.shape is not None else None for name, v in file["data"].items()}
        meta, version = dict(file["meta"].attrs), dict(file["decode"].attrs)
    known = [
        "xyz",
        "phot",
        "frame_ix",
        "id",
        "prob",
        "bg",
        "xyz_cr",
        "phot_cr",
        "bg_cr",
        "xyz_sig",
        "phot_sig",
        "bg_sig",
    ]
    assert sorted(data) == sorted(known)  # what an EmitterSet is made of, and no more
    assert meta["xy_unit"] == "nm"
    assert set(meta) == {"xy_unit", "px_size"}
    assert "version" in version
    assert data["bg_cr"] is None
    np.testing.assert_array_equal(data["xyz"][:, 1], table["position_y"])
    np.testing.assert_array_equal(data["phot"], table["photons"])


def test_matlab_73(tmp_path: Path) -> None:
    path = tmp_path / "a_sml.mat"
    write_matlab73(path, locprecnm=np.full(7, 9.0), flag=np.ones(7, "u1"), other=np.arange(3.0))
    table = smlm_accessor.read(path)
    assert set(table.columns) == {"xnm", "ynm", "frame", "locprecnm", "flag"}
    assert table["flag"].dtype == bool
    assert table.smlm.columns.uncertainty_y == "locprecnm"
    np.testing.assert_array_equal(table["ynm"], 2 * np.arange(7))


@pytest.mark.parametrize("compressed", [True, False])
def test_matlab_5_as_scipy_writes_it(compressed: bool, tmp_path: Path) -> None:
    from scipy.io import savemat

    loc = {
        "xnm": np.arange(9.0)[:, None],
        "ynm": np.arange(9, dtype="f4")[:, None],
        "frame": np.arange(9, dtype="u2")[:, None],
        "flag": (np.arange(9) % 2 == 0)[:, None],
        "small": np.arange(9, dtype="i1")[:, None],
        "note": "text",
        "empty": np.zeros((0, 0)),
        "turned": np.arange(9) * 1j,
    }
    inside = {"history": {"a": 1}, "loc": loc, "file": np.array([{"a": 1}, 3], dtype=object)}
    savemat(tmp_path / "a.mat", {"before": [1, 2], "saveloc": inside}, do_compression=compressed)
    table = smlm_accessor.read(tmp_path / "a.mat")
    assert table.dtypes.astype(str).to_dict() == {
        "xnm": "float64", "ynm": "float32", "frame": "uint16", "flag": "bool", "small": "int8",
    }  # fmt: skip
    for name in table:
        np.testing.assert_array_equal(table[name], np.ravel(loc[name]))


def test_what_scipy_reads_of_smap(table: pd.DataFrame, tmp_path: Path) -> None:
    from scipy.io import loadmat

    table.assign(**{"a [b]": 1.0}).smlm.write(tmp_path / "out.mat")
    loc = loadmat(tmp_path / "out.mat", simplify_cells=True)["saveloc"]["loc"]
    np.testing.assert_array_equal(loc["xnm"], table["position_x"])
    np.testing.assert_array_equal(loc["znmerr"], table["uncertainty_z"])
    assert "a__b_" in loc


def test_smlm_is_what_other_programs_read(table: pd.DataFrame, tmp_path: Path) -> None:
    renamed = table.rename(columns={f"position_{a}": f"{a} [nm]" for a in "xyz"})
    renamed = renamed.rename(columns={f"uncertainty_{a}": f"uncertainty_{a} [nm]" for a in "xyz"})
    io.write(renamed, tmp_path / "out.smlm")
    with zipfile.ZipFile(tmp_path / "out.smlm") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        form = manifest["formats"]["smlm-table(binary)"]
        assert set(form["headers"]) >= {"x", "y", "z", "frame", "x_precision"}
        assert set(form["dtype"]) <= {"uint32", "float32", "float64"}
        record = np.dtype(list(zip(form["headers"], form["dtype"], strict=True)))
        values = np.frombuffer(archive.read("table-0.bin"), dtype=record)
    np.testing.assert_array_equal(values["x"], table["position_x"])


def test_smlm_of_several_channels_with_offsets_and_patches(tmp_path: Path) -> None:
    form = {"type": "table", "mode": "binary", "headers": ["frame", "x", "y", "patch"],
            "dtype": ["uint32", "uint16", "float32", "uint8"], "shape": [1, 1, 1, [2, 2]],
            "units": ["", "um", "um", ""], "columns": 4}  # fmt: skip
    record = np.dtype([("f", "<u4"), ("x", "<u2"), ("y", "<f4"), ("p", "u1", (2, 2))])
    values = np.ones(3, dtype=record)
    files = [{"name": f"{c}.bin", "type": "table", "format": "f", "channel": c, "rows": 3,
              "offset": {"x": -5}} for c in ("red", "green")]  # fmt: skip
    files.append({"name": "image.png", "type": "image", "format": "png"})
    with zipfile.ZipFile(tmp_path / "a.smlm", "w") as archive:
        archive.writestr("manifest.json", json.dumps({"formats": {"f": form}, "files": files}))
        for c in ("red", "green"):
            archive.writestr(f"{c}.bin", values.tobytes())
    table = smlm_accessor.read(tmp_path / "a.smlm")
    assert list(table.columns) == ["frame", "x", "y", "channel"]
    assert list(table["channel"]) == ["red"] * 3 + ["green"] * 3
    assert (table["x"] == -4).all()
    assert table.smlm.columns.unit == "um"


# How a format is chosen.


def test_a_name_that_lies_does_not_matter(samples: dict[str, bytes], put: Put) -> None:
    for name, data in samples.items():
        wrong = put(data, "wrong.csv" if "csv" not in name else "wrong.hdf5")
        assert len(smlm_accessor.read(wrong))


def test_columns_are_said_while_reading(put: Put) -> None:
    path = put("a,b,t\n1,2,3\n")
    columns = smlm_accessor.read(path, x="a", y="b", frame="t", unit="um").smlm.columns
    assert (columns.x, columns.frame, columns.unit) == ("a", "t", "um")


def test_a_format_is_said_while_reading(put: Put) -> None:
    path = put('"x [nm]","y [nm]","frame"\n1,2,3\n')
    assert list(io.read(path, format="csv").columns) == ["x [nm]", "y [nm]", "frame"]
    with pytest.raises(FileError, match=r"cannot be opened as HDF5|cannot be read as Picasso"):
        io.read(path, format="picasso")
    with pytest.raises(OptionError, match=r"'tiff'.*'picasso'"):
        io.read(path, format="tiff")


def test_units_in_latin_1_of_a_program(put: Put) -> None:
    text = '"frame","x [µm]","y [µm]"\n1,2.5,3.5\n'
    for encoding in ("latin-1", "utf-8", "utf-8-sig"):
        assert smlm_accessor.read(put(text.encode(encoding))).smlm.columns.unit == "um"
    text = "Channel,Frame,X (Å),Y (Å)\n0,1,2,3\n"
    assert smlm_accessor.read(put(text.encode("latin-1"))).smlm.columns.unit == "angstrom"


def test_no_h5py(samples: dict[str, bytes], put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(samples["picasso"])
    monkeypatch.setitem(sys.modules, "h5py", None)
    for attempt in (
        lambda: smlm_accessor.read(path),
        lambda: make_table().smlm.write(path.with_name("new.hdf5")),
        lambda: make_table().smlm.write(path.with_name("new.h5")),
    ):
        with pytest.raises(FileError, match="pip install h5py"):
            attempt()


# What is not written.


def test_files_are_not_replaced_unasked(table: pd.DataFrame, tmp_path: Path) -> None:
    for taken, path in (("a.csv", "a.csv"), ("b.yaml", "b.hdf5")):
        (tmp_path / taken).write_text("precious")
        with pytest.raises(FileError, match=rf"{taken} exists.*overwrite=True"):
            table.smlm.write(tmp_path / path)
        assert (tmp_path / taken).read_text() == "precious"
        table.smlm.write(tmp_path / path, overwrite=True)
        assert (tmp_path / taken).read_text() != "precious"


def test_a_failure_leaves_no_trace(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out.hdf5").write_text("old")
    monkeypatch.setattr("smlm_accessor.io.formats.picasso.movie_text", broken)
    with pytest.raises(FileError, match=r"No space left"):
        table.smlm.write(tmp_path / "out.hdf5", overwrite=True)
    assert os.listdir(tmp_path) == ["out.hdf5"]
    assert (tmp_path / "out.hdf5").read_text() == "old"


@pytest.mark.parametrize(
    ("change", "format", "words"),
    [
        ({"note": "text"}, "picasso", ["only numbers", "'note'", ".parquet"]),
        ({"note": "text"}, "smap", ["only numbers", "'note'"]),
        ({"x": 1.0}, "decode", ["more than one column 'x'", "rename"]),
        ({"a b": 1.0, "a_b": 2.0}, "smap", ["'a_b'"]),
        ({"position_x": "text"}, "elyra", ["'position_x'", "not a number"]),
        ({"c": 1j}, "smlm", ["only numbers", "'c'"]),
        ({"c": [[1], "a"] * 30}, "parquet", [".csv"]),
    ],
)
def test_tables_that_do_not_fit(
    change: dict[str, object], format: str, words: list[str], table: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises((TableError, FileError)) as raised:
        io.write(table.assign(**change), tmp_path / "out", format=format)
    message = str(raised.value)
    assert str(tmp_path / "out") in message
    assert all(word in message for word in words), message
    assert not os.listdir(tmp_path)


def test_bad_calls_of_write(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"extension.*\.hdf5 \(Picasso.*\.csv"):
        table.smlm.write(tmp_path / "out.xlsx")
    with pytest.raises(OptionError, match=r"'xls'.*'csv'"):
        table.smlm.write(tmp_path / "out.csv", format="xls")
    with pytest.raises(FileError, match=r"folder .* does not exist"):
        table.smlm.write(tmp_path / "no" / "out.csv")
    with pytest.raises(FileError, match="is a folder"):
        table.smlm.write(tmp_path, format="csv")
    with pytest.raises(TableError, match="list"):
        io.write([1, 2], tmp_path / "out.csv")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="not a NoneType"):
        io.write(table, None)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="not a list; read each, then"):
        io.read(["a.csv", "b.csv"])  # type: ignore[arg-type]
    unknown = pd.DataFrame({"x": [1.0], "y": [2.0], "frame": [0]})
    with pytest.raises(TableError, match="unit='nm'"):
        io.write(unknown, tmp_path / "out.mat")
    with pytest.raises(TableError, match="frame numbers"):
        io.write(table.drop(columns="frame"), tmp_path / "out.mat")
