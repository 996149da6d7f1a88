"""Layouts of the field's programs: unit, frames and precision are read, and come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.drift import build
from smlm_accessor.errors import FileError, OptionError
from smlm_accessor.io import registry
from smlm_accessor.io.file_start import opened
from smlm_accessor.io.recognition import recognised
from smlm_accessor.table.localizations import read_localizations
from tests.io import layouts
from tests.io.conftest import FORMATS, real_files
from tests.io.layouts import TEXTS

Put = Callable[..., Path]
FOLDER = FORMATS or Path()


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_text_says(name: str, put: Put) -> None:
    layout = TEXTS[name]
    path = put(layout.content)
    assert recognised(opened(path)).name == layout.format
    table = smlm_accessor.read(path)
    assert len(table) == layout.rows
    found = read_localizations(table, need_frames=False)
    columns = found.columns
    assert columns.length_unit == layout.unit
    np.testing.assert_allclose(found.positions[0], layout.first)
    assert (columns.frame is None) == (layout.frame is None)
    if layout.frame is not None:
        assert found.frames[0] == layout.frame
    assert (columns.time is None) == (layout.time is None)
    if layout.time is not None:
        assert found.clock.values(found.frames[0]) == layout.time
    assert columns.uncertainty_x == layout.precision
    assert tuple(columns.in_pixels.values()) == layout.pixels
    assert all(label == label.strip() for label in table.columns)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_ends_of_lines(name: str, end: str, put: Put) -> None:
    content = TEXTS[name].content
    expected = smlm_accessor.read(put(content))
    found = smlm_accessor.read(put(content.replace(b"\n", end.encode())))
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_comes_back(name: str, put: Put, tmp_path: Path) -> None:
    layout = TEXTS[name]
    table = smlm_accessor.read(put(layout.content))
    for out in ("out.csv", "out.txt"):
        table.smlm.write(tmp_path / out)
        again = smlm_accessor.read(tmp_path / out)
        pd.testing.assert_frame_equal(again, table)
    if registry.by_name(layout.format).only_own:  # what stands around the table comes back, too
        table.smlm.write(tmp_path / "same", format=layout.format)
        again = smlm_accessor.read(tmp_path / "same")
        pd.testing.assert_frame_equal(again, table)
        assert again.smlm.columns == table.smlm.columns
        end = {"csv": ".csv", "tsv": ".txt"}[registry.by_name(layout.format).instead_of]
        assert (tmp_path / f"out{end}").read_text() == (tmp_path / "same").read_text()


@pytest.mark.parametrize("name", [name for name in TEXTS if TEXTS[name].pixels])
def test_positions_in_pixels_follow(name: str, put: Put) -> None:
    table = smlm_accessor.read(put(TEXTS[name].content))
    columns = table.smlm.columns
    frames = np.unique(table[columns.frame])
    offset = np.array([[100.0, -50, 25], [10, 20, 0], [0, 0, 0]])[: len(frames)]
    drift = build(
        offset=offset[:, : len(columns.components)],
        components=columns.components,
        frame=frames,
        frame_start=frames,
        frame_stop=frames + 1,
        attrs={"length_unit": "nm"},
    )
    for given in (table, _as_dask(table)):
        fixed = given.smlm.correct(drift)
        fixed = fixed if isinstance(fixed, pd.DataFrame) else fixed.compute()
        for axis, label in columns.in_pixels.items():
            nm = columns.positions[axis]
            if not np.ptp(table[nm]):
                continue
            size = np.ptp(table[nm]) / np.ptp(table[label])
            moved = fixed[nm] - table[nm]
            assert abs(moved).max() > 0
            np.testing.assert_allclose(fixed[label] - table[label], moved / size, rtol=1e-9)


def _as_dask(table: pd.DataFrame) -> pd.DataFrame:
    import dask.dataframe as dd

    return dd.from_pandas(table, npartitions=1)


def test_drift_of_a_table_with_pixels_in_dask() -> None:
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(2000, size=9000))
    xy = rng.uniform(0, 5000, (150, 2))[rng.integers(150, size=9000)] + rng.normal(0, 10, (9000, 2))
    xy += np.outer(frame / 2000, [90, -50])
    table = pd.DataFrame({"Frame": frame, "X (nm)": xy[:, 0], "Y (nm)": xy[:, 1]})
    table["X (pix)"], table["Y (pix)"] = table["X (nm)"] / 117, table["Y (nm)"] / 117
    lazy = _as_dask(table)
    drift = lazy.smlm.drift(method="aim")
    fixed = lazy.smlm.correct(drift).compute()
    np.testing.assert_allclose(fixed["X (pix)"], fixed["X (nm)"] / 117, rtol=1e-9)
    assert (fixed["X (nm)"] - table["X (nm)"] + 90 * frame / 2000).std() < 1


def test_other_columns_of_positions_stay(put: Put) -> None:
    table = smlm_accessor.read(put(TEXTS["N-STORM"].content))
    moved = table.smlm.simulate_drift(velocity=(5, 5, 5))
    assert not moved["X"].equals(table["X"])
    assert moved["Xc"].equals(table["Xc"])


# Names of columns that the file does not have.


@pytest.mark.parametrize("separator", [",", "\t", ";", " ", "   "])
def test_no_names(separator: str, put: Put) -> None:
    rows = [separator.join(["3", "10.5", "20"]), separator.join(["4", "11", "21"])]
    path = put("\n".join(rows) + "\n")
    with pytest.raises(FileError, match=r"first line holds numbers, 3 \| 10.5 \| 20, .*names=\["):
        smlm_accessor.read(path)
    table = smlm_accessor.read(path, names=["frame", "x", "y"], unit="nm")
    assert table.to_numpy().tolist() == [[3, 10.5, 20], [4, 11, 21]]
    assert table["frame"].dtype == np.int64
    by_number = smlm_accessor.read(path, frame=0, x="1", y=2, unit="nm")
    pd.testing.assert_frame_equal(by_number, table)
    with pytest.raises(FileError, match=r"2 names=\['x', 'y'\] but 3 columns"):
        smlm_accessor.read(path, names=["x", "y"])
    with pytest.raises(OptionError, match="no column 3"):
        smlm_accessor.read(path, x=1, y=3)


def test_names_instead_of_those_there_are(put: Put) -> None:
    table = smlm_accessor.read(put("a,b,c\n3,10.5,20\n"), names=["frame", "x [nm]", "y [nm]"])
    assert table.to_numpy().tolist() == [[3, 10.5, 20]]
    assert table.smlm.columns.unit == "nm"


@pytest.mark.parametrize("names", ["x", [], ["x", "x"], [1, 2], ["", "x"]])
def test_names_that_are_none(names: object, put: Put) -> None:
    with pytest.raises((OptionError, FileError), match="names="):
        smlm_accessor.read(put("1,2\n3,4\n"), names=names)  # type: ignore[arg-type]


def test_names_for_what_is_no_text(samples: dict[str, bytes], put: Put) -> None:
    with pytest.raises(OptionError, match="is for text"):
        smlm_accessor.read(put(samples["parquet"]), names=["frame", "x", "y"])


def test_no_names_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("3,10.5,20\n4,11,21\n")
    (tmp_path / "b.csv").write_text("5,12.5,22\n")
    with pytest.raises(FileError, match=r"a\.csv: the first line holds numbers"):
        smlm_accessor.read(tmp_path)
    table = smlm_accessor.read(tmp_path, names=["frame", "x", "y"]).compute()
    assert table["x"].tolist() == [10.5, 11, 12.5]


def test_latin_1_in_a_folder(tmp_path: Path) -> None:
    for name in "ab":
        text = "frame,x [µm],y [µm]\n3,1.5,2\n4,1.25,2\n"
        (tmp_path / f"{name}.csv").write_text(text, encoding="latin-1")
    table = smlm_accessor.read(tmp_path)
    assert table.smlm.columns.unit == "um"
    assert len(table.compute()) == 4


def test_decimal_commas_in_a_folder(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("# a note\nframe;x;y\n3;10,5;20\n4;11,5;21\n")
    assert smlm_accessor.read(tmp_path).compute()["x"].tolist() == [10.5, 11.5] * 2


# What is no text.


def test_insight3(put: Put, tmp_path: Path) -> None:
    path = put(layouts.insight3())
    table = smlm_accessor.read(path)
    columns = table.smlm.columns
    assert (columns.unit, columns.unit_z, columns.frame) == ("pixel", "nm", "frame")
    assert table[["x", "y", "z", "frame"]].iloc[1].tolist() == [11.5, 20, 12, 4]
    table.smlm.write(tmp_path / "out.bin")
    assert (tmp_path / "out.bin").read_bytes() == path.read_bytes()
    other = smlm_accessor.simulate_thomas(cluster_mu=10, seed=1)
    with pytest.raises(OptionError, match="only for a table read in it"):
        other.smlm.write(tmp_path / "other.bin")


def test_storm_analysis(tmp_path: Path) -> None:
    layouts.storm_analysis(tmp_path / "a.hdf5")
    table = smlm_accessor.read(tmp_path / "a.hdf5")
    assert table["frame"].tolist() == [3, 3, 10]
    found = read_localizations(table)
    np.testing.assert_allclose(found.positions, [[1050, 1050, 200]] * 3)
    assert "xsigma" in table


def minflux(name: str, folder: Path) -> pd.DataFrame:
    if name == "zarr":
        layouts.write_minflux_zarr(folder / "a.zarr")
        return smlm_accessor.read(folder / "a.zarr")
    (folder / "file").write_bytes(layouts.files(folder)[name])
    return smlm_accessor.read(folder / "file")


@pytest.mark.parametrize("name", ["MINFLUX npy m2410", "MINFLUX mat m2410", "MINFLUX json", "zarr"])
def test_minflux_from_m2410(name: str, tmp_path: Path) -> None:
    table = minflux(name, tmp_path)
    np.testing.assert_allclose(table[["x", "y", "z"]], layouts.FINAL)
    assert table["tid"].tolist() == [7, 7, 9, 9]
    np.testing.assert_allclose(table["tim"], [0.04, 0.09, 0.14, 0.19])
    assert table.smlm.columns.time == "tim"
    assert read_localizations(table).frames.tolist() == [40_000, 90_000, 140_000, 190_000]
    assert (table["itr"] == 4).all()
    np.testing.assert_allclose(table["dcr"], 0.25)
    assert table.smlm.columns.unit == "nm"


@pytest.mark.parametrize("name", ["MINFLUX npy m2205", "MINFLUX mat m2205"])
def test_minflux_up_to_m2205(name: str, tmp_path: Path) -> None:
    table = minflux(name, tmp_path)
    np.testing.assert_allclose(table[["x", "y", "z"]], [[12, 13, 14], [24, 25, 26], [42, 43, 44]])
    assert table["tid"].tolist() == [7, 7, 8]
    assert table["tim"].tolist() == pytest.approx([0.5, 0.6, 0.7])
    assert table.smlm.columns.time == "tim"
    np.testing.assert_allclose(table["cfr"], [0.3, 0.7, 1.1])  # the last that was measured


def test_minflux_zarr_and_its_beads(tmp_path: Path) -> None:
    root = tmp_path / "folder" / "a.zarr"
    layouts.write_minflux_zarr(root)
    expected = smlm_accessor.read(root)
    for other in (root / "mfx", tmp_path / "folder"):
        pd.testing.assert_frame_equal(smlm_accessor.read(other), expected)
    beads = smlm_accessor.read(root, format="minflux-beads")
    assert beads["bead"].tolist() == ["R0", "R1"] * 3
    assert beads["used"].tolist() == [False, True] * 3
    assert beads["x"].tolist() == pytest.approx([0, 3, 6, 9, 12, 15])
    assert beads["tim"].tolist() == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5])
    assert beads.smlm.columns.time == "tim"
    layouts.write_minflux_zarr(tmp_path / "folder" / "b.zarr")
    with pytest.raises(FileError, match=r"several measurements; give one of a\.zarr, b\.zarr"):
        smlm_accessor.read(tmp_path / "folder")


@pytest.mark.parametrize(
    ("damage", "words"),
    [("{", "cannot be read"), ('{"shape": [3]}', "does not describe"), ("[]", "not describe")],
)
def test_zarr_that_is_damaged(damage: str, words: str, tmp_path: Path) -> None:
    layouts.write_minflux_zarr(tmp_path / "a.zarr")
    (tmp_path / "a.zarr" / "mfx" / ".zarray").write_text(damage)
    with pytest.raises(FileError, match=words):
        smlm_accessor.read(tmp_path / "a.zarr")


def test_no_beads(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no monitoring beads"):
        smlm_accessor.read(tmp_path, format="minflux-beads")


REAL = {  # rows, the first position in nm, trace, and time in seconds
    "minflux_2d.npy": (600, (3651.7419233716005, -15477.219499535157, 0), 51, 1.628497725),
    "minflux_struct_v5.mat": (41132, (154.33870044, 363.22341404, 0), 48, 0.0),
    "minflux_vimentin_v73.mat": (36958, (-90.10628944, 741.62247042, -56.69885925), 95, 0.0),
    "pmx_format_v1.pmx": (1056, (21662.7340, -1923.35868, 0), 72715, 1189.11395),
    "pmx_format_v3.pmx": (404 + 0, (2610.88787, 1891.46632, 2.84e-4), 7518, 132.424048),
    "pyminflux.csv": (1500, (22870.9843524246, -2566.20320967157, 0), 10, 0.426277275),
}


@real_files
@pytest.mark.parametrize("name", REAL)
def test_real_minflux(name: str) -> None:
    rows, first, trace, seconds = REAL[name]
    table = smlm_accessor.read(FOLDER / name)
    assert table.smlm.columns.unit == "nm"
    np.testing.assert_allclose(table[["x", "y", "z"]].iloc[0], first, rtol=1e-5, atol=1e-6)
    assert table["tid"].iloc[0] == trace
    assert table["tim"].iloc[0] == pytest.approx(seconds)
    if not name.endswith("v3.pmx"):
        assert len(table) == rows


@real_files
@pytest.mark.parametrize("name", ["pmx_format_v1.pmx", "pmx_format_v3.pmx"])
def test_what_pyminflux_made_of_its_raw_data(name: str) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(FOLDER / name) as file:
        names = list(file["paraview/dataframe"].attrs["column_names"])
        theirs = pd.DataFrame(file["paraview/dataframe"][...], columns=names)
    ours = smlm_accessor.read(FOLDER / name)
    # Theirs is filtered; each of its rows is one of ours.
    both = theirs.merge(ours, on=["tid", "tim"], suffixes=("", "_ours"))
    assert len(both) == len(theirs)
    for label in ("x", "y", "efo", "eco", "dcr", "cfr"):
        np.testing.assert_allclose(both[label], both[f"{label}_ours"], rtol=2e-3, err_msg=label)


# Large text.


@pytest.mark.parametrize(
    ("separator", "decimal", "above"),
    [(",", ".", ""), ("\t", ",", "# a note\n"), (";", ".", "\n")],
)
def test_large_text_is_read_as_small_text_is(
    separator: str, decimal: str, above: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"": np.arange(30_000), "frame": rng.integers(99, size=30_000)})
    table[["x [nm]", "y [nm]"]] = rng.uniform(-1e4, 1e4, (30_000, 2))
    path = tmp_path / "a.txt"
    path.write_text(above + table.to_csv(sep=separator, decimal=decimal, index=False))
    assert path.stat().st_size > 2**20
    fast = smlm_accessor.read(path)
    np.testing.assert_array_equal(fast["x [nm]"], table["x [nm]"])
    monkeypatch.setattr("smlm_accessor.io.containers.delimited.all_numbers", lambda *_: None)
    slow = smlm_accessor.read(path)
    pd.testing.assert_frame_equal(fast, slow)
    assert fast.attrs == slow.attrs
    fast.loc[0, "frame"] = 7
    assert fast["frame"].iloc[0] == 7


@pytest.mark.parametrize("odd", ["1,2,a\n", "1,,3\n", "1,2,3,4\n", "1, 2,3\n", "1,2,"])
def test_large_text_with_something_odd(odd: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("frame,x,y\n" + "1,2.5,3.25\n" * 120_000 + odd)
    if odd in ("1,2,3,4\n",):
        with pytest.raises(FileError, match="4"):
            smlm_accessor.read(path)
        return
    table = smlm_accessor.read(path, x="x", y="y", frame="frame")
    assert len(table) == 120_001
    assert table["x"].iloc[:-1].eq(2.5).all()
