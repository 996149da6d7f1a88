"""Read and write drift."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor.drift import build, require_drift
from smlm_accessor.drift.times import timed
from smlm_accessor.errors import DriftError, FileError, OptionError, SmlmError, SmlmWarning
from smlm_accessor.io import drift_datasets as _drift_datasets
from smlm_accessor.io import drift_text as _drift_text
from smlm_accessor.io.arguments import AnyPath, as_path, short
from smlm_accessor.io.drift_columns import Told, of_array, of_numpy_file, of_table
from smlm_accessor.io.file_start import FileStart, opened
from smlm_accessor.io.staging import is_zarr_store, require_free, staged
from smlm_accessor.options import length, require_choice
from smlm_accessor.table.columns import Columns

if TYPE_CHECKING:
    from smlm_accessor.models import DriftModel

FORMATS = ("netcdf", "zarr", "picasso", "picasso-0", "csv", "numpy")
_WRITTEN = tuple(name for name in FORMATS if name != "numpy")
_SUFFIXES = {".nc": "netcdf", ".zarr": "zarr", ".txt": "picasso-0", ".csv": "csv"}
_KNOWN = "netCDF (.nc), zarr, Picasso's drift txt, or text, .npy or .npz with frame, dx and dy"


def read_drift(
    path: AnyPath | pd.DataFrame | npt.NDArray[Any],
    *,
    format: str | None = None,
    pixel_size: float | None = None,
    unit: str | None = None,
    frame_duration: float | None = None,
    time_zero: float | None = None,
    offset_std: float | None = None,
) -> xr.Dataset:
    r"""Read a drift.

    Parameters
    ----------
    path : str, path, DataFrame or array
        netCDF or zarr as `write_drift` writes them; Picasso's drift txt (one row for each frame
        from 0 on; nm from Picasso 1.0 on, camera pixels before); text, .npy, .npz, a DataFrame or
        an array with the drift ``+d`` of the sample.
    format : {"netcdf", "zarr", "picasso", "picasso-0", "csv", "numpy"}, optional
        By default recognised from what is in the file.
    pixel_size : float, optional
        Camera pixel in nm: drift in pixels then comes back in nm. A txt of Picasso before 1.0 needs
        it if it has a third column, z, which is in nm.

    unit : str, optional
        Length unit of the drift, where names do not say it, or say another one; nm by default.
    frame_duration : float, optional
        Seconds that a frame takes: the drift of a log with times then comes back in frames, else
        in seconds.
    time_zero : float, optional
        The time in such a log, in seconds, at which the movie begins (frame 0, or 0 s); by default
        0, or, where times are dates or count from 1970, that of the first row.
    offset_std : float, optional
        One standard deviation of a row, in the unit of the result, errors of rows being
        independent; so the drift can be a ``prior``. An axis that is 0 throughout has none.

    Returns
    -------
    Dataset
        Transformations, as ``table.smlm.drift`` returns them; from text one chunk for each row.

    Raises
    ------
    FileError
        If the file is missing, damaged, or in no format known here.
    DriftError
        If it is a Dataset but does not hold drift.
    OptionError
        If an option makes no sense, or more has to be said.

    Notes
    -----
    Columns may be called ``frame`` (``frames``, ``image``, ``Frame Number``; or ``time``,
    ``t [s]``, ``time_ms``) and ``dx`` (``dx [nm]``, ``x_drift``, ``drift_x``, ``delta x``, ``x``),
    ``dy`` and ``dz``. Of ``offset_x`` and ``correction_x`` the sign is turned. Of a log of a stage
    (times, and ``x_um`` or ``stage_x``; ``z`` alone is a focus) the first row is taken off.
    Without names the columns are the axes, or the frame and the axes; without frames, rows count
    from 0.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "drift.txt")
    ...     _ = path.write_text("0.0 0.0\n0.5 -0.25\n")
    ...     read_drift(path, pixel_size=100).smlm.drift().values.tolist()
    [[0.0, 0.0], [50.0, -25.0]]
    """
    _check_options(format, pixel_size)
    length("frame_duration", frame_duration, remedy="give it in seconds, or leave it out")
    length("offset_std", offset_std, remedy="leave it out if it is not known")
    told = Told(pixel_size, unit, frame_duration, time_zero)
    if isinstance(path, pd.DataFrame):
        return _with_std(of_table(path, told, "the DataFrame"), offset_std)
    if isinstance(path, np.ndarray):
        return _with_std(of_array(path, told, "the array"), offset_std)
    file = as_path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the engines and parsers
            warnings.simplefilter("default", SmlmWarning)
            dataset = _read(file, format, told)
    except OptionError as error:  # a unit in the file that nobody knows, or more has to be said
        words = str(error) if str(file) in str(error) else f"{file}: {error}"
        raise FileError(words) from error
    except SmlmError:
        raise
    except Exception as error:  # engines and parsers raise errors of many kinds
        raise _unreadable(file, short(error)) from error
    try:
        require_drift(dataset)
    except DriftError as error:
        raise DriftError(f"{file}: {error}") from error
    except Exception as error:  # variables of dtypes that no drift has
        raise DriftError(f"{file} does not hold drift ({short(error)})") from error
    return _with_std(dataset, offset_std)


def _with_std(drift: xr.Dataset, offset_std: float | None) -> xr.Dataset:
    """Return a drift with this standard deviation, if it is given, of all axes that move."""
    if offset_std is None:
        return drift
    moves = (drift["offset"] != 0).any("chunk")
    std = xr.full_like(drift["offset_std"], offset_std).where(moves)
    return drift.assign(offset_std=std.assign_attrs(drift["offset_std"].attrs))


def write_drift(
    drift: xr.Dataset | DriftModel,
    path: AnyPath,
    *,
    format: str | None = None,
    overwrite: bool = False,
    pixel_size: float | None = None,
    unit: str | None = None,
    n_frames: int | None = None,
) -> None:
    """Write a drift; it is there whole or not at all.

    Parameters
    ----------
    drift : Dataset or DriftModel
        A model is written as one transformation for each frame; of a model in seconds, a thousand.
    path : str or path
        Its end says the format: .nc, .zarr, .txt (Picasso before 1.0, in camera pixels, z in nm)
        or .csv. ``format="picasso"`` is Picasso 1.0, in nm.
    format : {"netcdf", "zarr", "picasso", "picasso-0", "csv"}, optional
        Whatever the end of the name.
    overwrite : bool
        Replace a file that exists.
    pixel_size : float, optional
        Camera pixel in nm, to turn nm into pixels, as Picasso before 1.0 needs, or back.
    unit : str, optional
        Length unit of the drift, if the drift does not know it.
    n_frames : int, optional
        Frames of the movie, for Picasso, which asks for a row for each; the last value is held.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    DriftError
        If it is no drift, or turns or stretches, which text cannot hold.
    OptionError
        If a unit or the pixel size is missing, or ``format`` is not known.

    Notes
    -----
    netCDF and zarr hold all of it. Text holds the drift ``+d`` of the sample in each frame and no
    more: no uncertainty, no parameters, and no chunks that are not valid, which are bridged. Csv of
    a drift in seconds has a row for the mean time of each chunk, both ends, and both sides of
    jumps; Picasso counts frames only.
    Picasso's txt begins at frame 0; where the drift begins later, its first value is held.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from smlm_accessor.drift import build
    >>> drift = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[0, 1], frame_start=[0, 1],
    ...               frame_stop=[1, 2], attrs={"length_unit": "nm"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_drift(drift, pathlib.Path(folder, "drift.csv"))
    ...     print(pathlib.Path(folder, "drift.csv").read_text())
    frame,dx [nm],dy [nm]
    0,0.0,0.0
    1,3.0,-1.0
    <BLANKLINE>
    """
    target = as_path(path)
    _check_options(format, pixel_size, _WRITTEN)
    chosen = format or _format_of(target)
    require_free([target], overwrite=overwrite)
    if chosen in _drift_text.WRITERS:
        text = _drift_text.WRITERS[chosen](drift, pixel_size, unit, n_frames)
        with staged(target) as (part,):
            part.write_text(text, encoding="utf-8")
        return
    dataset = _drift_datasets.as_dataset(drift)
    if unit is not None:
        dataset = dataset.assign_attrs(length_unit=unit)
    dataset = timed(dataset)
    with staged(target) as (part,):
        _drift_datasets.WRITERS[chosen](dataset, part)


def require_writable(columns: Columns, path: Path) -> None:
    """Raise as `write_drift` does, before long work, if the drift of a table cannot be written."""
    chosen = _format_of(path)
    if chosen in _drift_text.WRITERS:
        rest = build(
            offset=np.zeros((1, len(columns.components))),
            components=columns.components,
            frame=[0],
            frame_start=[0],
            frame_stop=[1],
            attrs={"length_unit": columns.length_unit} if columns.length_unit else {},
        )
        _drift_text.WRITERS[chosen](rest, columns.pixel_size, None, None)


def _format_of(target: Path) -> str:
    """Return the format that the name of a file asks for. Raises `FileError` if it is not known."""
    if (chosen := _SUFFIXES.get(target.suffix.lower())) is None:
        known = ", ".join(f"{suffix} ({name})" for suffix, name in _SUFFIXES.items())
        raise FileError(f"{target} has an extension that is not known here; use one of {known}")
    return chosen


def _check_options(
    format: str | None, pixel_size: float | None, known: tuple[str, ...] = FORMATS
) -> None:
    if format is not None:
        require_choice("format", format, known)
    length("pixel_size", pixel_size, remedy="give it in nm, or leave it out")


def _read(file: Path, format: str | None, told: Told) -> xr.Dataset:
    if file.is_dir() and (format == "zarr" or is_zarr_store(file)):
        return _drift_datasets.read_zarr(file)
    start = opened(file, "the _drift.nc that an earlier run wrote")
    chosen = format or _recognised(start)
    if chosen == "netcdf":
        return _drift_datasets.read_netcdf(start)
    if chosen == "numpy":
        return of_numpy_file(file, told)
    if chosen in _drift_text.READERS:
        return _drift_text.READERS[chosen](file, told)
    raise _unreadable(file, "it is none of them")


def _recognised(start: FileStart) -> str | None:
    if start.is_hdf5 or start.head.startswith(b"CDF"):
        return "netcdf"
    if start.head.startswith((b"\x93NUMPY", b"PK\x03\x04")):
        return "numpy"
    return _drift_text.recognised(start)


def _unreadable(file: Path, why: str) -> FileError:
    return FileError(
        f"{file} cannot be read as {_KNOWN} ({why}); give the _drift.nc that an earlier run wrote"
    )
