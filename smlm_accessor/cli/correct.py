"""``python -m smlm_accessor correct IN OUT``: remove the drift from a table in a file."""

from __future__ import annotations

import argparse
import inspect
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor import models, transformations
from smlm_accessor.assess import Assessment, assess
from smlm_accessor.cli import files
from smlm_accessor.cli.curves import drift_over_frames
from smlm_accessor.columns import find_columns, set_columns
from smlm_accessor.correct import correct
from smlm_accessor.errors import DriftError, FileError, OptionError, SmlmWarning, TableError
from smlm_accessor.estimate import estimate_drift
from smlm_accessor.methods import _registry
from smlm_accessor.models.specs import one_each
from smlm_accessor.plot._style import written_unit
from smlm_accessor.table import read_localizations

_ESTIMATE = ("method", "chunk_size", "n_chunks", "frames_per_chunk", "target", "origin", "option")
_DEFAULT_METHOD = "icp"


class Outputs(NamedTuple):
    """The files that are written; a drift that is given is not written again."""

    table: Path
    drift: Path | None
    figure: Path | None

    @property
    def paths(self) -> list[Path]:
        """Those there are; the table last, so that where it is, all is."""
        return [path for path in (self.drift, self.figure, self.table) if path is not None]


def run(arguments: argparse.Namespace) -> None:
    """Read, estimate, correct, write, and say what was done.

    Raises
    ------
    SmlmError
        If the input or an option cannot be used; then nothing is written.
    """
    started = time.perf_counter()
    outputs = _outputs(arguments)
    options = _method_options(arguments)
    file = files.read_table(arguments.source)
    try:
        table = set_columns(file.table, **_columns(arguments))
        dataset = _drift(table, arguments, options)
        drift = models.fit(dataset, offset=arguments.fit) if arguments.fit else dataset
        fixed = correct(table, drift, by=arguments.by, outside=arguments.outside)
    except TableError as error:
        raise TableError(f"{arguments.source}: {error}") from error
    _write(files.TableFile(fixed, file.header), dataset, drift, arguments.by, outputs)
    if not arguments.quiet:
        frames = read_localizations(table).frames
        lines = _summary(len(table), frames, dataset, drift, arguments)
        lines.append(f"verdict        {_verdict(table, drift, arguments)}")
        seconds = time.perf_counter() - started
        print("\n".join([*lines, *_written(outputs), f"time           {seconds:.1f} s"]))


def _drift(
    table: pd.DataFrame, arguments: argparse.Namespace, options: dict[str, Any]
) -> xr.Dataset:
    """Return the drift of the chunks, estimated or from a file."""
    if arguments.drift:
        return files.read_drift(arguments.drift)
    if arguments.fit:
        one_each(arguments.fit, find_columns(table).components)  # before the long work
    rules = {name: getattr(arguments, name) for name in _ESTIMATE[1:-1]}
    given = {name: value for name, value in rules.items() if value is not None}
    method = arguments.method or _DEFAULT_METHOD
    progress = not arguments.quiet
    dataset = estimate_drift(table, method=method, progress=progress, **given, **options)
    n_valid = int(dataset["valid"].sum())
    if n_valid < 2:
        raise DriftError(
            f"{n_valid} of {dataset.sizes['chunk']} chunks could be registered, which leaves no "
            f"drift to correct by; try larger chunks, or --method "
            f"{' or '.join(name for name in _registry.names() if name != method)}"
        )
    return dataset


def _outputs(arguments: argparse.Namespace) -> Outputs:
    """Return what to write, or raise if that would harm a file or cannot work."""
    source, result = arguments.source, arguments.result
    files.require_table_name(result)
    folder = result.parent
    if not folder.is_dir():
        raise FileError(f"the folder {folder} does not exist; make it, or choose another one")
    beside = [result.with_name(f"{result.stem}_drift{suffix}") for suffix in (".nc", ".png")]
    outputs = Outputs(result, *((None, None) if arguments.drift else beside))
    read = {"IN": source, "--drift": arguments.drift}
    for path in reversed(outputs.paths):
        for name, other in read.items():
            if other is not None and path.resolve() == other.resolve():
                raise FileError(f"{path} would replace {name}; give OUT another name")
        if path.is_dir():
            raise FileError(f"{path} is a folder; give OUT another name")
        if path.exists() and not arguments.overwrite:
            raise FileError(f"{path} exists; give OUT another name, or --overwrite to replace it")
    return outputs


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
    _registry.check_options(method, options)
    known = inspect.signature(_registry.get(method)).parameters
    for name, value in options.items():
        if isinstance(value, str) and "str" not in str(known[name].annotation):
            raise OptionError(f"--option {name}={value} must be {known[name].annotation}")
    return options


def _columns(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of `Columns` that the user gave."""
    given: dict[str, Any] = {}
    for columns in arguments.columns:
        given.update(columns)
    given.update(unit=arguments.unit, pixel_size=arguments.pixel_size)
    return {name: value for name, value in given.items() if value is not None}


def _write(
    fixed: files.TableFile,
    dataset: xr.Dataset,
    drift: xr.Dataset | models.DriftModel,
    by: str | None,
    outputs: Outputs,
) -> None:
    with files.staged(*outputs.paths) as parts:
        part = dict(zip(outputs.paths, parts, strict=True))
        files.write_table(fixed, part[outputs.table], outputs.table)
        if outputs.drift:
            files.write_drift(dataset, part[outputs.drift])
        if outputs.figure:
            from smlm_accessor.cli.figures import save_drift_figure

            save_drift_figure(part[outputs.figure], dataset, drift, by)


def _summary(
    n_rows: int,
    frames: np.ndarray[Any, np.dtype[np.int64]],
    dataset: xr.Dataset,
    drift: xr.Dataset | models.DriftModel,
    arguments: argparse.Namespace,
) -> list[str]:
    """Return a few lines that say what was done."""
    first, last = int(frames.min()), int(frames.max())
    curve = drift_over_frames(drift, np.arange(first, last + 1), arguments.by)
    size = np.nanmax(curve, axis=0) - np.nanmin(curve, axis=0)
    unit = written_unit(dataset.attrs.get("length_unit"))
    sizes = [
        f"{component} {value:.4g} {unit}".strip()
        for component, value in zip(transformations.components(dataset), size, strict=True)
    ]
    n_chunks, n_valid = dataset.sizes["chunk"], int(dataset["valid"].sum())
    registered = "" if n_valid == n_chunks else f", {n_valid} of them registered"
    how = f"from {arguments.drift}" if arguments.drift else f"by {dataset.attrs.get('method')}"
    return [
        f"localizations  {n_rows:,}",
        f"frames         {first} to {last}",
        f"drift          {', '.join(sizes)} (largest minus smallest), {how}",
        f"chunks         {n_chunks}{registered}",
    ]


def _verdict(
    table: pd.DataFrame, drift: xr.Dataset | models.DriftModel, arguments: argparse.Namespace
) -> Assessment:
    """Return what the correction did; what it warned of has been said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmlmWarning)
        return assess(table, drift, by=arguments.by, outside=arguments.outside)


def _written(outputs: Outputs) -> list[str]:
    meaning = {
        outputs.table: "the corrected table",
        outputs.drift: "the drift, for --drift or xarray.load_dataset",
        outputs.figure: "a figure of the drift",
    }
    written = [path for path in (outputs.table, outputs.drift, outputs.figure) if path]
    width = max(len(str(path)) for path in written)
    return [f"wrote          {path!s:<{width}}  {meaning[path]}" for path in written]
