"""Which format a file has: the first of `registry.all_formats` that recognises its beginning."""

from __future__ import annotations

import re

from smlm_accessor.errors import FileError
from smlm_accessor.io.file_start import FileStart, decoded
from smlm_accessor.io.registry import Format, all_formats


def recognised(start: FileStart) -> Format:
    """Return the format of a file, from what is in it.

    Raises `FileError` if it is none of those known.
    """
    if _is_yaml(start):
        tables = [p.name for p in sorted(start.path.parent.glob(f"{start.path.stem}.h*5"))]
        raise FileError(
            f"{start.path} is yaml, which describes a movie and holds no table; give the file "
            f"beside it, {tables[0] if tables else 'which is .hdf5 in Picasso'}"
        )
    for one in all_formats():
        if one.recognises(start):
            return one
    raise FileError(
        f"{start.path} {_looks_like(start)}; give a table of localizations, as Picasso, "
        "ThunderSTORM, DECODE, SMAP, MINFLUX and some thirty more programs write it "
        "(docs/formats.md), or csv"
    )


_YAML_LINE = re.compile(r"(- )?[A-Za-z][^,;:]*:( .*)?")


def _is_yaml(start: FileStart) -> bool:
    """Whether the first lines are names with values after a colon."""
    if start.header is None:
        return False
    lines = [line.strip() for line in decoded(start.head[:2000]).splitlines()]
    first = [line for line in lines if line and line != "---"][:3]
    return len(first) > 1 and all(map(_YAML_LINE.fullmatch, first))


_MAGIC = {
    b"\x1f\x8b": "is packed with gzip: unpack it first",
    b"PK\x03\x04": "is a zip archive without a manifest.json (a spreadsheet? then save it as csv)",
    b"CDF": "is netCDF; if it is drift, read it with smlm_accessor.io.read_drift",
    b"II*\x00": "is a TIFF image (docs/image_stacks.md tells how to use images)",
    b"MM\x00*": "is a TIFF image (docs/image_stacks.md tells how to use images)",
    b"\xff\xfe": "is text in UTF-16: save it in UTF-8",
    b"\xfe\xff": "is text in UTF-16: save it in UTF-8",
    b"MATLAB 5.0": "is a MATLAB file without the variable 'saveloc' of SMAP",
}


def _looks_like(start: FileStart) -> str:
    if start.is_hdf5:
        inside = ", ".join(sorted(start.hdf5_names)[:8]) or "nothing"
        return (
            f"is HDF5 with {inside}, but has neither 'locs' (Picasso), 'data/xyz' (DECODE) nor "
            "'saveloc' (SMAP); if it is drift, read it with smlm_accessor.io.read_drift"
        )
    looks = (text for magic, text in _MAGIC.items() if start.head.startswith(magic))
    return next(looks, "is not a table in any format known here")
