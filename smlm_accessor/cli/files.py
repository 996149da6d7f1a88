"""Tables and drifts in files, as the command line reads and writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from smlm_accessor.io import drift_datasets as _drift_datasets
from smlm_accessor.io import read_drift as read_drift
from smlm_accessor.io import registry as _registry
from smlm_accessor.io import tables
from smlm_accessor.io.staging import staged as staged


def read_table(path: Path) -> pd.DataFrame:
    """Read a table in any format known here, whatever its columns are called.

    Raises
    ------
    FileError
        If the file is missing, empty, of an unknown kind, or does not hold a table.
    """
    return tables.read_as_is(path)


def table_outputs(path: Path) -> list[Path]:
    """Return all files that are written for a table of that name.

    Raises
    ------
    FileError
        If the extension is not that of a table.
    """
    return _registry.for_writing(path).outputs(path)


def write_table(table: pd.DataFrame, parts: Sequence[Path], name: Path) -> None:
    """Write a table under the temporary names of its outputs, in the format that ``name`` says."""
    tables.write_parts(table, _registry.for_writing(name), parts, name)


def write_drift(dataset: xr.Dataset, path: Path) -> None:
    """Write a drift as netCDF."""
    _drift_datasets.write_netcdf(dataset, path)
