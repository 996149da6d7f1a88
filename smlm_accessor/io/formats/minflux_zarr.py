"""MINFLUX `.zarr` of Imspector from m2410 on: a folder with the array `mfx`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers.minflux import of_structured
from smlm_accessor.io.containers.zarr2 import DESCRIPTION, read_array
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.registry import Format

_ABOVE = 2  # folders; the one that is named may be an array in the store


def root_of(folder: Path) -> Path | None:
    """Return the folder that holds `mfx`: this one, one below it or above; None if there is none.

    Raises `FileError` if there are several below.
    """
    if not folder.is_dir():
        return None
    below = sorted(path for path in folder.iterdir() if path.is_dir())
    above = list(folder.absolute().parents)[:_ABOVE]
    found = [one for one in (folder, *below, *above) if (one / "mfx" / DESCRIPTION).is_file()]
    if len(found) > 1 and found[0] in below and found[1] in below:
        raise FileError(
            f"{folder} holds several measurements; give one of "
            f"{', '.join(one.name for one in found if one in below)}"
        )
    return found[0] if found else None


def _read(start: FileStart) -> pd.DataFrame:
    root = root_of(start.path)
    if root is None:
        raise FileError(f"{start.path} holds no array mfx, as Imspector writes it; export it again")
    return of_structured(read_array(root / "mfx"))


FORMAT = Format(
    "minflux-zarr", "MINFLUX zarr", lambda start: root_of(start.path) is not None, _read
)
