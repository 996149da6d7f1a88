"""MINFLUX `.json` of Imspector from m2410 on: a list with a mapping for each iteration."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers.minflux import of_iterations
from smlm_accessor.io.file_start import FileStart, decoded
from smlm_accessor.io.registry import Format


def _recognises(start: FileStart) -> bool:
    beginning = start.head[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    return beginning[:1] in (b"[", b"{") and b'"tid"' in beginning and b'"itr"' in beginning


def _read(start: FileStart) -> pd.DataFrame:
    entries = json.loads(decoded(start.path.read_bytes()))
    if isinstance(entries, list):
        if not entries or not all(isinstance(entry, dict) for entry in entries):
            raise FileError(f"{start.path} is not a list of iterations; export it again")
        entries = {name: [entry[name] for entry in entries] for name in entries[0]}
    return of_iterations({name: np.asarray(values) for name, values in entries.items()})


FORMAT = Format("minflux-json", "MINFLUX json", _recognises, _read)
