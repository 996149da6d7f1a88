"""Files that cannot be read: one clear error each, of this package, that names the file."""

from __future__ import annotations

import gzip
import io as std_io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.errors import FileError, SmlmError, TableError
from tests.io.conftest import make_table, write_matlab73

Put = Callable[..., Path]
RAPID = (
    '# <localizations insequence="true"><field identifier="Position-0-0" unit="{x}" />'
    '<field identifier="Position-1-0" unit="nanometer" />'
    '<field identifier="ImageNumber-0-0" unit="frame" /></localizations>\n'
)


def refused(path: Path, *words: str, **options: Any) -> SmlmError:
    with pytest.raises((FileError, TableError)) as raised:
        smlm_accessor.read(path, **options)
    message = str(raised.value)
    assert str(path) in message
    assert len(message) < 1000
    for word in words:
        assert word in message, message
    return raised.value


TEXT: dict[str, tuple[str | bytes, list[str]]] = {
    "0 bytes": (b"", ["is empty", "copy it again"]),
    "empty lines": ("\n\n\n", ["nothing but empty lines"]),
    "one column": ("frame\n1\n", ["no commas and no tabs", "'frame'"]),
    "no names": ("frame,x\n1,2,3\n", ["2 names", "second 3"]),
    "more values": ("frame,x,y\n1,2,3\n1,2,3,4\n", ["cannot be read as csv", "4"]),
    "cut off": ("frame,x,y\n1,2,3\n1,2", ["ends in the middle of a line (2 of 3 values)"]),
    "no positions": ("a,b,c\n1,2,3\n", ["'a', 'b', 'c'", "smlm_accessor.read(path, x='...'"]),
    "UTF-16": ("frame,x,y\n1,2,3\n".encode("utf-16"), ["UTF-16"]),
    "binary": (bytes(range(256)) * 4, ["not a table"]),
    "x in nm, y in pixels": ("frame,x [nm],y [px]\n1,2,3\n", ["different units", "Convert"]),
    "x in um, y in nm, in latin-1": (
        '"frame","x [µm]","y [nm]"\n1,2,3\n'.encode("latin-1"),
        ["different units"],
    ),
    "a unit nobody knows": ("frame,x [inch],y [inch]\n1,2,3\n", ["'inch'", "nm"]),
    "two kinds of positions": ("x [nm],y [nm],xnm,ynm,frame\n1,2,3,4,5\n", ["More than one"]),
    "too many columns": (",".join(f"c{i}" for i in range(2000)) + "\n", ["2,000 columns"]),
    "rapidSTORM, no end of the first line": (RAPID[:90] + "\n1 2 3\n", ["first line"]),
    "rapidSTORM, cut off": (RAPID.format(x="nanometer") + "1 2 3\n4 5", ["3 columns but 2"]),
    "rapidSTORM, x in another unit": (RAPID.format(x="pixel") + "1 2 3\n", ["different units"]),
    "gzip": (gzip.compress(b"frame,x,y\n1,2,3\n"), ["gzip", "unpack"]),
    "TIFF": (b"II*\x00" + bytes(100), ["TIFF"]),
    "MATLAB without saveloc": (b"MATLAB 5.0 MAT-file".ljust(126) + b"IM", ["saveloc"]),
    "MATLAB, cut off": (b"MATLAB 5.0 MAT-file".ljust(126) + b"IM\x0f\0\0\0", ["damaged"]),
    "Parquet": (b"PAR1 and nothing of use PAR1", ["Parquet", "damaged"]),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(50), ["HDF5", "damaged"]),
    "zip": (b"PK\x03\x04" + bytes(60), ["zip archive without a manifest.json"]),
}


@pytest.mark.parametrize("case", TEXT)
def test_broken(case: str, put: Put) -> None:
    content, words = TEXT[case]
    refused(put(content), *words)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "no.csv", "does not exist")
    refused(tmp_path, "is not a file")


def test_x_in_pixels_and_z_in_nm_needs_the_pixel_size(put: Put) -> None:
    path = put("x [px],y [px],z [nm],frame\n1,2,3,4\n")
    with pytest.raises(TableError, match="pixel_size=130"):
        smlm_accessor.read(path).smlm.drift()
    assert smlm_accessor.read(path, pixel_size=100).smlm.columns.length_unit == "nm"


@pytest.mark.parametrize("cut", [0.05, 0.4, 0.8, 0.99])
def test_truncated(cut: float, samples: dict[str, bytes], put: Put) -> None:
    for name in ("parquet", "picasso", "decode", "smap", "smlm", "v73.mat"):
        data = samples[name]
        refused(put(data[: int(cut * len(data))]))


# HDF5 with something else inside.


def test_hdf5_of_another_kind(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")

    def made(name: str, **datasets: Any) -> Path:
        with h5py.File(tmp_path / name, "w") as file:
            for key, values in datasets.items():
                file.create_dataset(key.replace("__", "/"), data=values)
        return tmp_path / name

    kind = np.dtype([("frame", "i4"), ("x", "f4"), ("y", "f4", 2)])
    refused(made("a", other=[1.0]), "HDF5 with other", "'locs'", "read_drift")
    refused(made("b", locs=[1.0, 2.0]), "'locs' is not a table")
    refused(made("c", locs=np.zeros(3, kind)), "'locs'")
    refused(made("d", locs=np.zeros(3, [("frame", "i4"), ("x", "S3")])), "does not hold numbers")
    refused(made("e", locs=np.zeros(3, [("frame", "i4"), ("t", "f4")])), "'frame', 't'")
    refused(made("f", data__xyz=np.zeros((3, 3)), data__phot=np.zeros(2)), "'/data/phot'")
    refused(made("g", data__xyz=np.zeros(3)))
    refused(made("h", saveloc__loc__frame=np.zeros(3)), "no xnm and ynm")
    refused(made("i", saveloc__file=np.zeros(3)), "no saveloc.loc")
    refused(made("j", saveloc=np.zeros(3)), "no saveloc.loc")
    write_matlab73(tmp_path / "k", ynm=np.zeros(3))
    refused(tmp_path / "k", "7 xnm but 3 ynm")


def test_numbers_that_lie_elsewhere(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    kind = np.dtype([("frame", "i4"), ("x", "f4"), ("y", "f4")])
    (tmp_path / "secret").write_bytes(bytes(120))
    with h5py.File(tmp_path / "a", "w") as file:
        file.create_dataset("locs", (10,), kind, external=[(str(tmp_path / "secret"), 0, 120)])
    refused(tmp_path / "a", "another file")


# SMLM.


def smlm(path: Path, **changes: Any) -> Path:
    form = {
        "type": "table",
        "mode": "binary",
        "headers": ["frame", "x", "y"],
        "units": ["", "nm", "nm"],
        "dtype": ["uint32", "float32", "float32"],
        "shape": [1, 1, 1],
        "columns": 3,
    }
    info = {"name": "t.bin", "type": "table", "format": "f", "rows": 2, "offset": {}}
    form.update({k: v for k, v in changes.items() if k in form and k != "type"})
    info.update({k: v for k, v in changes.items() if k in info})
    manifest = changes.get("manifest", {"formats": {"f": form}, "files": [info]})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr("t.bin", changes.get("data", bytes(24)))
    return path


def test_smlm_as_it_should_be(tmp_path: Path) -> None:
    assert smlm_accessor.read(smlm(tmp_path / "a")).shape == (2, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": 3}, ["24 bytes, not the 36 of 3"]),
        ({"rows": "many"}, ["SMLM"]),
        ({"data": bytes(23)}, ["23 bytes"]),
        ({"dtype": ["uint32", "object", "float32"]}, ["'object'"]),
        ({"headers": ["x", "x", "y"]}, ["each column once"]),
        ({"units": ["", "nm", "pixel"]}, ["different units"]),
        ({"units": ["", "parsec", "parsec"]}, ["'parsec'"]),
        ({"mode": "text"}, ["unzip"]),
        ({"type": "image"}, ["no table"]),
        ({"name": "other.bin"}, ["other.bin"]),
        ({"manifest": []}, ["SMLM"]),
        ({"manifest": {"files": 3}}, ["SMLM"]),
        ({"manifest": {"a": "b" * 2**21}}, ["manifest.json is damaged"]),
    ],
)
def test_smlm_with_a_wrong_manifest(
    changes: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    refused(smlm(tmp_path / "a", **changes), *words)


def test_a_spreadsheet(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<a/>")
    refused(tmp_path / "a.xlsx", "spreadsheet", "save it as csv")


# Files that would fill the memory.


def bomb_zip(path: Path) -> None:
    rows = 10_000_000
    smlm(path, rows=rows, data=bytes(12 * rows))


def bomb_hdf5(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    kind = np.dtype([("frame", "i4"), ("x", "f4"), ("y", "f4")])
    with h5py.File(path, "w") as file:
        file.create_dataset("locs", shape=(10**9,), dtype=kind)


def bomb_hdf5_chunk(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.create_dataset("xyz", shape=(2, 3), chunks=(10**7, 3), maxshape=(None, 3), dtype="f8")


def bomb_parquet(path: Path) -> None:
    n = 5_000_000
    pd.DataFrame({"x": np.zeros(n), "y": np.zeros(n), "frame": np.zeros(n, "i8")}).to_parquet(path)


def bomb_matlab(path: Path) -> None:
    from scipy.io import savemat

    loc = {name: np.zeros((3_000_000, 1)) for name in ("xnm", "ynm", "frame")}
    savemat(str(path), {"saveloc": {"loc": loc}}, appendmat=False, do_compression=True)


@pytest.mark.parametrize(
    "bomb",
    [bomb_zip, bomb_hdf5, bomb_hdf5_chunk, bomb_parquet, bomb_matlab],
    ids=lambda f: f.__name__,
)
def test_bombs(bomb: Callable[[Path], None], tmp_path: Path) -> None:
    bomb(tmp_path / "a")
    assert (tmp_path / "a").stat().st_size < 500_000
    refused(tmp_path / "a", "unpack it first")


def test_a_small_table_may_be_packed_tightly(tmp_path: Path) -> None:
    pd.DataFrame({"x": np.zeros(10_000), "y": 0.0, "frame": 0}).to_parquet(tmp_path / "a")
    assert len(smlm_accessor.read(tmp_path / "a")) == 10_000


def test_a_large_table_is_read(tmp_path: Path) -> None:
    table = make_table(200_000)
    buffer = std_io.BytesIO()
    table.to_parquet(buffer)
    (tmp_path / "a").write_bytes(buffer.getvalue())
    assert len(smlm_accessor.read(tmp_path / "a")) == 200_000
