"""``smlm drift``, ``assess`` and ``report``: one step of a correction each."""

from __future__ import annotations

import argparse

import numpy as np

from smlm_accessor.assess import assess
from smlm_accessor.cli.requests import computing, table_and_drift, table_file
from smlm_accessor.cli.status import MADE_WORSE
from smlm_accessor.drift import components_of, jump_frames
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import FileError, OptionError
from smlm_accessor.io import write_drift
from smlm_accessor.io.drift import require_writable
from smlm_accessor.io.staging import require_free
from smlm_accessor.plot.style import written_unit
from smlm_accessor.report import write_report
from smlm_accessor.table.columns import find_columns


def run_drift(arguments: argparse.Namespace) -> None:
    """Estimate the drift of a table and write it."""
    _require_writable(arguments)
    with computing(arguments, table_file(arguments, arguments.source)):
        table, dataset, drift = table_and_drift(
            arguments, lambda table: require_writable(find_columns(table), arguments.result)
        )
    pixel_size = find_columns(table).pixel_size
    write_drift(drift, arguments.result, overwrite=arguments.overwrite, pixel_size=pixel_size)
    if arguments.quiet:
        return
    values = dataset.smlm.drift().values
    unit = f" {written_unit(dataset.attrs.get('length_unit'))}".rstrip()
    size = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
    std = np.nanmedian(dataset["offset_std"].values, axis=0)
    for axis, one, error in zip(components_of(dataset), size, std, strict=True):
        sure = f", offset_std {error:.3g}{unit} (median)" if np.isfinite(error) else ""
        print(f"drift in {axis}     {one:.4g}{unit} (largest minus smallest){sure}")
    print(f"chunks         {dataset.sizes['chunk']}, {int(dataset['valid'].sum())} registered")
    jumps = [clock_of(dataset).text(jump) for jump in jump_frames(dataset).tolist()]
    print(f"jumps          {', '.join(jumps) or 'none'}")
    print(f"wrote          {arguments.result}")


def run_assess(arguments: argparse.Namespace) -> int:
    """Say whether correcting a table helps; 3 if it makes it worse."""
    with computing(arguments, table_file(arguments, arguments.source)):
        table, _, drift = table_and_drift(arguments)
        verdict = assess(table, drift, by=arguments.by, outside=arguments.outside)
    print(verdict)
    if verdict.reason and not arguments.quiet:
        print(f"because {verdict.reason}")
    return MADE_WORSE if verdict.verdict == "worse" else 0


def run_report(arguments: argparse.Namespace) -> int:
    """Write a page on the correction of a table; 3 if it makes it worse."""
    _require_writable(arguments)
    if arguments.result.suffix.lower() not in (".html", ".htm"):
        raise FileError(f"{arguments.result} is to be a page; give a name that ends in .html")
    with computing(arguments, table_file(arguments, arguments.source)):
        table, _, drift = table_and_drift(arguments)
        verdict = write_report(
            table,
            drift,
            arguments.result,
            by=arguments.by,
            outside=arguments.outside,
            title=f"Drift correction of {arguments.source.name}",
            overwrite=arguments.overwrite,
        )
    if not arguments.quiet:
        print(f"verdict        {verdict or 'none: too few frames'}")
        print(f"wrote          {arguments.result}  a page to look at")
    return MADE_WORSE if verdict is not None and verdict.verdict == "worse" else 0


def _require_writable(arguments: argparse.Namespace) -> None:
    """Raise `FileError` before the long work if the result cannot be written."""
    require_free([arguments.result], overwrite=arguments.overwrite)
    if arguments.result.resolve() == arguments.source.resolve():
        raise OptionError(f"{arguments.result} would replace IN; give -o another name")
