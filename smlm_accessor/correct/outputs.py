"""What correcting a file writes: the table, the drift, a figure of it, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import xarray as xr

from smlm_accessor.correct.request import FileCorrection
from smlm_accessor.drift.curves import drift_between_chunks
from smlm_accessor.errors import FileError
from smlm_accessor.io.drift_datasets import write_netcdf
from smlm_accessor.io.folders import KINDS, require_new, write_folder
from smlm_accessor.io.registry import for_writing
from smlm_accessor.io.staging import staged
from smlm_accessor.io.tables import is_folder_of_tables, write_parts
from smlm_accessor.models import DriftModel
from smlm_accessor.plot import plot_drift
from smlm_accessor.plot.style import COLORS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Outputs(NamedTuple):
    """The files that are written; a drift that is given is not written again."""

    tables: list[Path]  # the table, and what its format writes beside it
    is_folder: bool  # whether the table is a folder of Parquet files
    drift: Path | None
    figure: Path | None
    report: Path | None

    @property
    def paths(self) -> list[Path]:
        """The files there are; the table last, so that where it is, all is."""
        tables = [] if self.is_folder else reversed(self.tables)
        beside = [self.drift, self.figure, self.report, *tables]
        return [path for path in beside if path is not None]

    def page_only(self) -> Outputs:
        """Return the page alone, of a correction that is not wanted."""
        return self._replace(tables=[], is_folder=False, drift=None, figure=None)

    def lines(self) -> list[str]:
        """Return lines that say what was written."""
        meaning: dict[Path | None, str] = {
            **dict.fromkeys(self.tables[:1], "the corrected table"),
            **dict.fromkeys(self.tables[1:], "what belongs to it: keep the two together"),
            self.drift: "the drift, for --drift or xarray.load_dataset",
            self.figure: "a figure of the drift",
            self.report: "a page to look at",
        }
        written = [path for path in meaning if path]
        width = max((len(str(path)) for path in written), default=0)
        return [f"wrote          {path!s:<{width}}  {meaning[path]}" for path in written]


def outputs_of(request: FileCorrection) -> Outputs:
    """Return what to write. Raises `FileError` if that would harm a file or cannot work."""
    source, result = request.source, request.result
    is_folder = is_folder_of_tables(source, request.format)
    tables = [result] if is_folder else for_writing(result).outputs(result)
    if is_folder:
        _require_folder_beside(source.resolve(), result.resolve())
    for folder in [result.parent, *([request.report.parent] if request.report else [])]:
        if not folder.is_dir():
            raise FileError(f"the folder {folder} does not exist; make it, or choose another one")
    if is_folder:
        require_new(result, overwrite=request.overwrite)
    name = result.name if is_folder else result.stem
    drift, figure = None, None
    if not request.drift:
        drift, figure = (result.with_name(f"{name}_drift{end}") for end in (".nc", ".png"))
    outputs = Outputs(tables, is_folder, drift, figure, request.report)
    read = {"IN": source, "--drift": request.drift}
    others = {path.resolve() for path in outputs._replace(report=None).paths}
    others |= {path.resolve() for path in (result, *read.values()) if path}
    if request.report and request.report.resolve() in others:
        raise FileError(
            f"--report {request.report} would replace another file; give it another name"
        )
    for path in reversed(outputs.paths):
        flag = "--report" if path == outputs.report else "OUT"
        for given, other in read.items():
            if other is not None and path.resolve() == other.resolve():
                raise FileError(f"{path} would replace {given}; give {flag} another name")
        if path.is_dir():
            raise FileError(f"{path} is a folder; give {flag} another name")
        if path.exists() and not request.overwrite:
            raise FileError(
                f"{path} exists; give {flag} another name, or --overwrite to replace it"
            )
    return outputs


def _require_folder_beside(source: Path, result: Path) -> None:
    if result.suffix.lower() in KINDS:
        raise FileError(
            f"IN is not a file but a folder, and OUT has the extension of a file ({result}): give "
            "a folder"
        )
    if result == source or source in result.parents or result in source.parents:
        raise FileError(f"{result} would write into IN; give a folder beside it")


def write_outputs(
    outputs: Outputs,
    fixed: Any,
    dataset: xr.Dataset,
    drift: xr.Dataset | DriftModel,
    page: str | None,
    request: FileCorrection,
) -> None:
    """Write the corrected table, the drift of the chunks, the figure and the page: all, or none.

    A folder gets its name when all of it is written; what an interrupted run leaves is called
    ``OUT.incomplete``, and replaced by the next run.
    """
    if not outputs.paths and not outputs.is_folder:
        return
    result = request.result
    with staged(*outputs.paths) as parts:
        part = dict(zip(outputs.paths, parts, strict=True))
        if outputs.tables and not outputs.is_folder:
            tables = [part[path] for path in outputs.tables]
            write_parts(fixed, for_writing(result, fixed.attrs), tables, result)
        if outputs.drift:
            write_netcdf(dataset, part[outputs.drift])
        if outputs.figure:
            save_drift_figure(part[outputs.figure], dataset, drift, request.by)
        if outputs.report and page:
            part[outputs.report].write_text(page, encoding="utf-8")
        if outputs.is_folder:
            progress = not request.quiet
            write_folder(fixed, result, overwrite=request.overwrite, progress=progress)


def save_drift_figure(
    path: Path, dataset: xr.Dataset, drift: xr.Dataset | DriftModel, by: str | None
) -> None:
    """Draw the drift of the chunks, and the drift that was removed."""
    figure = new_figure(7.5, 4.0)
    ax = figure.subplots()
    if isinstance(drift, DriftModel):
        plot_drift(dataset, model=drift, ax=ax)
    else:
        plot_drift(dataset, ax=ax)
        removed = drift_between_chunks(drift, by=by).broken()
        for color, values in zip(COLORS, removed.values.T, strict=False):
            ax.plot(removed.frames, values, color=color, linewidth=1.0)
    ax.set_title(f"Drift by {dataset.attrs.get('method', 'unknown')}", loc="left")
    figure.savefig(path, format="png", dpi=150)


def new_figure(width: float, height: float) -> Figure:
    """Return a figure that needs no display, of that size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
