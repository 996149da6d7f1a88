"""What users give, and what they are told."""

from __future__ import annotations

import os
from pathlib import Path

from smlm_accessor.errors import OptionError

AnyPath = str | os.PathLike[str]
_LONGEST = 200  # letters of what another library says


def as_path(path: AnyPath) -> Path:
    """Return a path. Raises `OptionError` if it is not the name of a file."""
    try:
        return Path(path)
    except TypeError:
        several = isinstance(path, list | tuple)
        remedy = "; read each, then smlm_accessor.join_movies([table, table])" if several else ""
        raise OptionError(
            f"path= must be the name of one file, not a {type(path).__name__}{remedy}"
        ) from None


def short(error: Exception) -> str:
    r"""Return the message of an error of another library on one line, not too long.

    Examples
    --------
    >>> short(ValueError("first line\n  second line"))
    'first line second line'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
