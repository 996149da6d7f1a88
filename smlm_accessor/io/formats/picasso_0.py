"""Picasso hdf5 before 1.0: x and y in camera pixels, z in nm.

``.hdf5`` is written so, unless the table was read from 1.0: Picasso 1.0 opens both, while Picasso
0.11 opens a file in nm without a word and leaves out all rows, which lie beyond its movie.
"""

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
    suffixes=(".hdf5",),
    beside=(".yaml",),
)
