"""What is asked of the correction of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smlm_accessor.errors import TableError
from smlm_accessor.io.folders import read_folder
from smlm_accessor.io.tables import by_number, is_folder_of_tables, read_as_is
from smlm_accessor.table.columns import set_columns, settled

#: Options of the estimate that are not those of one method.
RULES = ("chunk_size", "n_chunks", "frames_per_chunk", "chunk_duration")
GENERAL = ("method", *RULES, "target", "origin", "segments")


@dataclass(frozen=True)
class TableFile:
    """A table in a file, or in the files of a folder, and what the user says of it.

    ``columns`` are fields of `Columns`; ``format`` and ``names`` as in `smlm_accessor.read`.
    """

    source: Path
    format: str | None = None
    names: Sequence[str] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of tables, which is read part by part."""
        return is_folder_of_tables(self.source, self.format)

    def read(self) -> Any:
        """Return the table. Raises as `smlm_accessor.read`, also of what is not recognised."""
        names, given = self.names, dict(self.columns)
        if names is None:
            names, given = by_number(self.source, given)
        if self.is_folder:
            table = read_folder(self.source, names)
        else:
            table = read_as_is(self.source, self.format, names)
        duration = getattr(self, "frame_duration", None)
        given |= {} if duration is None else {"frame_duration": duration}
        with self.named():
            table = set_columns(table, **given)
            return set_columns(table, **settled(table))

    def named(self) -> _Named:
        """Return a context in which the error of a table names the file."""
        return _Named(self.source)


@dataclass(frozen=True)
class _Named:
    source: Path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, place: object) -> None:
        if isinstance(error, TableError) and not str(error).startswith(str(self.source)):
            raise TableError(f"{self.source}: {error}") from error


@dataclass(frozen=True)
class FileCorrection(TableFile):
    """The correction of one file.

    Parameters
    ----------
    result : Path
        The file, or folder, that is written.
    estimate : mapping
        Arguments of ``table.smlm.drift`` that were given, the options of a method apart.
    option : mapping
        Options of the method.
    drift : Path, optional
        A drift to correct by, instead of one of the table itself.
    frame_duration : float, optional
        Seconds of a frame, where one of table and drift has times and the other frames.
    fit, by, outside
        As in ``drift.smlm.fit(offset=...)`` and ``table.smlm.correct``.
    report : Path, optional
        The page that is written.
    overwrite, force, quiet : bool
        Replace files; write a correction that makes the table worse; no progress bars.
    """

    result: Path = Path()
    estimate: Mapping[str, Any] = field(default_factory=dict)
    option: Mapping[str, Any] = field(default_factory=dict)
    drift: Path | None = None
    frame_duration: float | None = None
    fit: str | Sequence[str] | None = None
    by: str | None = None
    outside: str | None = None
    report: Path | None = None
    overwrite: bool = False
    force: bool = False
    quiet: bool = True

    @property
    def method(self) -> str:
        """The method of the estimate."""
        return str(self.estimate.get("method", "overlap"))
