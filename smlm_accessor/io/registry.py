"""What a file format is, and which there are: those of this package, and those others bring."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pandas as pd

from smlm_accessor.errors import FileError, OptionError, SmlmWarning
from smlm_accessor.io.file_start import FileStart

# A format is a module of `io.formats` with a `FORMAT`; they are tried in this order.
_OF_PROGRAMS = (
    "parquet",
    "picasso",
    "picasso_0",
    "decode",
    "minflux_mat",
    "smap",
    "smlm_zip",
    "minflux_npy",
    "minflux_json",
    "minflux_zarr",
    "minflux_beads",
    "pmx",
    "storm_analysis",
    "insight3",
    "rapidstorm",
    "elyra",
    "thunderstorm",
    "gdsc_smlm",
    "nstorm",
    "quickpalm",
    "dom_utrecht",
    "nanoimager",
    "leica_gsd",
    "pyme",
    "decode_csv",
    "smap_csv",
    "smlm_challenge",
    "vutara",
    "micromanager",
    "palm_tracer",
    "trackmate",
    "chimerax",
    "pyminflux_csv",
)
_OF_ANY_COLUMNS = ("plain_tsv", "plain_csv")
#: Other packages name their formats, objects of the class `Format`, in this group of entry points.
ENTRY_POINTS = "smlm_accessor.formats"
ORIGIN = "smlm_format"  # in attrs: the format of the file that was read, where that decides


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
    write : callable, optional
        Writes a table to a list of temporary names, those of `outputs`; without it the format is
        only read.
    suffixes : tuple of str
        Names that end so are written in this format.
    beside : tuple of str
        Ends of the names of further files that are written.
    instead_of : str
        The format whose suffixes it takes for tables that were read in this one (their ``attrs``
        say so under ``ORIGIN``).
    only_own : bool
        Whether only such tables are written.

    Examples
    --------
    >>> by_name("thunderstorm").title
    'ThunderSTORM csv'
    """

    name: str
    title: str
    recognises: Callable[[FileStart], bool]
    read: Callable[[FileStart], pd.DataFrame]
    write: Callable[[pd.DataFrame, Sequence[Path]], None] | None = None
    suffixes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    instead_of: str = ""
    only_own: bool = False

    def outputs(self, path: Path) -> list[Path]:
        """Return all files that are written for a path."""
        return [path, *(path.with_suffix(suffix) for suffix in self.beside)]


def all_formats() -> tuple[Format, ...]:
    """Return all formats, in the order in which they are tried; general text comes last."""
    programs, general = (
        [import_module(f"smlm_accessor.io.formats.{module}").FORMAT for module in modules]
        for modules in (_OF_PROGRAMS, _OF_ANY_COLUMNS)
    )
    taken = {one.name for one in (*programs, *general)}
    return (*programs, *(one for one in _brought() if one.name not in taken), *general)


@cache
def _brought() -> tuple[Format, ...]:
    """Return the formats of other packages; warn of those that cannot be used."""
    found = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            one = point.load()
        except Exception as error:  # whatever an import may raise; other files are still read
            one = error
        if isinstance(one, Format):
            found.append(one)
        else:
            warnings.warn(
                f"the file format {point.name!r} is left out: {point.value} gives {one!r}, not a "
                "smlm_accessor.io.registry.Format",
                SmlmWarning,
                stacklevel=2,
            )
    return tuple(found)


def of_folders() -> tuple[Format, ...]:
    """Return the formats that are a folder, not a file."""
    return tuple(by_name(name) for name in ("minflux-zarr", "minflux-beads"))


def by_name(name: str) -> Format:
    """Return the format of that name.

    Raises `OptionError` if there is none; the message lists those there are.
    """
    for one in all_formats():
        if one.name == name:
            return one
    known = ", ".join(repr(one.name) for one in all_formats())
    raise OptionError(f"format={name!r} is not known; use one of {known}")


def for_writing(path: Path, attrs: Mapping[Any, Any] | None = None) -> Format:
    """Return the format that the name of a file asks for, for a table with these ``attrs``.

    Raises `FileError` if its extension is not known.
    """
    suffix = path.suffix.lower()
    for one in all_formats():
        if suffix in one.suffixes:
            origin = (attrs or {}).get(ORIGIN)
            kin = (o for o in all_formats() if o.name == origin and o.instead_of == one.name)
            return next(kin, one)
    known = ", ".join(f"{' or '.join(f.suffixes)} ({f.title})" for f in all_formats() if f.suffixes)
    raise FileError(
        f"{path} has an extension that is not known here; give a name that ends in {known}"
    )
