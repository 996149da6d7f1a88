"""``smlm align``, ``join`` and ``convert``: tables in, a table out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from smlm_accessor.alignment.align import align
from smlm_accessor.backends import is_partitioned
from smlm_accessor.cli.requests import table_file
from smlm_accessor.correct import correct
from smlm_accessor.correct.paths import expanded
from smlm_accessor.drift import components_of
from smlm_accessor.errors import DriftError, FileError, OptionError
from smlm_accessor.io import write
from smlm_accessor.io.registry import by_name, for_writing
from smlm_accessor.io.staging import require_free
from smlm_accessor.plot.style import written_unit
from smlm_accessor.table.columns import find_columns
from smlm_accessor.table.numbering import join_movies


def run_align(arguments: argparse.Namespace) -> None:
    """Put one table onto another, and say by how much it was moved."""
    _require_writable(arguments, arguments.source, arguments.reference)
    moving = table_file(arguments, arguments.source).read()
    reference = table_file(arguments, arguments.reference).read()
    found = align(
        moving,
        reference,
        with_rotation=arguments.with_rotation,
        with_scaling=arguments.with_scaling,
        max_shift=arguments.max_shift,
        progress=not arguments.quiet,
    )
    if not found["valid"].all():
        raise DriftError(
            f"{arguments.source} and {arguments.reference} share too little to be aligned; nothing "
            "is written"
        )
    _write(correct(moving, found), arguments)
    if arguments.quiet:
        return
    unit = written_unit(found.attrs.get("length_unit"))
    shift, std = (found[name].values[0] for name in ("offset", "offset_std"))
    for axis, by, error in zip(components_of(found), shift, std, strict=True):
        print(f"moved in {axis}     {by:.4g} +- {error:.2g} {unit}".rstrip())
    print(f"wrote          {arguments.result}")


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
