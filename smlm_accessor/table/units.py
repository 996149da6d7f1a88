"""Units of length: one spelling each, and the factor from one to another."""

from __future__ import annotations

from smlm_accessor.errors import OptionError

_NM_PER_UNIT = {"pm": 1e-3, "angstrom": 0.1, "nm": 1.0, "um": 1e3, "mm": 1e6, "m": 1e9}
_SPELLINGS = {
    "px": "pixel",
    "pix": "pixel",
    "pixels": "pixel",
    "a": "angstrom",
    "\u212b": "angstrom",  # the angstrom sign and the letter it stands for
    "\u00e5": "angstrom",
    "\u00b5m": "um",  # micro sign
    "\u03bcm": "um",  # Greek mu
    "micron": "um",
    "microns": "um",
    "micrometer": "um",
    "micrometers": "um",
    "nanometer": "nm",
    "nanometers": "nm",
    "meter": "m",
    "meters": "m",
}


def normal_unit(unit: str) -> str:
    """Return the one spelling of a length unit that this package uses.

    Raises
    ------
    OptionError
        If the unit is not one of length.

    Examples
    --------
    >>> normal_unit("px")
    'pixel'
    """
    lower = unit.strip().lower()
    normal = _SPELLINGS.get(lower, lower)
    if normal != "pixel" and normal not in _NM_PER_UNIT:
        known = ", ".join([*_NM_PER_UNIT, "pixel"])
        raise OptionError(f"unit {unit!r} is not a length unit known here; use one of {known}")
    return normal


def unit_factor(unit: str | None, to: str | None, pixel_size: float | None = None) -> float | None:
    """Return the factor from ``unit`` to ``to``; None if it cannot be known."""
    if unit == to:
        return 1.0
    in_nm = [pixel_size if u == "pixel" else _NM_PER_UNIT.get(u or "") for u in (unit, to)]
    if in_nm[0] is None or in_nm[1] is None:
        return None
    return in_nm[0] / in_nm[1]
