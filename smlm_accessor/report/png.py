"""Arrays as PNG files: images of one byte a pixel with a palette, or of three without."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _PALETTE = 2, 3


def png(image: Bytes, palette: Bytes | None = None) -> bytes:
    """Return a PNG file.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width) or (height, width, 3)
        The first row is at the top. Places in the palette, or red, green and blue.
    palette : ndarray of uint8, shape (256, 3), optional

    References
    ----------
    W3C, Portable Network Graphics (PNG) Specification, second edition (2003).

    Examples
    --------
    >>> png(np.zeros((2, 3, 3), np.uint8))[1:4]
    b'PNG'
    """
    height, width = image.shape[:2]
    kind = _RGB if palette is None else _PALETTE
    rows = np.ascontiguousarray(image).reshape(height, -1)
    if palette is None:
        # Differences to the pixel on the left are smaller numbers ("sub").
        before = np.zeros_like(rows)
        before[:, 3:] = rows[:, :-3]
        rows = rows - before
    filtered = np.column_stack([np.full(height, palette is None, np.uint8), rows])
    chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))]
    if palette is not None:
        chunks.append(_chunk(b"PLTE", palette.tobytes()))
    chunks += [_chunk(b"IDAT", zlib.compress(filtered.tobytes())), _chunk(b"IEND", b"")]
    return b"".join([_SIGNATURE, *chunks])


def _chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def to_bytes(rescaled: npt.NDArray[Any]) -> Bytes:
    """Return brightness from 0 to 1 as whole numbers from 0 to 255."""
    return np.asarray(np.clip(rescaled, 0, 1) * 255 + 0.5).astype(np.uint8)
