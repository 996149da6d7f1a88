"""MINFLUX `.npy` of Imspector, a structured array."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smlm_accessor.io.containers.minflux import of_structured
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.registry import Format

_MAGIC = b"\x93NUMPY"


def _recognises(start: FileStart) -> bool:
    return start.head.startswith(_MAGIC) and b"'tid'" in start.head[:8192]


def _read(start: FileStart) -> pd.DataFrame:
    # Mapped into memory, so that a damaged header cannot ask for more than there is.
    values = np.load(start.path, mmap_mode="r", allow_pickle=False)
    require_room(start.path, values.nbytes, len(values.dtype.names or ()))
    return of_structured(np.ravel(values))


FORMAT = Format("minflux-npy", "MINFLUX npy", _recognises, _read)
