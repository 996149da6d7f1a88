"""MATLAB files of version 5: the numbers in a struct, and nothing else.

Written for this, since readers of whole files make arrays as large as a damaged header says.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor.io.limits import LARGEST_RATIO, SMALL, require_room

_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"} | {
    12: "i8",
    13: "u8",
}
_MATRIX, _COMPRESSED = 14, 15
_STRUCT, _CHAR = 2, 4
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"} | {
    14: "i8",
    15: "u8",
}
_COMPLEX, _LOGICAL = 0x800, 0x200
_HEADER = 128
_NAME_WITHIN = 4096  # bytes of a compressed variable that hold its name


@dataclass(frozen=True)
class Matrix:
    """The parts of a variable, or of a field of a struct."""

    kind: int
    flags: int
    shape: tuple[int, ...]
    name: str
    rest: memoryview
    order: str

    def numbers(self) -> npt.NDArray[Any] | None:
        """Return the values of a real array, flat; None for anything else."""
        if self.kind not in _CLASSES or self.flags & _COMPLEX:
            return None
        stored, content, _ = _element(self.rest, 0, self.order)
        if stored not in _STORED:
            raise ValueError(f"an array is stored as type {stored}, which there is not")
        values = np.frombuffer(content, dtype=self.order + _STORED[stored])
        if values.size != int(np.prod(self.shape, dtype=object)):
            raise ValueError(f"an array of shape {self.shape} has {values.size} values")
        return values.astype(bool if self.flags & _LOGICAL else _CLASSES[self.kind])

    def text(self) -> str | None:
        """Return the characters of a row of text; None for anything else."""
        if self.kind != _CHAR:
            return None
        stored, content, _ = _element(self.rest, 0, self.order)
        wide = "utf-16-le" if self.order == "<" else "utf-16-be"
        encoding = {4: wide, 17: wide, 18: "utf-32"}.get(stored, "utf-8")
        return bytes(content).decode(encoding, errors="replace")

    def fields(self) -> dict[str, Matrix]:
        """Return the fields of a struct, of its first element if it has several."""
        if self.kind != _STRUCT:
            return {}
        _, length, at = _element(self.rest, 0, self.order)
        step = int(np.frombuffer(length, dtype=self.order + "i4")[0])
        _, labels, at = _element(self.rest, at, self.order)
        found: dict[str, Matrix] = {}
        for start in range(0, len(labels), step) if step > 0 else ():
            name = bytes(labels[start : start + step]).split(b"\0")[0].decode("ascii", "replace")
            kind, content, at = _element(self.rest, at, self.order)
            if kind != _MATRIX:
                raise ValueError(f"field {name!r} is not an array")
            if len(content):
                found[name] = _matrix(content, self.order)
        return found


def names(path: Path) -> frozenset[str]:
    """Return the names of the variables of a file, as far as it is not damaged."""
    data, found = memoryview(path.read_bytes()), set()
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:128]))
    at = _HEADER
    try:
        while order is not None and at < len(data):
            kind, content, at = _element(data, at, order)
            if kind == _COMPRESSED:
                start = zlib.decompressobj().decompress(content, _NAME_WITHIN)
                kind, content = (
                    int(np.frombuffer(start[:4], order + "u4")[0]),
                    memoryview(start)[8:],
                )
            if kind == _MATRIX:
                found.add(_matrix(content, order).name)
    except (ValueError, zlib.error):
        pass  # reading says what is wrong
    return frozenset(found)


def variable(path: Path, name: str) -> Matrix | None:
    """Return a variable of a file, None if it has none of that name.

    Raises `ValueError` if the file is damaged.
    """
    data = memoryview(path.read_bytes())
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:128]))
    if order is None:
        raise ValueError("the header says neither IM nor MI")
    for found in _variables(data, order, path, name):
        if found.name == name:
            return found
    return None


def _variables(data: memoryview, order: str, path: Path, wanted: str) -> Iterator[Matrix]:
    at = _HEADER
    while at < len(data):
        kind, content, at = _element(data, at, order)
        if kind == _COMPRESSED:
            start = memoryview(zlib.decompressobj().decompress(content, _NAME_WITHIN))
            if wanted.encode() not in bytes(start[:512]):
                continue
            limit = max(SMALL, LARGEST_RATIO * len(data))
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(content, limit + 1)
            require_room(path, len(unpacked))
            if not unpacker.eof:
                raise ValueError("a variable is not complete")
            kind, content, _ = _element(memoryview(unpacked), 0, order)
        if kind == _MATRIX and len(content):
            yield _matrix(content, order)


def _matrix(content: memoryview, order: str) -> Matrix:
    _, flags, at = _element(content, 0, order)
    _, shape, at = _element(content, at, order)
    _, name, at = _element(content, at, order)
    word = int(np.frombuffer(flags, dtype=order + "u4")[0])
    sizes = tuple(int(n) for n in np.frombuffer(shape, dtype=order + "i4"))
    label = bytes(name).decode("ascii", errors="replace")
    return Matrix(word & 0xFF, word & 0xFF00, sizes, label, content[at:], order)


def _element(data: memoryview, at: int, order: str) -> tuple[int, memoryview, int]:
    """Return type, content and end of the element that starts at a byte."""
    if at + 8 > len(data):
        raise ValueError("it ends within a tag")
    first, length = (int(n) for n in np.frombuffer(data[at : at + 8], dtype=order + "u4"))
    if first >> 16:  # a short one, with its content in the tag
        length, kind, start, end = first >> 16, first & 0xFFFF, at + 4, at + 8
        if length > 4:
            raise ValueError("a tag is damaged")
    else:
        kind, start = first, at + 8
        end = start + length
        if kind != _COMPRESSED:
            end += -length % 8
    if start + length > len(data):
        raise ValueError("it ends within an array")
    return kind, data[start : start + length], end
