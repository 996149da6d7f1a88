"""Compute what is delayed, here or on a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dask.delayed import Delayed

from smlm_accessor.errors import OptionError


def compute(value: Any, *, progress: bool = False) -> Any:
    """Compute what is delayed, here or on the cluster this process is a client of."""
    if not isinstance(value, Delayed):
        return value
    if not progress:
        return value.compute()
    if "distributed" in sys.modules:
        from distributed import default_client
        from distributed import progress as show

        try:
            future = default_client().compute(value)
        except ValueError:  # there is no cluster
            pass
        else:
            show(future, notebook=False)
            return future.result()
    from dask.diagnostics.progress import ProgressBar

    with ProgressBar(out=sys.stderr):
        return value.compute()


@contextmanager
def cluster_at(address: str) -> Iterator[Any]:
    """Compute on the cluster of a scheduler for a while; an `OptionError` if there is none."""
    try:
        from distributed import Client
    except ImportError:
        raise OptionError(
            'a scheduler needs dask.distributed: pip install "distributed>=2025.7"'
        ) from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise OptionError(
            f"there is no dask scheduler at {address} ({error}); start one with: dask scheduler"
        ) from None
    with client:
        yield client
