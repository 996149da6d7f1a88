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
from smlm_accessor.drift import build, components_of
from smlm_accessor.errors import DriftError, FileError, OptionError
from smlm_accessor.io.containers.delimited import parse
from smlm_accessor.io.drift_datasets import as_dataset
from smlm_accessor.io.file_start import FileStart, decoded
from smlm_accessor.table.units import normal_unit, unit_factor

if TYPE_CHECKING:
    from smlm_accessor.models import DriftModel

_COLUMN = re.compile(r"d([xyz])(?: ?[\[(]([^\])]+)[\])])?", re.IGNORECASE)
_PICASSO_1 = re.compile(r"#.*picasso_format\s*:?\s*(\d+)\.\d+")
_MOST_FRAMES = 10**8  # of Picasso's txt, which has a row for each


def recognised(start: FileStart) -> str | None:
    """Return the format of a text, from its first line; None if it is not known."""
    names = [name.strip().lower() for name in start.fields(",")]
    if "frame" in names and sum(_COLUMN.fullmatch(name) is not None for name in names) > 1:
        return "csv"
    words = (start.header or "").lstrip("# ").lower().split()
    is_header = words in (["dx", "dy"], ["dx", "dy", "dz"])
    is_row = len(words) in (2, 3) and all(map(_is_number, words))
    is_marked = _PICASSO_1.search(start.header or "") is not None
    return "picasso" if is_marked or is_header or is_row else None


def read_picasso(path: Path, pixel_size: float | None) -> xr.Dataset:
    """Return the drift of a Picasso txt, a row for each frame from 0 on.

    It is in nm from 1.0 on, which a comment says; before, x and y are in camera pixels.
    """
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


def read_csv(path: Path, pixel_size: float | None) -> xr.Dataset:
    """Return the drift of a csv with frame, dx, dy and maybe dz, nm if no unit is named."""
    table, _ = parse(decoded(path.read_bytes()), path)
    labels = {str(label).strip().lower(): label for label in table.columns}
    matches = [(m, label) for low, label in labels.items() if (m := _COLUMN.fullmatch(low))]
    found = {m[1]: (label, normal_unit(m[2] or "nm")) for m, label in matches}
    axes = "".join(axis for axis in "xyz" if axis in found)
    if axes not in ("xy", "xyz") or "frame" not in labels or len(matches) != len(found):
        raise FileError(f"{path} needs the columns frame, dx and dy (and dz in 3D), each once")
    unit = found["x"][1]
    if unit == "pixel" and (pixel_size is not None or len({u for _, u in found.values()}) > 1):
        unit = "nm"
    columns = []
    for axis in axes:
        label, given = found[axis]
        factor = unit_factor(given, unit, pixel_size)
        if factor is None:
            raise FileError(
                f"{path} has some columns in pixels and some in nm. Say how many nm a camera pixel "
                "is: read_drift(path, pixel_size=130)"
            )
        columns.append(table[label].to_numpy(dtype=np.float64, na_value=np.nan) * factor)
    frames = table[labels["frame"]].to_numpy(dtype=np.float64, na_value=np.nan)
    if not len(frames):
        raise FileError(f"{path} has no rows; write it again")
    if not (np.isfinite(frames) & (np.floor(frames) == frames) & (np.abs(frames) < 2**53)).all():
        raise FileError(f"{path} has frames that are not whole numbers; write it again")
    order = np.argsort(frames, kind="stable")
    if (np.diff(frames[order]) == 0).any():
        raise FileError(f"{path} has a frame twice; leave one row for each")
    whole = frames[order].astype(np.int64)
    return _built(whole, np.column_stack(columns)[order], axes, unit, path)


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
    frames = np.asarray(dataset["frame_start"].values if singles else np.arange(first, stop))
    values = _values(drift, frames) * _factors(dataset, ["nm"] * len(axes), pixel_size, unit)
    table = pd.DataFrame({f"d{a} [nm]": values[:, j] for j, a in enumerate(axes)})
    table.insert(0, "frame", frames)
    return str(table.to_csv(index=False, lineterminator="\n"))


def _span(dataset: xr.Dataset) -> tuple[int, int]:
    return int(dataset["frame_start"].values[0]), int(dataset["frame_stop"].values[-1])


def _values(drift: xr.Dataset | DriftModel, frames: IntArray) -> FloatArray:
    """Return the drift ``+d`` in each frame, shape (n, d)."""
    from smlm_accessor.models import at_frames

    per_frame = at_frames(drift, frames, outside="hold")
    if per_frame.matrix is not None:
        raise DriftError(
            "This drift turns or stretches, which text cannot hold; write .nc or .zarr"
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
            f"{' and '.join(dict.fromkeys(wanted))}; say what is missing: "
            f"write_drift(drift, path, {missing})"
        )
    return np.array(factors, dtype=np.float64)


def _built(frames: IntArray, values: FloatArray, axes: str, unit: str, path: Path) -> xr.Dataset:
    if not np.isfinite(values).any():
        raise FileError(f"{path} has no finite values; write it again")
    return build(
        offset=0.0 - values,
        components=axes,
        frame=frames,
        frame_start=frames,
        frame_stop=frames + 1,
        attrs={"length_unit": unit, "method": "file"},
    )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


READERS = {"picasso": read_picasso, "picasso-0": read_picasso, "csv": read_csv}
WRITERS = {"picasso": write_picasso, "picasso-0": write_picasso_0, "csv": write_csv}
