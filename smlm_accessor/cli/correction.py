"""What correcting a file and correcting a folder have in common."""

from __future__ import annotations

import argparse
import inspect
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor import models
from smlm_accessor.assess import Assessment, assess
from smlm_accessor.cli import files
from smlm_accessor.drift import segments, transformations
from smlm_accessor.errors import DriftError, FileError, OptionError, SmlmWarning, TableError
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods import registry
from smlm_accessor.models.specs import one_each
from smlm_accessor.plot.over_frames import drift_over_frames
from smlm_accessor.plot.style import written_unit
from smlm_accessor.report import build_report
from smlm_accessor.table.columns import find_columns

_RULES = ("chunk_size", "n_chunks", "frames_per_chunk")
_ESTIMATE = ("method", *_RULES, "target", "origin", "segments", "option")
_DEFAULT_METHOD = "overlap"
NOT_JUDGED = "none: too few frames"


class Outputs(NamedTuple):
    """The files that are written; a drift that is given is not written again."""

    tables: list[Path]  # the table, and what its format writes beside it
    drift: Path | None
    figure: Path | None
    report: Path | None = None

    @property
    def table(self) -> Path:
        """The table itself."""
        return self.tables[0]

    @property
    def paths(self) -> list[Path]:
        """Those there are; the table last, so that where it is, all is."""
        beside = [self.drift, self.figure, self.report, *reversed(self.tables)]
        return [path for path in beside if path is not None]


def estimated(
    table: pd.DataFrame, arguments: argparse.Namespace, options: dict[str, Any]
) -> xr.Dataset:
    """Return the drift of the chunks, estimated or from a file."""
    if arguments.drift:
        return files.read_drift(arguments.drift, pixel_size=arguments.pixel_size)
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


def method_options(arguments: argparse.Namespace) -> dict[str, Any]:
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


def given_columns(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of `Columns` that the user gave."""
    given: dict[str, Any] = {}
    for columns in arguments.columns:
        given.update(columns)
    given.update(unit=arguments.unit, pixel_size=arguments.pixel_size)
    return {name: value for name, value in given.items() if value is not None}


def write_drift(
    dataset: xr.Dataset,
    drift: xr.Dataset | models.DriftModel,
    by: str | None,
    outputs: Outputs,
    part: dict[Path, Path],
) -> None:
    """Write the drift and its figure, if they are wanted, under temporary names."""
    if outputs.drift:
        files.write_drift(dataset, part[outputs.drift])
    if outputs.figure:
        from smlm_accessor.cli.figures import save_drift_figure

        save_drift_figure(part[outputs.figure], dataset, drift, by)


def summary(
    n_rows: int,
    ends: tuple[int, int],
    dataset: xr.Dataset,
    drift: xr.Dataset | models.DriftModel,
    arguments: argparse.Namespace,
) -> list[str]:
    """Return a few lines that say what was done; ``ends`` are the first and the last frame."""
    first, last = ends
    curve = drift_over_frames(drift, np.arange(first, last + 1), arguments.by)
    size = np.nanmax(curve, axis=0) - np.nanmin(curve, axis=0)
    unit = written_unit(dataset.attrs.get("length_unit"))
    sizes = [
        f"{component} {value:.4g} {unit}".strip()
        for component, value in zip(transformations.components(dataset), size, strict=True)
    ]
    n_chunks, n_valid = dataset.sizes["chunk"], int(dataset["valid"].sum())
    registered = "" if n_valid == n_chunks else f", {n_valid} of them registered"
    jumps = segments.jumps(dataset).tolist()
    named = ", ".join(map(str, jumps[:5])) + (f" and {len(jumps) - 5} more" * (len(jumps) > 5))
    how = f"from {arguments.drift}" if arguments.drift else f"by {dataset.attrs.get('method')}"
    return [
        f"localizations  {n_rows:,}",
        f"frames         {first} to {last}",
        f"drift          {', '.join(sizes)} (largest minus smallest), {how}",
        f"chunks         {n_chunks}{registered}",
        *([f"jumps          {len(jumps)}, at frame {named}"] if jumps else []),
    ]


def require_report(path: Path | None, taken: list[Path], *, overwrite: bool) -> None:
    """Raise `FileError` if a page cannot be written, or would replace something."""
    if path is None:
        return
    if path.resolve() in [other.resolve() for other in taken]:
        raise FileError(f"--report {path} would replace another file; give it another name")
    if not path.parent.is_dir():
        raise FileError(f"the folder {path.parent} does not exist; make it, or choose another one")
    if path.is_dir():
        raise FileError(f"{path} is a folder; give --report another name")
    if path.exists() and not overwrite:
        raise FileError(f"{path} exists; give --report another name, or --overwrite to replace it")


def written(outputs: Outputs) -> list[str]:
    """Return lines that say what was written."""
    meaning = {
        outputs.table: "the corrected table",
        outputs.drift: "the drift, for --drift or xarray.load_dataset",
        outputs.figure: "a figure of the drift",
        outputs.report: "a page to look at",
    }
    written = [path for path in meaning if path]
    width = max(len(str(path)) for path in written)
    return [f"wrote          {path!s:<{width}}  {meaning[path]}" for path in written]


def judged(
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
