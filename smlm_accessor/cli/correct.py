"""``python -m smlm_accessor correct IN OUT``: remove the drift from a table in a file or folder."""

from __future__ import annotations

import argparse
import inspect
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor import models
from smlm_accessor.assess import Assessment, assess
from smlm_accessor.backends import cluster
from smlm_accessor.cli.messages import RULES
from smlm_accessor.cli.outputs import outputs_of, write_outputs
from smlm_accessor.correct import correct
from smlm_accessor.drift import components_of, jump_frames
from smlm_accessor.errors import DriftError, OptionError, SmlmWarning, TableError
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.io import read_drift
from smlm_accessor.io.folders import read_folder
from smlm_accessor.io.tables import by_number, is_folder_of_tables, read_as_is
from smlm_accessor.methods import registry
from smlm_accessor.models.specs import one_each
from smlm_accessor.plot.style import written_unit
from smlm_accessor.report import build_report
from smlm_accessor.table.columns import find_columns, set_columns, settled
from smlm_accessor.table.localizations import read_localizations

_ESTIMATE = ("method", *RULES, "target", "origin", "segments", "option")
_DEFAULT_METHOD = "overlap"


def run(arguments: argparse.Namespace) -> None:
    """Read, estimate, correct, write, and say what was done.

    Raises `SmlmError` if the input or an option cannot be used; then nothing is written.
    """
    source = arguments.source
    if arguments.scheduler and not is_folder_of_tables(source, arguments.format):
        raise OptionError("--scheduler is for a folder of files; IN is a single one")
    started = time.perf_counter()
    outputs = outputs_of(arguments)
    options = _method_options(arguments)
    with cluster(arguments.scheduler):
        names, given = arguments.names, _given_columns(arguments)
        if names is None:
            names, given = by_number(source, given)
        if outputs.is_folder:
            table = read_folder(source, names)
        else:
            table = read_as_is(source, arguments.format, names)
        try:
            table = set_columns(table, **given)
            table = set_columns(table, **settled(table))
            dataset = _estimated(table, arguments, options)
            drift = models.fit(dataset, offset=arguments.fit) if arguments.fit else dataset
            fixed = correct(table, drift, by=arguments.by, outside=arguments.outside)
        except TableError as error:
            raise TableError(f"{source}: {error}") from error
        verdict, page = _judged(table, drift, arguments)
        write_outputs(outputs, fixed, dataset, drift, page, arguments)
    if arguments.quiet:
        return
    if outputs.is_folder:
        n_rows = int(dataset["n_localizations"].sum())
        ends = int(dataset["frame_start"][0]), int(dataset["frame_stop"][-1]) - 1
    else:
        frames = read_localizations(table).frames
        n_rows, ends = len(table), (int(frames.min()), int(frames.max()))
    lines = _summary(n_rows, ends, dataset, drift, arguments)
    lines.append(f"verdict        {verdict or 'none: too few frames'}")
    lines += outputs.lines()
    print("\n".join([*lines, f"time           {time.perf_counter() - started:.1f} s"]))


def _estimated(
    table: pd.DataFrame, arguments: argparse.Namespace, options: dict[str, Any]
) -> xr.Dataset:
    """Return the drift of the chunks, estimated or from a file."""
    if arguments.drift:
        return read_drift(
            arguments.drift,
            pixel_size=arguments.pixel_size,
            frame_duration=arguments.frame_duration,
        )
    if arguments.fit:
        one_each(arguments.fit, find_columns(table).components)  # before the long work
    rules = {name: getattr(arguments, name) for name in _ESTIMATE[1:-1]}
    given = {name: value for name, value in rules.items() if value is not None}
    if given.get("segments") == "none":
        given["segments"] = None
    method = arguments.method or _DEFAULT_METHOD
    progress = not arguments.quiet
    dataset = estimate_drift(table, method=method, progress=progress, **given, **options)
    n_valid = int(dataset["valid"].sum())
    if n_valid < 2:
        raise DriftError(
            f"{n_valid} of {dataset.sizes['chunk']} chunks could be registered, which leaves no "
            f"drift to correct by; try larger chunks, or --method "
            f"{' or '.join(name for name in registry.names() if name != method)}"
        )
    return dataset


def _method_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the method by name, after checking what can be checked early."""
    if arguments.drift:
        given = [name for name in _ESTIMATE if getattr(arguments, name)]
        if given:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise OptionError(f"{flags} is for estimating, but --drift is given; leave out one")
    if arguments.fit and arguments.by:
        raise OptionError("--by is for going from chunk to chunk, --fit for a model; leave out one")
    options = dict(arguments.option)
    own = inspect.signature(estimate_drift).parameters
    for name in options:
        if name in own:
            raise OptionError(f"--option {name}=... is --{name.replace('_', '-')} here")
    method = arguments.method or _DEFAULT_METHOD
    registry.get(method).check_options(options)
    known = registry.get(method).arguments
    for name, value in options.items():
        if isinstance(value, str) and "str" not in str(known[name].annotation):
            raise OptionError(f"--option {name}={value} must be {known[name].annotation}")
    return options


def _given_columns(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of `Columns` that the user gave."""
    given: dict[str, Any] = {}
    for columns in arguments.columns:
        given.update(columns)
    given.update(unit=arguments.unit, pixel_size=arguments.pixel_size)
    return {name: value for name, value in given.items() if value is not None}


def _summary(
    n_rows: int,
    ends: tuple[int, int],
    dataset: xr.Dataset,
    drift: xr.Dataset | models.DriftModel,
    arguments: argparse.Namespace,
) -> list[str]:
    """Return a few lines that say what was done; ``ends`` are the first and the last frame."""
    first, last = ends
    curve = models.removed_drift(drift, np.arange(first, last + 1), by=arguments.by).values
    size = np.nanmax(curve, axis=0) - np.nanmin(curve, axis=0)
    unit = written_unit(dataset.attrs.get("length_unit"))
    sizes = [
        f"{component} {value:.4g} {unit}".strip()
        for component, value in zip(components_of(dataset), size, strict=True)
    ]
    n_chunks, n_valid = dataset.sizes["chunk"], int(dataset["valid"].sum())
    registered = "" if n_valid == n_chunks else f", {n_valid} of them registered"
    jumps = jump_frames(dataset).tolist()
    named = ", ".join(map(str, jumps[:5])) + (f" and {len(jumps) - 5} more" * (len(jumps) > 5))
    how = f"from {arguments.drift}" if arguments.drift else f"by {dataset.attrs.get('method')}"
    return [
        f"localizations  {n_rows:,}",
        f"frames         {first} to {last}",
        f"drift          {', '.join(sizes)} (largest minus smallest), {how}",
        f"chunks         {n_chunks}{registered}",
        *([f"jumps          {len(jumps)}, at frame {named}"] if jumps else []),
    ]


def _judged(
    table: pd.DataFrame, drift: xr.Dataset | models.DriftModel, arguments: argparse.Namespace
) -> tuple[Assessment | None, str | None]:
    """Return what the correction did, and the page on it, if it is wanted.

    What they warn of has been said. Nothing is judged for nobody.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmlmWarning)
        options = {"by": arguments.by, "outside": arguments.outside}
        if arguments.report:
            title = f"Drift correction of {arguments.source.name}"
            built = build_report(table, drift, **options, title=title)
            return built.verdict, built.html
        if arguments.quiet:
            return None, None
        try:
            return assess(table, drift, **options), None
        except TableError:  # it could be corrected, so it has too few frames
            return None, None
