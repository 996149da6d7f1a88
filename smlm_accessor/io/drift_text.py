"""Drift as text: the shift of the sample, ``+d``, in each frame."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import components_of, jump_frames
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import DriftError, FileError, OptionError
from smlm_accessor.io.containers.delimited import parse
from smlm_accessor.io.containers.dialect import find_dialect
from smlm_accessor.io.drift_columns import Told, built, counts_frames, of_table, unnamed
from smlm_accessor.io.drift_datasets import as_dataset
from smlm_accessor.io.file_start import FileStart, decoded
from smlm_accessor.table.units import normal_unit, unit_factor

if TYPE_CHECKING:
    from smlm_accessor.models import DriftModel

_PICASSO_1 = re.compile(r"#.*picasso_format\s*:?\s*(\d+)\.\d+")
_MOST_FRAMES = 10**8  # of Picasso's txt, which has a row for each


def recognised(start: FileStart) -> str | None:
    """Return the format of a text, from its beginning; None if it is not known."""
    words = (start.header or "").lstrip("# ").lower().split()
    if _PICASSO_1.search(start.header or "") or words in (["dx", "dy"], ["dx", "dy", "dz"]):
        return "picasso"
    dialect = start.dialect
    if dialect is None:
        return None
    if dialect.names is not None:
        return "csv" if len(dialect.names) > 1 else None
    is_blank = dialect.separator in " \t"
    if is_blank and dialect.n_columns in (2, 3) and not _begins_with_frames(start):
        return "picasso"
    return "csv"


def _begins_with_frames(start: FileStart) -> bool:
    """Whether the first of three columns counts frames, in the beginning of a text."""
    rows = [line.split() for line in decoded(start.head).splitlines()[:50]]
    if start.dialect is None or start.dialect.n_columns != 3:
        return False
    firsts = [row[0] for row in rows if len(row) == 3 and all(map(_is_number, row))]
    return counts_frames(np.array(firsts, dtype=np.float64))


def read_picasso(path: Path, told: Told) -> xr.Dataset:
    """Return the drift of a Picasso txt, a row for each frame from 0 on.

    It is in nm from 1.0 on, which a comment says; before, x and y are in camera pixels.
    """
    pixel_size = told.pixel_size
    lines = [line for line in decoded(path.read_bytes()).splitlines() if line.strip()]
    notes = [line for line in lines if line.lstrip().startswith("#")]
    version = next(filter(None, map(_PICASSO_1.search, notes)), None)
    if version is not None and int(version[1]) > 1:
        raise FileError(
            f"{path} has the picasso_format {version[1]}, which is not known here (1 is); update "
            "smlm_accessor, or save it in Picasso in an older format"
        )
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    if lines and not all(map(_is_number, lines[0].split())):
        lines = lines[1:]
    if not lines:
        raise FileError(f"{path} has no rows; write it again")
    n_columns = len(lines[0].split())
    wrong = next((k for k, line in enumerate(lines) if len(line.split()) != n_columns), None)
    if wrong is not None or n_columns not in (2, 3):
        raise FileError(
            f"{path}: row {wrong or 0} has {len(lines[wrong or 0].split())} values; a drift of "
            "Picasso has two or three in every row: write or copy it again"
        )
    values = np.loadtxt(lines, ndmin=2)
    if version is not None:
        return _built(np.arange(len(values)), values, "xyz"[:n_columns], "nm", path)
    if n_columns == 3 and pixel_size is None:
        raise FileError(
            f"{path} has x and y in pixels but z in nm. Say how many nm a camera pixel is: "
            "read_drift(path, pixel_size=130)"
        )
    if pixel_size is not None:
        values[:, :2] *= pixel_size
    unit = "pixel" if pixel_size is None else "nm"
    return _built(np.arange(len(values)), values, "xyz"[:n_columns], unit, path)


def read_csv(path: Path, told: Told) -> xr.Dataset:
    """Return the drift in the columns of a text, nm if no unit is named."""
    text = decoded(path.read_bytes())
    dialect = find_dialect(text[: 2**20])
    if dialect is not None and dialect.names is None and dialect.n_columns in (2, 3, 4):
        names = [f"column {k}" for k in range(dialect.n_columns)]
        table, _ = parse(text, path, names=names)
        if not all(map(pd.api.types.is_numeric_dtype, table.dtypes)):
            raise FileError(f"{path} holds words among its numbers; write it again")
        values = table.to_numpy(dtype=np.float64, na_value=np.nan)
        return of_table(unnamed(values, str(path)), told, str(path))
    table, _ = parse(text, path)
    return of_table(table, told, str(path))


def write_picasso(
    drift: xr.Dataset | DriftModel,
    pixel_size: float | None,
    unit: str | None,
    n_frames: int | None,
) -> str:
    """Return the text of a drift of Picasso 1.0: nm, a row for each frame from 0 on."""
    axes = components_of(as_dataset(drift))
    header = f"# picasso_format 1.0\n# columns: {' '.join(axes)} (nm per frame)\n"
    return header + _rows_from_0(drift, ["nm"] * len(axes), pixel_size, unit, n_frames)


def write_picasso_0(
    drift: xr.Dataset | DriftModel,
    pixel_size: float | None,
    unit: str | None,
    n_frames: int | None,
) -> str:
    """Return the text of a drift of Picasso before 1.0: camera pixels, z in nm."""
    wanted = {"x": "pixel", "y": "pixel", "z": "nm"}
    units = [wanted[axis] for axis in components_of(as_dataset(drift))]
    return _rows_from_0(drift, units, pixel_size, unit, n_frames)


def _rows_from_0(
    drift: xr.Dataset | DriftModel,
    units: Sequence[str],
    pixel_size: float | None,
    unit: str | None,
    n_frames: int | None,
) -> str:
    dataset = as_dataset(drift)
    if clock_of(dataset).is_time:
        raise DriftError(
            "Picasso's drift has a row for each frame, but this drift has times; write .csv or .nc"
        )
    first, stop = _span(dataset)
    stop = max(stop, n_frames or 0)
    if first < 0 or stop > _MOST_FRAMES:
        raise DriftError(
            f"Picasso's drift has a row for each frame from 0 on, but these are {first} to "
            f"{stop - 1}; write .csv or .nc"
        )
    values = _values(drift, np.arange(stop))
    values *= _factors(dataset, units, pixel_size, unit)
    text = io.StringIO()
    np.savetxt(text, values, fmt="%.18e")
    return text.getvalue()


def write_csv(
    drift: xr.Dataset | DriftModel,
    pixel_size: float | None,
    unit: str | None,
    n_frames: int | None = None,
) -> str:
    """Return the text of a csv with frame, dx, dy and maybe dz in nm, for the frames there are."""
    dataset = as_dataset(drift)
    first, stop = _span(dataset)
    axes = components_of(dataset)
    singles = (dataset["frame_stop"].values - dataset["frame_start"].values == 1).all()
    clock = clock_of(dataset)
    if clock.is_time:
        jumps, mean = jump_frames(dataset), np.round(dataset["frame"].values)
        frames = np.unique(np.concatenate([[first, stop - 1], jumps - 1, jumps, mean]))
        frames = frames.astype(np.int64)
    else:
        frames = np.asarray(dataset["frame_start"].values if singles else np.arange(first, stop))
    values = _values(drift, frames) * _factors(dataset, ["nm"] * len(axes), pixel_size, unit)
    table = pd.DataFrame({f"d{a} [nm]": values[:, j] for j, a in enumerate(axes)})
    table.insert(0, "time [s]" if clock.is_time else "frame", clock.values(frames))
    return str(table.to_csv(index=False, lineterminator="\n"))


def _span(dataset: xr.Dataset) -> tuple[int, int]:
    return int(dataset["frame_start"].values[0]), int(dataset["frame_stop"].values[-1])


def _values(drift: xr.Dataset | DriftModel, frames: IntArray) -> FloatArray:
    """Return the drift ``+d`` in each frame, shape (n, d)."""
    from smlm_accessor.models import at_frames

    per_frame = at_frames(drift, frames, outside="hold")
    if per_frame.matrix is not None or per_frame.local is not None:
        raise DriftError(
            "This drift turns, stretches or differs over the field, which text cannot hold; write "
            ".nc or .zarr"
        )
    return np.asarray(0.0 - per_frame.offset)  # 0 - a: no negative zeros


def _factors(
    dataset: xr.Dataset, wanted: Sequence[str], pixel_size: float | None, unit: str | None
) -> FloatArray:
    """Return the factors to the units wanted, shape (d,)."""
    given = dataset.attrs.get("length_unit") if unit is None else normal_unit(unit)
    factors = [unit_factor(given, one, pixel_size) for one in wanted]
    if None in factors:
        missing = "unit='nm'" if given is None else "pixel_size=130"
        raise OptionError(
            f"the drift is in {given or 'a unit that is not known'} and has to be written in "
            f"{' and '.join(dict.fromkeys(wanted))}; say what is missing: {missing}"
        )
    return np.array(factors, dtype=np.float64)


def _built(frames: IntArray, values: FloatArray, axes: str, unit: str, path: Path) -> xr.Dataset:
    if not np.isfinite(values).any():
        raise FileError(f"{path} has no finite values; write it again")
    return built(frames, values, axes, unit)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


READERS = {"picasso": read_picasso, "picasso-0": read_picasso, "csv": read_csv}
WRITERS = {"picasso": write_picasso, "picasso-0": write_picasso_0, "csv": write_csv}
