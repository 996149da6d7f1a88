"""What a file format is, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd

from smlm_accessor.errors import FileError, OptionError
from smlm_accessor.io.source import Source

# A format is a module with a `FORMAT`. A file is taken for the first that recognises it.
_MODULES = (
    "smlm_accessor.io.formats.parquet",
    "smlm_accessor.io.formats.picasso",
    "smlm_accessor.io.formats.decode",
    "smlm_accessor.io.formats.smap",
    "smlm_accessor.io.formats.smlm_zip",
    "smlm_accessor.io.formats.rapidstorm",
    "smlm_accessor.io.formats.elyra",
    "smlm_accessor.io.formats.thunderstorm",
    "smlm_accessor.io.formats.nanoimager",
    "smlm_accessor.io.formats.plain_tsv",
    "smlm_accessor.io.formats.plain_csv",
)


@dataclass(frozen=True)
class Format:
    """A file format.

    Parameters
    ----------
    name : str
        What ``format=`` says.
    title : str
        What people call it.
    recognises : callable
        Whether a file has this format, from what is in it.
    read : callable
        Returns the table of a file.
    write : callable
        Writes a table to a list of temporary names, those of `outputs`.
    suffixes : tuple of str
        Names that end so are written in this format.
    beside : tuple of str
        Ends of the names of further files that are written.
    """

    name: str
    title: str
    recognises: Callable[[Source], bool]
    read: Callable[[Source], pd.DataFrame]
    write: Callable[[pd.DataFrame, Sequence[Path]], None]
    suffixes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def outputs(self, path: Path) -> list[Path]:
        """Return all files that are written for a path."""
        return [path, *(path.with_suffix(suffix) for suffix in self.beside)]


def formats() -> tuple[Format, ...]:
    """Return all formats, in the order in which they are tried."""
    return tuple(import_module(module).FORMAT for module in _MODULES)


def by_name(name: str) -> Format:
    """Return the format of that name.

    Raises
    ------
    OptionError
        If there is none; the message lists those there are.
    """
    for one in formats():
        if one.name == name:
            return one
    known = ", ".join(repr(one.name) for one in formats())
    raise OptionError(f"format={name!r} is not known; use one of {known}")


def for_writing(path: Path) -> Format:
    """Return the format that the name of a file asks for.

    Raises
    ------
    FileError
        If its extension is not known.
    """
    suffix = path.suffix.lower()
    for one in formats():
        if suffix in one.suffixes:
            return one
    known = ", ".join(f"{' or '.join(f.suffixes)} ({f.title})" for f in formats() if f.suffixes)
    raise FileError(
        f"{path} has an extension that is not known here; give a name that ends in {known}"
    )


def recognised(source: Source) -> Format:
    """Return the format of a file, from what is in it.

    Raises
    ------
    FileError
        If it is none of those known.
    """
    for one in formats():
        if one.recognises(source):
            return one
    titles = ", ".join(one.title for one in formats())
    raise FileError(f"{source.path} {_looks_like(source)}; give one of {titles}")


_MAGIC = {
    b"\x1f\x8b": "is packed with gzip: unpack it first",
    b"PK\x03\x04": "is a zip archive without a manifest.json (a spreadsheet? then save it as csv)",
    b"CDF": "is netCDF; if it is drift, read it with smlm_accessor.io.read_drift",
    b"II*\x00": "is a TIFF image",
    b"MM\x00*": "is a TIFF image",
    b"\xff\xfe": "is text in UTF-16: save it in UTF-8",
    b"\xfe\xff": "is text in UTF-16: save it in UTF-8",
    b"MATLAB 5.0": "is a MATLAB file without the variable 'saveloc' of SMAP",
}


def _looks_like(source: Source) -> str:
    if source.is_hdf5:
        inside = ", ".join(sorted(source.hdf5_names)[:8]) or "nothing"
        return (
            f"is HDF5 with {inside}, but has neither 'locs' (Picasso), 'data/xyz' (DECODE) nor "
            "'saveloc' (SMAP); if it is drift, read it with smlm_accessor.io.read_drift"
        )
    looks = (text for magic, text in _MAGIC.items() if source.head.startswith(magic))
    return next(looks, "is not a table in any format known here")
