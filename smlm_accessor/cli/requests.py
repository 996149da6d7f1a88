"""What arguments ask for, in the words of the package."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from smlm_accessor import models
from smlm_accessor.backends import cluster
from smlm_accessor.correct.one_file import check_options, estimated
from smlm_accessor.correct.request import GENERAL, FileCorrection, TableFile
from smlm_accessor.errors import OptionError


def given_columns(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of `Columns` that the user gave."""
    given: dict[str, Any] = {}
    for columns in arguments.columns:
        given.update(columns)
    given.update(unit=arguments.unit, pixel_size=arguments.pixel_size)
    given.update(frame_duration=arguments.frame_duration)
    return {name: value for name, value in given.items() if value is not None}


def table_file(arguments: argparse.Namespace, source: Path) -> TableFile:
    """Return a table that is read."""
    return TableFile(source, arguments.format, arguments.names, given_columns(arguments))


def request_of(arguments: argparse.Namespace, **fields: Any) -> FileCorrection:
    """Return the correction that is asked for; ``fields`` are those that differ."""
    told = {name: getattr(arguments, name, None) for name in GENERAL}
    estimate = {name: value for name, value in told.items() if value is not None}
    if estimate.get("segments") == "none":
        estimate["segments"] = None
    alike = ("source", "result", "format", "names", "drift", "frame_duration", "fit", "by",
             "outside", "report", "overwrite", "force", "quiet")  # fmt: skip
    known = {name: getattr(arguments, name) for name in alike if hasattr(arguments, name)}
    known |= {"columns": given_columns(arguments), "option": dict(getattr(arguments, "option", []))}
    return FileCorrection(**{**known, "estimate": estimate, **fields})


def table_and_drift(
    arguments: argparse.Namespace, check: Callable[[Any], object] = lambda _: None
) -> tuple[Any, xr.Dataset, xr.Dataset | models.DriftModel]:
    """Return the table, the drift of its chunks, and the drift to correct by.

    ``check`` is called with the table before the long work.
    """
    request = request_of(arguments)
    check_options(request)
    table = request.read()
    check(table)
    with request.named():
        dataset = estimated(table, request)
        return table, dataset, (models.fit(dataset, offset=request.fit) if request.fit else dataset)


def computing(arguments: argparse.Namespace, source: TableFile) -> Any:
    """Return a context that computes on the cluster that is asked for."""
    if arguments.scheduler and not source.is_folder:
        raise OptionError("--scheduler is for a folder of files; IN is a single one")
    return cluster(arguments.scheduler)
