"""What has been done in a folder of results: a line for each file that was begun or is done."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smlm_accessor._version import __version__
from smlm_accessor.correct.request import FileCorrection
from smlm_accessor.errors import FileError

NAME = ".smlm_done.jsonl"
Row = dict[str, Any]


class Record:
    """The record of a folder of results, which a second start reads.

    A line is whole or, if the process was killed while it was written, not counted. A file that was
    begun but not done is done again, and may replace what it wrote.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._done: dict[str, dict[str, Any]] = {}
        self._ours: set[str] = set()
        if not self._path.exists():
            return
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(
                f"{self._path} cannot be read ({error}); remove it to begin anew"
            ) from error
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:  # the process was killed here
                continue
            if "row" in entry:
                self._done[entry["source"]] = entry
            self._ours.update(entry.get("outputs", []))

    def row(self, request: FileCorrection) -> Row | None:
        """Return the row of a file that is done, unchanged, and whose results are there."""
        entry = self._done.get(str(request.source))
        if entry is None or entry["row"].get("error"):
            return None
        here = all((request.result.parent / name).exists() for name in entry["outputs"])
        same = entry["state"] == state_of(request.source) and entry["asked"] == asked_of(request)
        return entry["row"] if here and same else None

    def is_ours(self, name: str) -> bool:
        """Whether a file of that name was written by an earlier start."""
        return name in self._ours

    def begin(self, outputs: list[str]) -> None:
        """Note the names of files that will be written."""
        self._ours.update(outputs)
        self._add({"outputs": outputs})

    def done(self, request: FileCorrection, state: Any, outputs: list[str], row: Row) -> None:
        """Note a file that is done."""
        entry = {"source": str(request.source), "state": state, "asked": asked_of(request),
                 "outputs": outputs, "row": row}  # fmt: skip
        self._done[entry["source"]] = entry
        self._add(entry)

    def _add(self, entry: dict[str, Any]) -> None:
        torn = self._path.exists() and self._path.read_bytes()[-1:] not in (b"", b"\n")
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * torn + json.dumps(entry) + "\n")


def state_of(source: Path) -> list[list[int]]:
    """Return size and time of a file, of those of a folder, and of what describes it."""
    files = [*sorted(source.rglob("*"))] if source.is_dir() else [source]
    files += [path for path in [source.with_suffix(".yaml")] if path.exists()]
    states = []
    for file in files:
        try:
            found = file.stat()
        except OSError:
            continue
        states.append([found.st_size, found.st_mtime_ns])
    return states


def asked_of(request: FileCorrection) -> str:
    """Return what decides on the result besides the file: all options, and the version."""
    asked = asdict(request)
    for name in ("source", "overwrite", "quiet"):
        asked.pop(name)
    asked |= {"result": request.result.name, "version": __version__}
    asked["report"] = request.report is not None
    if request.drift:
        asked["drift"] = [str(request.drift.absolute()), state_of(request.drift)]
    return json.dumps(asked, default=str, sort_keys=True)
