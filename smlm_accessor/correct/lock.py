"""One run at a time in a folder of results."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from smlm_accessor.errors import FileError

NAME = ".smlm_running"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder.

    The operating system holds the lock, and lets go of it when the process ends, however it does:
    there are no locks of processes that are gone. Where a file system knows no locks, there is
    none. The file stays, since taking it away would let two others in at once.

    Raises `FileError` if another run is in the folder; it says which.
    """
    path = folder / NAME
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise FileError(
            f"cannot write {path}: {error.strerror or error}; choose a folder that you may write to"
        ) from error
    with file:
        if not _locked(file):
            file.seek(0)
            raise FileError(
                f"another run, {file.read(200).strip() or 'just begun'}, is writing into {folder}; "
                "wait until it is done, or choose another folder"
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        yield


def _locked(file: IO[str]) -> bool:
    """Lock a file; False if another process has. It is unlocked when it is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**20)  # beyond what is read and written, which is locked, too
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # no locks on this file system
        return True
    return True
