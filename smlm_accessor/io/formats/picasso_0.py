"""Picasso hdf5 before 1.0: x and y in camera pixels, z in nm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smlm_accessor.io.formats.picasso import read_picasso, write_picasso
from smlm_accessor.io.names import Names
from smlm_accessor.io.registry import Format

_NAMES = Names(position="{a}", frame="frame", uncertainty="lp{a}", unit="pixel", unit_z="nm")


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write x and y in camera pixels, z in nm."""
    write_picasso(table, parts, _NAMES, None)


FORMAT = Format(
    "picasso-0",
    "Picasso hdf5 before 1.0",
    lambda start: "locs" in start.hdf5_names,
    read_picasso,
    _write,
    beside=(".yaml",),
    instead_of="picasso",
)
