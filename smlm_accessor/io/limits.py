"""How large a table a file may turn into."""

from __future__ import annotations

from pathlib import Path

from smlm_accessor.errors import FileError

MOST_COLUMNS = 1000
LARGEST_RATIO = 20  # of the table to its file
SMALL = 16 * 2**20  # bytes; a table below may be packed as tightly as it likes


def require_room(path: Path, unpacked: int, n_columns: int = 0) -> None:
    """Raise `FileError` before a small file, or a folder, fills the memory.

    ``unpacked`` are the bytes that the table takes, as the file says.
    """
    if n_columns > MOST_COLUMNS:
        raise FileError(
            f"{path} has {n_columns:,} columns, more than the {MOST_COLUMNS:,} that a table of "
            "localizations may have here; give a file with fewer"
        )
    if unpacked <= SMALL:
        return
    size = sum(f.stat().st_size for f in path.rglob("*")) if path.is_dir() else path.stat().st_size
    if unpacked > LARGEST_RATIO * size:
        raise FileError(
            f"{path} has {size:,} bytes but says that it holds {unpacked:,}; it is damaged, or "
            f"packed more than {LARGEST_RATIO} times: write it again, or unpack it first"
        )
