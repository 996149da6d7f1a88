"""Real files, and tables to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor import io
from tests.io import layouts

NAMES = (
    "Elyra_dstorm_data.txt",
    "Nanoimager_dstorm_data.csv",
    "SMLM_dstorm_data.smlm",
    "Thunderstorm_dstorm_data.csv",
    "decode_dstorm_data.h5",
    "picasso_locs.hdf5",
    "rapidSTORM_dstorm_data.txt",
)


def shared_formats() -> Path | None:
    """The folder of the files that the field's programs wrote, if it is beside the project."""
    folders = (parent / "shared" / "data" / "formats" for parent in Path(__file__).parents)
    return next((folder for folder in folders if folder.is_dir()), None)


FORMATS = shared_formats()
real_files = pytest.mark.skipif(FORMATS is None, reason="no ../shared/data here")


def make_table(n: int = 60, *, seed: int = 0, z: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"frame": np.sort(rng.integers(0, 50, n)).astype(np.int64)})
    for axis in "xyz" if z else "xy":
        table[f"position_{axis}"] = rng.uniform(0, 5000, n)
    for axis in "xyz" if z else "xy":
        table[f"uncertainty_{axis}"] = rng.uniform(5, 20, n)
    table["photons"] = rng.uniform(100, 5000, n).astype(np.float32)
    table["group"] = rng.integers(0, 9, n).astype(np.int32)
    return smlm_accessor.set_columns(table, unit="nm", pixel_size=130)


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    return make_table()


class Samples(dict[str, bytes]):
    """Files by name, which hypothesis need not print."""

    def __repr__(self) -> str:
        return f"Samples of {', '.join(self)}"


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """The bytes of a file in each format: what the programs wrote, and what this package does."""
    folder = tmp_path_factory.mktemp("samples")
    files = {name: (FORMATS / name).read_bytes() for name in NAMES} if FORMATS else {}
    for name in io.format_names(written=True):
        path = folder / name
        io.write(make_table(), path, format=name)
        files[name] = path.read_bytes()
    files.update(layouts.files(folder))
    path = folder / "v73.mat"
    write_matlab73(path)
    files[path.name] = path.read_bytes()
    return Samples(files)


def write_matlab73(path: Path, **more: np.ndarray) -> None:
    """Write what MATLAB's ``save -v7.3`` makes of SMAP's struct."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        loc = file.create_group("saveloc/loc")
        fields = {"xnm": np.arange(7.0), "ynm": 2 * np.arange(7.0), "frame": np.arange(7.0), **more}
        for name, values in fields.items():
            loc.create_dataset(name, data=values[None])  # MATLAB's columns are rows of HDF5
            loc[name].attrs["MATLAB_class"] = np.bytes_(
                "logical" if values.dtype == "u1" else "double"
            )
        file.create_dataset("saveloc/history", data=np.array([1, 2], dtype="u2"))
    data = path.read_bytes()
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform".ljust(124) + b"\x00\x02IM" + data[128:])


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str | bytes, str], Path]:
    """Write text or bytes into a file, and return its path."""

    def write(content: str | bytes, name: str = "locs.dat") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
