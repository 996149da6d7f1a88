"""``smlm align``, ``join`` and ``convert``: tables in, a table out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor.alignment.align import align
from smlm_accessor.alignment.many import align_tables
from smlm_accessor.backends import is_partitioned
from smlm_accessor.cli.requests import table_file
from smlm_accessor.correct import correct
from smlm_accessor.correct.paths import expanded, make_folder, names_of
from smlm_accessor.drift import components_of
from smlm_accessor.errors import DriftError, FileError, OptionError
from smlm_accessor.io import write
from smlm_accessor.io.drift_datasets import write_netcdf
from smlm_accessor.io.registry import by_name, for_writing
from smlm_accessor.io.staging import require_free, staged
from smlm_accessor.plot.style import written_unit
from smlm_accessor.table.columns import find_columns
from smlm_accessor.table.numbering import join_movies

_SHIFTS = "shifts.nc"


def run_align(arguments: argparse.Namespace) -> None:
    """Put one table onto another, or many onto each other, and say by how much they were moved."""
    if arguments.out is not None:
        _align_many(arguments)
        return
    only_many = {"--reference": arguments.reference, "--drift": arguments.drift}
    if wrong := [flag for flag, value in only_many.items() if value is not None]:
        raise OptionError(f"{', '.join(wrong)} is for many tables, which need --out FOLDER")
    if len(arguments.files) != 2 or arguments.result is None:
        raise OptionError(
            "give MOVING REFERENCE -o OUT, or files and --out FOLDER to put all onto each other; "
            "see smlm align --help"
        )
    source, stays = arguments.files
    _require_writable(arguments, source, stays)
    moving, reference = (table_file(arguments, one).read() for one in (source, stays))
    found = align(
        moving,
        reference,
        with_rotation=arguments.with_rotation,
        with_scaling=arguments.with_scaling,
        max_shift=arguments.max_shift,
        progress=not arguments.quiet,
    )
    if not found["valid"].all():
        raise DriftError(f"{source} and {stays} share too little to be aligned; nothing is written")
    _write(correct(moving, found), arguments)
    if arguments.quiet:
        return
    for axis, by in zip(components_of(found), _moved(found), strict=True):
        print(f"moved in {axis}     {by}")
    print(f"wrote          {arguments.result}")


def _align_many(arguments: argparse.Namespace) -> None:
    """Put many tables onto each other; what cannot be placed is said, and not written."""
    two = {"-o": arguments.result is not None, "--with-rotation": arguments.with_rotation}
    two["--with-scaling"] = arguments.with_scaling
    if wrong := [flag for flag, value in two.items() if value]:
        raise OptionError(f"{', '.join(wrong)} is for two tables without --out FOLDER")
    files = expanded(arguments.files)
    folder, names = arguments.out, names_of(files)
    stays = None
    if arguments.reference is not None:
        absolute = [file.absolute() for file in files]
        if arguments.reference.absolute() not in absolute:
            raise OptionError(f"--reference {arguments.reference} is none of the files")
        stays = names[absolute.index(arguments.reference.absolute())]
    shifts = folder / _SHIFTS
    make_folder(folder)
    results = [path for name in names for path in for_writing(folder / name).outputs(folder / name)]
    require_free([shifts, *results], overwrite=arguments.overwrite)
    tables = {n: table_file(arguments, f).read() for n, f in zip(names, files, strict=True)}
    found = align_tables(
        tables,
        reference=stays,
        drift=arguments.drift,
        max_shift=arguments.max_shift,
        progress=not arguments.quiet,
    )
    with staged(shifts) as (part,):
        write_netcdf(found, part)
    for file, name in zip(files, names, strict=True):
        shift = found.sel(table=name)
        if not shift["valid"].any():
            continue  # the warning of `align_tables` names it
        write(correct(tables[name], shift), folder / name, overwrite=arguments.overwrite)
        if not arguments.quiet:
            moved = zip(components_of(found), _moved(shift), strict=True)
            print(f"{file}: {', '.join(f'{axis} {by}' for axis, by in moved)}")
    if not arguments.quiet:
        print(f"wrote          {folder}, and all shifts as {_SHIFTS}")


def _moved(shift: xr.Dataset) -> list[str]:
    """Return by how much a table is moved along each axis: its first chunk, or all of it."""
    unit = written_unit(shift.attrs.get("length_unit"))
    by, std = (np.atleast_2d(shift[name].values)[0] for name in ("offset", "offset_std"))
    return [f"{b:.4g} +- {e:.2g} {unit}".rstrip() for b, e in zip(by, std, strict=True)]


def run_join(arguments: argparse.Namespace) -> None:
    """Put files that were recorded one after the other together."""
    files = expanded(arguments.files)
    if len(files) < 2:
        raise OptionError("give at least two files, in the order in which they were recorded")
    _require_writable(arguments, *files)
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        names = [str(file) for file in files]
    tables = [table_file(arguments, file).read() for file in files]
    joined = join_movies(tables, names=names)
    _write(joined, arguments)
    if not arguments.quiet:
        columns = find_columns(joined)
        for name, rows in joined.groupby("file", sort=False):
            times = rows[columns.when]
            span = f"{columns.clock.name}s {times.min():.12g} to {times.max():.12g}"
            print(f"{name}: {len(rows):,} localizations, {span}")
        print(f"wrote          {arguments.result}; correct it with --segments file")


def run_convert(arguments: argparse.Namespace) -> None:
    """Write a table in another format."""
    _require_writable(arguments, arguments.source)
    table = table_file(arguments, arguments.source).read()
    _write(table, arguments)
    if not arguments.quiet:
        rows = "" if is_partitioned(table) else f"  {len(table):,} localizations"
        print(f"wrote          {arguments.result}{rows}")


def _require_writable(arguments: argparse.Namespace, *sources: Path) -> None:
    """Raise `FileError` before the work if the result cannot be written."""
    result = arguments.result
    for source in sources:
        if not source.exists():
            raise FileError(f"{source} does not exist; check the name and the folder")
        if result.resolve() == source.resolve():
            raise FileError(f"{result} would replace {source}; give the output another name")
    if any(table_file(arguments, source).is_folder for source in sources):
        return  # `write` looks at the folder
    chosen = by_name(arguments.to) if _to(arguments) else for_writing(result)
    require_free(chosen.outputs(result), overwrite=arguments.overwrite)


def _write(table: Any, arguments: argparse.Namespace) -> None:
    write(
        table,
        arguments.result,
        format=_to(arguments),
        overwrite=arguments.overwrite,
        progress=not arguments.quiet,
    )


def _to(arguments: argparse.Namespace) -> str | None:
    to: str | None = getattr(arguments, "to", None)
    return to
