"""``smlm info FILE...``: what a file is, which columns it has, and what is odd about it."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor.backends import is_partitioned
from smlm_accessor.cli.messages import in_flags, one_line
from smlm_accessor.cli.requests import table_file
from smlm_accessor.correct.paths import expanded
from smlm_accessor.correct.request import TableFile
from smlm_accessor.drift import components_of, jump_frames
from smlm_accessor.drift.times import clock_of, counted
from smlm_accessor.errors import SmlmError, SmlmWarning
from smlm_accessor.estimation.checking.checked import checked
from smlm_accessor.estimation.chunking import chunked
from smlm_accessor.estimation.counting import resolution
from smlm_accessor.io import read_drift
from smlm_accessor.io.file_start import FileStart, opened
from smlm_accessor.io.folders import files_in
from smlm_accessor.io.recognition import recognised
from smlm_accessor.io.registry import by_name, of_folders
from smlm_accessor.kernels.frames.runs import Runs
from smlm_accessor.kernels.neighbours.nena import neighbour_precision
from smlm_accessor.plot.style import written_unit
from smlm_accessor.table import history
from smlm_accessor.table.columns import Columns, find_columns
from smlm_accessor.table.localizations import Localizations, read_localizations

_MOST = 2_000_000  # localizations by which a precision is shown: some seconds
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def run(arguments: argparse.Namespace) -> int:
    """Print some lines on each file; 2 if one of them cannot be used."""
    status = 0
    for k, path in enumerate(expanded(arguments.files)):
        if k:
            print()
        print(f"{path}", flush=True)
        try:
            for line in _lines(table_file(arguments, path)):
                print(f"  {line}", flush=True)
        except SmlmError as error:
            words = one_line(in_flags(str(error).removeprefix(f"{path}: ")))
            print(f"  cannot be used: {words}")
            status = 2
    return status


def _lines(file: TableFile) -> Iterator[str]:
    """Yield what is found, as far as it can be read."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SmlmWarning)
        try:
            title = _title(file)
            table = file.read()
        except SmlmError:
            drift = _drift_lines(file)
            if drift is None:
                yield from _columns_only(file)
                raise
            yield from drift
            return
        yield f"format         {title}, {_size(file.source)}"
        columns = find_columns(table)
        n_rows = len(table)
        yield f"localizations  {n_rows:,}"
        yield from _column_lines(columns, list(table.columns))
        odd: list[str] = []
        if not is_partitioned(table):
            localizations = read_localizations(table, need_frames=False)
            yield from _value_lines(localizations, odd)
        if steps := history.steps(getattr(table, "attrs", {})):
            yield f"history        {', '.join(map(_said, steps))}"
            if history.times_corrected(table.attrs):
                odd.append("it has been corrected for drift before")
        odd += [one_line(in_flags(str(warning.message))) for warning in noted]
    for k, text in enumerate(odd or ["nothing"]):
        yield f"{'odd' if not k else '':<14} {text}"


def _said(step: Mapping[str, Any]) -> str:
    """Return a step of the history in a few words; all of it is in the ``attrs`` of the table."""
    method = step["parameters"].get("method")
    return f"{step['step']} (by {method})" if method else str(step["step"])


def _title(file: TableFile) -> str:
    if file.is_folder:
        found = [path.name for path in files_in(file.source)]
        last = f" to {found[-1]}" if len(found) > 1 else ""
        return f"a folder of {len(found)} files, read as one table: {found[0]}{last}"
    if file.format:
        return by_name(file.format).title
    if file.source.is_dir():
        start = FileStart(file.source, b"")
        return next(one.title for one in of_folders() if one.recognises(start))
    names = tuple(file.names) if file.names else None
    return recognised(opened(file.source, names=names)).title


def _size(path: Path) -> str:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    size = sum(one.stat().st_size for one in files)
    unit = [name for name, one in _UNITS.items() if size >= one or name == "B"][-1]
    return f"{size / _UNITS[unit]:.3g} {unit}"


def _column_lines(columns: Columns, labels: list[Any]) -> Iterator[str]:
    unit = written_unit(columns.unit) or "unit not known"
    for axis, label in columns.positions.items():
        its = written_unit(columns.unit_z) if axis == "z" and columns.unit_z else unit
        yield f"{axis:<14} {label!r}, {its}"
    if columns.pixel_size:
        yield f"pixel size     {columns.pixel_size:g} nm"
    yield (
        f"{columns.clock.name:<14} {columns.when!r}"
        if columns.when is not None
        else "frame          none; say which column it is: --columns frame=NAME, or time=NAME for s"
    )
    known = {axis: label for axis, label in columns.uncertainties.items() if label is not None}
    if known:
        yield f"precision      {', '.join(f'{label!r} of {axis}' for axis, label in known.items())}"
    roles = {*columns.moving, columns.when, *known.values()}
    others = [str(label) for label in labels if label not in roles]
    if others:
        yield f"other columns  {', '.join(others)}"


def _value_lines(found: Localizations, odd: list[str]) -> Iterator[str]:
    """Yield lines on the values, and add what is odd about them to ``odd``."""
    unit = written_unit(found.length_unit)
    finite = np.isfinite(found.positions)
    for k, axis in enumerate(found.components):
        values = found.positions[finite[:, k], k]
        if len(values):
            yield f"range of {axis}     {values.min():.6g} to {values.max():.6g} {unit}".rstrip()
        if len(values) > 1 and values.min() == values.max():
            odd.append(f"{axis} is the same in all rows")
        if missing := len(finite) - len(values):
            what = "; they count for x and y" if axis == "z" else "; these are left out"
            odd.append(f"{missing:,} rows have no {axis}{what}")
    if found.length_unit is None:
        odd.append("the unit of lengths is not known: say --unit nm, or --pixel-size NM for pixels")
    if found.columns.when is None or not len(found.frames):
        return
    clock = found.clock
    frames = np.unique(found.frames)
    first, last = int(frames[0]), int(frames[-1])
    if clock.is_time:
        yield f"time           {clock.bare(first, last)}, {len(frames):,} times with localizations"
    else:
        yield f"frames         {first} to {last}, {len(frames):,} of them with localizations"
    if len(frames) < 2:
        odd.append(f"all localizations are in one {clock.name}, so there is no drift to estimate")
    if clock.is_time and (coarse := resolution(frames)) is not None:
        odd.append(
            f"times are in single precision, which tells them to within {coarse:.2g} s only, not "
            "much less than they are apart"
        )
    begins = "times" if clock.is_time else "frame numbers"
    if (np.diff(found.frames) < 0).any() and 1 < len(Runs.of(found.frames, None).found) <= 32:
        odd.append(f"{begins} begin again: several files, or channels, in one table?")
    twice = pd.DataFrame(found.positions).assign(frame=found.frames).duplicated()
    if n := int(twice.sum()):
        odd.append(f"{n:,} rows stand twice: the same position in the same {clock.name}")
    if not 1 < len(found.frames) <= _MOST or not finite[:, :2].all(axis=1).sum() > 1:
        return
    ordered = chunked(found, np.array([first, last + 1]))
    counted, said = checked(ordered, found.length_unit)
    odd.extend(map(str, said))
    if found.uncertainty is not None:
        median = float(np.nanmedian(found.uncertainty[:, :2]))
        yield f"precision      {f'{median:.3g} {unit}'.strip()}, median of the column"
    shown, _ = counted.counted()
    by_time = neighbour_precision(shown.positions, shown.frames)[:2].mean()
    if np.isfinite(by_time) and by_time > 0:
        yield f"precision      {f'{by_time:.3g} {unit}'.strip()} by neighbours in time (NeNA)"


def _columns_only(file: TableFile) -> Iterator[str]:
    """Yield what a text looks like whose columns are not recognised."""
    try:
        yield f"format         {_title(file)}, {_size(file.source)}"
        labels = opened(file.source).labels if file.source.is_file() else ()
    except SmlmError:
        return
    if labels:
        yield f"columns        {', '.join(labels)}"


def _drift_lines(file: TableFile) -> list[str] | None:
    """Return lines on a file that holds drift; None if it does not."""
    if file.source.suffix.lower() not in (".nc", ".zarr", ".txt", ".csv", ".npy", ".npz"):
        return None
    try:
        dialect = opened(file.source).dialect if file.source.is_file() else None
        has_no_names = dialect is not None and dialect.names is None
        if has_no_names and dialect is not None and dialect.separator != " ":
            return None  # numbers: rather a table than Picasso's drift
        drift = read_drift(file.source, pixel_size=file.columns.get("pixel_size"))
    except SmlmError:
        return None
    values = drift.smlm.drift().values
    size = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
    unit = written_unit(drift.attrs.get("length_unit"))
    axes = [f"{a} {v:.4g} {unit}".strip() for a, v in zip(components_of(drift), size, strict=True)]
    own, clock = counted(drift), clock_of(drift)
    first, stop = int(own["frame_start"][0]), int(own["frame_stop"][-1])
    jumps = len(jump_frames(drift))
    return [
        "format         drift, for --drift",
        f"drift          {', '.join(axes)} (largest minus smallest)",
        f"{'time' if clock.is_time else 'frames':<14} {clock.bare(first, stop - 1)}",
        f"chunks         {drift.sizes['chunk']}, {int(drift['valid'].sum())} registered",
        f"jumps          {jumps}",
        f"method         {drift.attrs.get('method', 'not known')}",
        *(
            ["odd            nothing names the columns; is it a table? then --names frame,x,y"]
            if has_no_names
            else []
        ),
    ]
