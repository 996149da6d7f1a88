"""``python -m smlm_accessor correct IN_DIR OUT_DIR``: tables larger than memory, with dask."""

from __future__ import annotations

import argparse
import time

from smlm_accessor import models
from smlm_accessor.backends import cluster
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
from smlm_accessor.correct import correct
from smlm_accessor.errors import FileError, TableError
from smlm_accessor.io.folders import KINDS, read_folder, require_new, write_folder
from smlm_accessor.table.columns import set_columns


def run_folder(arguments: argparse.Namespace) -> None:
    """Read, estimate, correct, write, and say what was done.

    The folder gets its name when all of it is written; what an interrupted run leaves is called
    ``OUT.incomplete``, and replaced by the next run.

    Raises
    ------
    SmlmError
        If the input or an option cannot be used; then there is no output.
    """
    started = time.perf_counter()
    outputs = _outputs(arguments)
    options = method_options(arguments)
    with cluster(arguments.scheduler):
        try:
            table = set_columns(read_folder(arguments.source), **given_columns(arguments))
            dataset = estimated(table, arguments, options)
            drift = models.fit(dataset, offset=arguments.fit) if arguments.fit else dataset
            fixed = correct(table, drift, by=arguments.by, outside=arguments.outside)
        except TableError as error:
            raise TableError(f"{arguments.source}: {error}") from error
        verdict, page = judged(table, drift, arguments)
        beside = [p for p in (outputs.drift, outputs.figure, outputs.report) if p is not None]
        with files.staged(*beside) as parts:
            part = dict(zip(beside, parts, strict=True))
            write_drift(dataset, drift, arguments.by, outputs, part)
            if outputs.report and page:
                part[outputs.report].write_text(page, encoding="utf-8")
            write_folder(
                fixed,
                outputs.table,
                overwrite=arguments.overwrite,
                progress=not arguments.quiet,
            )
    if not arguments.quiet:
        n = int(dataset["n_localizations"].sum())
        ends = int(dataset["frame_start"][0]), int(dataset["frame_stop"][-1]) - 1
        lines = summary(n, ends, dataset, drift, arguments)
        lines.append(f"verdict        {verdict or NOT_JUDGED}")
        seconds = time.perf_counter() - started
        print("\n".join([*lines, *written(outputs), f"time           {seconds:.1f} s"]))


def _outputs(arguments: argparse.Namespace) -> Outputs:
    """Return what to write, or raise if that would harm something or cannot work."""
    source, result = arguments.source.resolve(), arguments.result.resolve()
    if result.suffix.lower() in KINDS:
        raise FileError(
            f"IN is not a file but a folder, and OUT has the extension of a file ({result}): give "
            "a folder"
        )
    if result == source or source in result.parents or result in source.parents:
        raise FileError(f"{result} would write into IN; give a folder beside it")
    if not result.parent.is_dir():
        raise FileError(f"the folder {result.parent} does not exist; make it, or choose another")
    require_new(result, overwrite=arguments.overwrite)
    drift, figure = (result.with_name(f"{result.name}_drift{end}") for end in (".nc", ".png"))
    taken = [source, result, drift, figure, *filter(None, [arguments.drift])]
    require_report(arguments.report, taken, overwrite=arguments.overwrite)
    if arguments.drift:
        return Outputs([arguments.result], None, None, arguments.report)
    for path in (drift, figure):
        if path.exists() and not arguments.overwrite:
            raise FileError(f"{path} exists; give OUT another name, or --overwrite to replace it")
    return Outputs([arguments.result], drift, figure, arguments.report)
