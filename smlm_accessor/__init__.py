"""Drift correction of single-molecule localization microscopy on DataFrames.

The import registers ``.smlm`` on pandas DataFrames, on xarray Datasets of drift, and on
DataArrays of images.
"""

from typing import Any as _Any

from smlm_accessor._version import __version__
from smlm_accessor.accessors import align, follow  # registers .smlm, too
from smlm_accessor.display import notebook as _notebook
from smlm_accessor.errors import (
    AlreadyCorrectedWarning,
    DriftError,
    FileError,
    InvalidChunkWarning,
    OptionError,
    OutsideEstimateWarning,
    SmlmError,
    SmlmWarning,
    StackError,
    TableError,
    UncertaintyWarning,
)
from smlm_accessor.io import read, read_drift, write_drift
from smlm_accessor.simulate import (
    simulate_blinking,
    simulate_csr,
    simulate_filaments,
    simulate_frame_numbers,
    simulate_npc,
    simulate_origami,
    simulate_thomas,
)
from smlm_accessor.table.columns import Columns, set_columns
from smlm_accessor.table.numbering import join_movies

__all__ = [
    "AlreadyCorrectedWarning",
    "Columns",
    "DriftError",
    "FileError",
    "InvalidChunkWarning",
    "OptionError",
    "OutsideEstimateWarning",
    "SmlmError",
    "SmlmWarning",
    "StackError",
    "TableError",
    "UncertaintyWarning",
    "__version__",
    "align",
    "follow",
    "join_movies",
    "read",
    "read_drift",
    "set_columns",
    "simulate_blinking",
    "simulate_csr",
    "simulate_filaments",
    "simulate_frame_numbers",
    "simulate_npc",
    "simulate_origami",
    "simulate_thomas",
    "write_drift",
]

_notebook.register()


def load_ipython_extension(shell: _Any) -> None:
    """Do what the import does, in an IPython that was started after it: ``%load_ext``."""
    _notebook.register(shell)
