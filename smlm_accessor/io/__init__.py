"""Tables of localizations and drifts in files: one file here for each format.

A new format is one file with a `FORMAT`, named in `registry`.
"""

from smlm_accessor.io.drift import read_drift, write_drift
from smlm_accessor.io.registry import all_formats
from smlm_accessor.io.tables import read, write

__all__ = ["format_names", "read", "read_drift", "write", "write_drift"]


def format_names(*, written: bool = False) -> tuple[str, ...]:
    """Return what ``format=`` may be.

    Parameters
    ----------
    written : bool
        Only the formats that any table can be written in.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> "picasso" in format_names()
    True
    """
    return tuple(
        one.name
        for one in all_formats()
        if not written or (one.write is not None and not one.only_own)
    )
