"""Settings for all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")  # before matplotlib is first imported
# Two processes share the processors: threads of linear algebra would wait for each other, which
# takes a third of the time. Processes that are started, those of pytest-xdist too, inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No deadline: the first call of a compiled kernel compiles it.
settings.register_profile("local", deadline=None)
# In CI the same examples each time: a failure there is a failure here.
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

KERNELS = Path(__file__).parents[1] / "smlm_accessor" / "kernels"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # before workers of pytest-xdist start
        remove_stale_caches(KERNELS)


def remove_stale_caches(kernels: Path) -> None:
    """Remove numba's caches if any file of compiled functions has changed since the last session.

    Numba notices a change in the file of a function, but not in files of functions that it calls.
    """
    sources = ((path, path.read_bytes()) for path in sorted(kernels.rglob("*.py")))
    compiled = [
        f"{path} {sha256(text).hexdigest()}"
        for path, text in sources
        if b"numba" in text or b"compilation" in text
    ]
    digest = sha256("\n".join(compiled).encode()).hexdigest()
    record = kernels / "__pycache__" / "sources.sha256"
    with suppress(OSError):  # a checkout that cannot be written has no caches either
        if record.exists() and record.read_text() == digest:
            return
        for cache in kernels.rglob("*.nb[ic]"):
            cache.unlink(missing_ok=True)
        record.parent.mkdir(exist_ok=True)
        record.write_text(digest)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
