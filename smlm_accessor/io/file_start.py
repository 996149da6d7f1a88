"""The beginning of a file, by which its format is recognised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers import hdf5 as _hdf5
from smlm_accessor.io.containers.dialect import Dialect, find_dialect, split

_HEAD = 2**16
_LONGEST_LINE = 2**22  # bytes of a first line
_HDF5 = b"\x89HDF\r\n\x1a\n"
_NOT_TEXT = frozenset(range(32)) - {*b"\t\r\n\f"}


@dataclass(frozen=True)
class FileStart:
    """A file that is there and not empty, and its ``head``: the first 64 kB.

    ``names`` are those that the user gives to the columns of a text without names.
    """

    path: Path
    head: bytes
    names: tuple[str, ...] | None = None

    @cached_property
    def header(self) -> str | None:
        """The first line that is not empty, if it is text; None if it is not."""
        lines = (line for line in self.head.removeprefix(b"\xef\xbb\xbf").splitlines())
        first = next(filter(None, (line.strip(b" \r\n") for line in lines)), b"")
        return None if self.is_hdf5 or _NOT_TEXT & set(first) else decoded(first)

    @cached_property
    def dialect(self) -> Dialect | None:
        """How the file holds a table, if it is text."""
        if self.header is None:
            return None
        whole = len(self.head) < _HEAD or b"\n" not in self.head.strip()
        head = self.head if whole else self.head[: self.head.rstrip(b"\n").rfind(b"\n") + 1]
        return find_dialect(decoded(head))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names of the columns of a text; none if it has none, or is not text."""
        return (self.names or self.dialect.names or ()) if self.dialect else ()

    def fields(self, separator: str) -> list[str]:
        """Return the fields of the first line."""
        return split(self.header or "", separator)

    @cached_property
    def _hdf5_contents(self) -> tuple[frozenset[str], frozenset[str]]:
        return _hdf5.contents(self.path) if self.is_hdf5 else (frozenset(), frozenset())

    @property
    def hdf5_names(self) -> frozenset[str]:
        """What an HDF5 file holds, to the second level; nothing for other files."""
        return self._hdf5_contents[0]

    @property
    def hdf5_attributes(self) -> frozenset[str]:
        """The names of the root attributes of an HDF5 file; nothing for other files."""
        return self._hdf5_contents[1]

    @property
    def is_hdf5(self) -> bool:
        """Whether it has the signature of HDF5, which other bytes may precede (MATLAB's do)."""
        starts = [0, *(512 << k for k in range(7))]
        return any(self.head[start : start + len(_HDF5)] == _HDF5 for start in starts)


def opened(
    path: Path, what: str = "the table itself", names: tuple[str, ...] | None = None
) -> FileStart:
    """Return the beginning of a file.

    Raises `FileError` if there is no such file, or nothing in it.
    """
    if not path.exists():
        raise FileError(f"{path} does not exist; check the name and the folder")
    if not path.is_file():
        raise FileError(f"{path} is not a file; give {what}")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if b"\n" not in head.strip():
                head += file.read(_LONGEST_LINE)
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}); check who may") from error
    if not head:
        raise FileError(f"{path} is empty; export or copy it again")
    return FileStart(path, head, names)


def encoding_of(data: bytes) -> str:
    """Return UTF-8, or else Latin-1, in which anything is text."""
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cut = error.reason == "unexpected end of data"  # of the part that was read
        return "utf-8-sig" if cut else "latin-1"
    return "utf-8-sig"


def decoded(data: bytes) -> str:
    """Return text in UTF-8, or else in Latin-1, with lines that end in one character."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text if "\n" in text else text.replace("\r", "\n")
