"""``python -m smlm_accessor correct IN OUT``: remove the drift from a table in a file."""

from __future__ import annotations

import argparse
import time

import pandas as pd
import xarray as xr

from smlm_accessor import models
from smlm_accessor.cli import files
from smlm_accessor.cli.correction import (
    NOT_JUDGED,
    Outputs,
    estimated,
    given_columns,
    judged,
    method_options,
    require_report,
    summary,
    write_drift,
    written,
)
from smlm_accessor.cli.folder import run_folder
from smlm_accessor.correct import correct
from smlm_accessor.errors import FileError, OptionError, TableError
from smlm_accessor.table.columns import set_columns
from smlm_accessor.table.localizations import read_localizations


def run(arguments: argparse.Namespace) -> None:
    """Read, estimate, correct, write, and say what was done.

    Raises
    ------
    SmlmError
        If the input or an option cannot be used; then nothing is written.
    """
    if arguments.source.is_dir():
        run_folder(arguments)
        return
    if arguments.scheduler:
        raise OptionError("--scheduler is for a folder of files; IN is a single one")
    started = time.perf_counter()
    outputs = _outputs(arguments)
    options = method_options(arguments)
    table = files.read_table(arguments.source)
    try:
        table = set_columns(table, **given_columns(arguments))
        dataset = estimated(table, arguments, options)
        drift = models.fit(dataset, offset=arguments.fit) if arguments.fit else dataset
        fixed = correct(table, drift, by=arguments.by, outside=arguments.outside)
    except TableError as error:
        raise TableError(f"{arguments.source}: {error}") from error
    verdict, page = judged(table, drift, arguments)
    _write(fixed, dataset, drift, arguments.by, outputs, page)
    if not arguments.quiet:
        frames = read_localizations(table).frames
        ends = int(frames.min()), int(frames.max())
        lines = summary(len(table), ends, dataset, drift, arguments)
        lines.append(f"verdict        {verdict or NOT_JUDGED}")
        seconds = time.perf_counter() - started
        print("\n".join([*lines, *written(outputs), f"time           {seconds:.1f} s"]))


def _outputs(arguments: argparse.Namespace) -> Outputs:
    """Return what to write, or raise if that would harm a file or cannot work."""
    source, result = arguments.source, arguments.result
    tables = files.table_outputs(result)
    folder = result.parent
    if not folder.is_dir():
        raise FileError(f"the folder {folder} does not exist; make it, or choose another one")
    beside = [result.with_name(f"{result.stem}_drift{suffix}") for suffix in (".nc", ".png")]
    outputs = Outputs(tables, *((None, None) if arguments.drift else beside))
    require_report(
        arguments.report,
        [source, *outputs.paths, *filter(None, [arguments.drift])],
        overwrite=arguments.overwrite,
    )
    read = {"IN": source, "--drift": arguments.drift}
    for path in reversed(outputs.paths):
        for name, other in read.items():
            if other is not None and path.resolve() == other.resolve():
                raise FileError(f"{path} would replace {name}; give OUT another name")
        if path.is_dir():
            raise FileError(f"{path} is a folder; give OUT another name")
        if path.exists() and not arguments.overwrite:
            raise FileError(f"{path} exists; give OUT another name, or --overwrite to replace it")
    return outputs._replace(report=arguments.report)


def _write(
    fixed: pd.DataFrame,
    dataset: xr.Dataset,
    drift: xr.Dataset | models.DriftModel,
    by: str | None,
    outputs: Outputs,
    page: str | None,
) -> None:
    with files.staged(*outputs.paths) as parts:
        part = dict(zip(outputs.paths, parts, strict=True))
        files.write_table(fixed, [part[path] for path in outputs.tables], outputs.table)
        write_drift(dataset, drift, by, outputs, part)
        if outputs.report and page:
            part[outputs.report].write_text(page, encoding="utf-8")
