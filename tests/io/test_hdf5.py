"""Columns of an HDF5 dataset are read some rows at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers import hdf5
from smlm_accessor.io.containers.hdf5_damage import damage

h5py = pytest.importorskip("h5py")


@pytest.mark.parametrize("stored", [{}, {"chunks": (7,), "compression": "gzip"}, {"chunks": (90,)}])
def test_columns_are_those_of_all_rows(
    stored: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "_ROWS", 16)
    rng = np.random.default_rng(1)
    rows = np.zeros(100, dtype=[("frame", ">u4"), ("x", "<f4"), ("n", "i2")])
    rows["frame"], rows["x"], rows["n"] = np.arange(100), rng.normal(size=100), np.arange(100)
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("locs", data=rows, **stored)
        file.create_dataset("none", data=rows[:0])
        file.create_dataset("texts", data=[b"a"])
        file.attrs["made"] = "here"
    assert hdf5.contents(path) == ({"locs", "none", "texts"}, {"made"})
    with h5py.File(path) as file:
        found = hdf5.columns(file["locs"], path)
        assert [(name, values.dtype.str) for name, values in found.items()] == [
            ("frame", "<u4"), ("x", "<f4"), ("n", "<i2")
        ]  # fmt: skip
        for name, values in found.items():
            np.testing.assert_array_equal(values, rows[name])
        assert [len(values) for values in hdf5.columns(file["none"], path).values()] == [0, 0, 0]
        with pytest.raises(FileError, match="numbers"):
            hdf5.columns(file["texts"], path)


def test_free_space_between_texts_that_is_no_bytes_long_is_damage(tmp_path: Path) -> None:
    """The HDF5 library would never get past it."""
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        for name in ("metadata", "more"):
            file[name] = "text" * 50
    assert damage(path, frozenset()) is None
    assert hdf5.contents(path)[0] == {"metadata", "more"}
    stored = bytearray(path.read_bytes())
    # After the header: number and bytes of the first text, padded to eight.
    first = stored.index(b"GCOL") + 16
    assert stored[first : first + 2] == b"\x01\x00"
    stored[first + 16 + 200 : first + 32 + 200] = bytes(16)
    path.write_bytes(stored)
    assert damage(path, frozenset()) is not None
    with pytest.raises(FileError, match="damaged"):
        hdf5.contents(path)
