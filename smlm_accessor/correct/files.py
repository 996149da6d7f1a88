"""Correct many files, each by itself."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from smlm_accessor.backends import ProgressBar
from smlm_accessor.correct.done import Record, Row
from smlm_accessor.correct.lock import alone_in
from smlm_accessor.correct.paths import each_table, make_folder, names_of
from smlm_accessor.correct.request import GENERAL, FileCorrection
from smlm_accessor.correct.running import done_in_turn, executor_of, noted_interrupts
from smlm_accessor.correct.summary import row_of, summary_table, write_summary
from smlm_accessor.errors import FileError, OptionError, SmlmError, SmlmWarning
from smlm_accessor.io.arguments import short
from smlm_accessor.options import count

_OF_REQUEST = ("format", "names", "columns", "drift", "frame_duration", "fit", "by", "outside")
_EVERY = 2.0  # seconds between two summaries: writing one of 1000 rows takes 0.1 s


def correct_files(
    files: str | PathLike[str] | Iterable[str | PathLike[str]],
    out: str | PathLike[str],
    *,
    each: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
    pages: bool = True,
    force: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Correct many tables of localizations, each movie by itself.

    The corrected tables go into a folder, with the drift and a figure of it beside each, a page to
    look at in ``pages``, and ``summary.csv`` and ``summary.html`` of all. Where an earlier start
    was stopped, this one goes on: files that are done, and have not changed since, are left out. A
    file that cannot be corrected gets a row with its error; the others go on.

    Parameters
    ----------
    files : path, or several
        Files, or patterns such as ``"data/*.hdf5"``.
    out : path
        The folder of the results; made if it is not there.
    each : bool
        Folders among ``files`` stand for the tables in them.
    jobs : int
        Processes, each of which has one file in memory at a time.
    scheduler : str, optional
        The dask cluster to use instead; its workers see all files under the same names.
    pages : bool
        Write a page for each.
    force : bool
        Write a correction, too, that makes a table worse.
    overwrite : bool
        Replace results that are there and were not written by an earlier start.
    progress : bool
        Show a bar over all files.
    **options
        ``format``, ``names`` and ``columns`` (a dict) of `smlm_accessor.read`; ``drift``, a file;
        ``fit``, ``by`` and ``outside`` of the correction; else as in ``table.smlm.drift``.

    Returns
    -------
    DataFrame
        A row for each file, as in ``summary.csv``; what needs a look is on top.

    Raises
    ------
    FileError
        If there are no such files, the folder cannot be made, a result would replace a file, or
        another run is writing into the folder.
    OptionError
        If an option makes no sense.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import smlm_accessor
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     movie = pathlib.Path(folder, "movie.csv")
    ...     table = smlm_accessor.simulate_thomas(cluster_mu=20, seed=1)
    ...     table.smlm.simulate_drift(velocity=(0.2, 0.1)).to_csv(movie, index=False)
    ...     done = correct_files(movie, pathlib.Path(folder, "fixed"), pages=False)
    >>> done["error"].tolist()
    ['']
    """
    count("jobs", jobs, least=1)
    given = [files] if isinstance(files, str | PathLike) else list(files)
    sources = each_table(given, each=each)
    if not sources:
        raise OptionError("give at least one file, or pattern")
    folder = Path(out)
    make_folder(folder)
    requests = _requests(sources, folder, options, pages=pages, force=force)
    with alone_in(folder):
        return _corrected(requests, folder, jobs, scheduler, overwrite, progress)


def _corrected(
    requests: list[FileCorrection],
    folder: Path,
    jobs: int,
    scheduler: str | None,
    overwrite: bool,
    progress: bool,
) -> pd.DataFrame:
    record = Record(folder)
    rows = {str(r.source): row for r in requests if (row := record.row(r)) is not None}
    todo = [request for request in requests if str(request.source) not in rows]
    todo = [_replacing(request, record, overwrite=overwrite) for request in todo]
    for page in {request.report.parent for request in todo if request.report}:
        make_folder(page)
    written = time.monotonic()
    try:
        with (
            executor_of(jobs, scheduler, len(todo)) as executor,
            noted_interrupts(executor is not None) as interrupted,
            ProgressBar(len(requests), shown=progress, description="correct") as bar,
        ):
            for _ in rows:
                bar.advance()
            if todo:
                record.begin([name for request in todo for name in _outputs(request)])
            at_once = jobs if scheduler is None else None
            done = done_in_turn(corrected_row, executor, todo, interrupted, at_once)
            for request, state, (row, outputs) in done:
                rows[str(request.source)] = row
                record.done(request, state, outputs, row)
                bar.advance()
                if time.monotonic() > written + _EVERY:
                    write_summary(folder, rows.values())
                    written = time.monotonic()
    finally:
        if rows:
            write_summary(folder, rows.values())
    return summary_table(rows.values())


def _requests(
    sources: list[Path], folder: Path, options: Mapping[str, Any], *, pages: bool, force: bool
) -> list[FileCorrection]:
    folder = folder.absolute()
    common = {name: value for name, value in options.items() if name in _OF_REQUEST}
    common["columns"] = dict(common.get("columns") or {})
    if common.get("drift") is not None:
        common["drift"] = Path(common["drift"]).absolute()
    estimate = {name: value for name, value in options.items() if name in GENERAL}
    option = {n: v for n, v in options.items() if n not in (*_OF_REQUEST, *GENERAL)}
    requests = []
    for source, name in zip(sources, names_of(sources), strict=True):
        result = folder / name
        page = folder / "pages" / f"{result.stem}.html" if pages else None
        requests.append(
            FileCorrection(
                source.absolute(),
                **common,
                result=result,
                report=page,
                estimate=estimate,
                option=option,
                force=force,
            )
        )
    return requests


def _replacing(request: FileCorrection, record: Record, *, overwrite: bool) -> FileCorrection:
    """Return a request that may replace what an earlier start has written.

    Raises `FileError` if a result would replace another file.
    """
    request = replace(request, overwrite=True)
    foreign = [
        path
        for name in _outputs(request)
        if (path := (request.result.parent / name)).exists() and not record.is_ours(name)
    ]
    if foreign and not overwrite:
        raise FileError(
            f"{foreign[0]} exists, and is not of an earlier start; give another folder, or say "
            "overwrite=True to replace it"
        )
    return request


def _outputs(request: FileCorrection) -> list[str]:
    """Return the names of all that may be written for a file, in the folder of the results."""
    result = request.result
    beside = [result.with_name(f"{result.stem}_drift{end}") for end in (".nc", ".png")]
    paths = [result, *([] if request.drift else beside), *filter(None, [request.report])]
    return [str(path.relative_to(result.parent)) for path in paths]


def corrected_row(request: FileCorrection) -> tuple[Row, list[str]]:
    """Correct a file, and return its row and the names of what was written.

    Nothing is raised but what stops all: an error is in the row.
    """
    from smlm_accessor.correct.one_file import correct_file

    started = time.perf_counter()
    done, problem, outputs = None, "", []
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SmlmWarning)
        try:
            done = correct_file(request)
        except SmlmError as error:
            problem = str(error).removeprefix(f"{request.source}: ")
        except Exception as error:
            problem = f"unexpected {type(error).__name__}: {short(error)}"
    if done is not None:
        folder = request.result.parent
        outputs = [os.path.relpath(path, folder) for path in done.outputs.paths]
    told = list(dict.fromkeys(str(warning.message) for warning in noted))
    return row_of(request, done, time.perf_counter() - started, told, problem), outputs
