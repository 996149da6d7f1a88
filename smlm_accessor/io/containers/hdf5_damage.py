"""Damage to HDF5 files on which the HDF5 library itself fills the memory or never returns.

Found by changing bytes of real files at random: a list of free space that runs in a circle, texts
that say that they are gigabytes long, and free space between texts that is no bytes long.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HEAP = b"HEAP\x00\x00\x00\x00"  # signature and version of a local heap
_END_OF_LIST = 1
_HEAP_HEADER = struct.Struct("<QQQ")  # size, first free block, address
_FREE_BLOCK = struct.Struct("<QQ")  # next free block, size
_TEXTS = b"GCOL\x01\x00\x00\x00"  # signature and version of a global heap, which holds texts
_BYTES = struct.Struct("<Q")  # of it all
_OBJECT = struct.Struct("<HHIQ")  # number, 0 for free space; references, nothing, bytes
_ATTRIBUTE = struct.Struct("<BBHHH")  # version, flags, and sizes of name, type and shape
_REFERENCE = struct.Struct("<IQI")  # bytes of a text, and where it is
_TEXT = struct.Struct("<I")  # bytes of a text, before where it is


def damage(path: Path, names: frozenset[str]) -> str | None:
    """Return what is wrong with a file, None if nothing is found; ``names`` are texts in it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if any(not _free_list_ends(data, start) for start in _found(data, _HEAP)):
            return "its list of free space is damaged"
        if any(not _texts_end(data, start) for start in _found(data, _TEXTS)):
            return "what lies between its texts is damaged"
        for name in names:
            lengths = _text_lengths(data, name.encode("utf-8") + b"\x00")
            if any(length > len(data) for length in lengths):
                return f"the text {name!r} is longer than the file"
    return None


def text_attributes(node: Any) -> frozenset[str]:
    """Return the names of the attributes of an HDF5 object that hold text of any length."""
    from h5py import h5t

    found = set()
    for name in node.attrs:
        stored = node.attrs.get_id(name).get_type()
        if stored.get_class() == h5t.STRING and stored.is_variable_str():
            found.add(str(name))
    return frozenset(found)


def long_texts(dataset: Any, path: Path) -> bool:
    """Whether a dataset, in one piece, says of a text that it is longer than the file."""
    start = dataset.id.get_offset()
    if start is None or dataset.size is None:
        return False
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(start)
        stored = file.read(min(int(dataset.size) * _REFERENCE.size, size))
    whole = len(stored) - len(stored) % _REFERENCE.size
    return any(length > size for length, _, _ in _REFERENCE.iter_unpack(stored[:whole]))


def _found(data: mmap.mmap, pattern: bytes) -> Iterator[int]:
    at = data.find(pattern)
    while at >= 0:
        yield at
        at = data.find(pattern, at + 1)


def _free_list_ends(data: mmap.mmap, heap: int) -> bool:
    """Whether the free blocks of a local heap are in it, each once."""
    header = data[heap + len(_HEAP) : heap + len(_HEAP) + _HEAP_HEADER.size]
    if len(header) < _HEAP_HEADER.size:
        return True
    size, block, address = _HEAP_HEADER.unpack(header)
    # Addresses count from where the file of HDF5 starts, after what stands before it.
    starts = [start for start in (0, *(512 << k for k in range(7))) if start < len(data)]
    start = next((s for s in starts if data[s : s + 4] == b"\x89HDF"), 0)
    if start + address + size > len(data):
        return True  # the library notices
    seen = set()
    while block != _END_OF_LIST:
        if block in seen or block + _FREE_BLOCK.size > size:
            return False
        seen.add(block)
        at = start + address + block
        block, _ = _FREE_BLOCK.unpack(data[at : at + _FREE_BLOCK.size])
    return True


def _texts_end(data: mmap.mmap, heap: int) -> bool:
    """Whether a walk from text to text through a global heap gets on."""
    at = heap + len(_TEXTS)
    if at + _BYTES.size > len(data):
        return True
    end = min(heap + _BYTES.unpack_from(data, at)[0], len(data))
    at += _BYTES.size
    while at + _OBJECT.size <= end:
        number, _, _, size = _OBJECT.unpack_from(data, at)
        # Free space is as long as it says, its own header included.
        step = size if number == 0 else _OBJECT.size + -(-size // 8) * 8
        if step == 0:
            return False
        at += step
    return True


def _text_lengths(data: mmap.mmap, name: bytes) -> Iterator[int]:
    """Yield the lengths of the texts of all attributes of a name."""
    for at in _found(data, name):
        for version, before in ((1, 8), (3, 9)):
            if at < before:
                continue
            fields = _ATTRIBUTE.unpack(data[at - before : at - before + _ATTRIBUTE.size])
            if fields[0] != version or fields[2] != len(name):
                continue
            sizes = [-(-n // 8) * 8 for n in fields[2:]] if version == 1 else list(fields[2:])
            first = at + sum(sizes)
            count = _count(data[at + sizes[0] + sizes[1] : first])
            for k in range(min(count, (len(data) - first) // _REFERENCE.size)):
                yield _TEXT.unpack_from(data, first + k * _REFERENCE.size)[0]


def _count(shape: bytes) -> int:
    """Return how many values an attribute has, from the description of its shape."""
    if len(shape) < 2:
        return 1
    start = 8 if shape[0] == 1 else 4  # by the version
    sizes = shape[start : start + 8 * shape[1]]
    return math.prod(int.from_bytes(sizes[k : k + 8], "little") for k in range(0, len(sizes), 8))
