"""A thread pool over blocks, and progress bars."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from smlm_accessor.errors import OptionError

T = TypeVar("T")
R = TypeVar("R")


class ProgressBar:
    """A bar of so many steps, shown if asked; a context that closes it.

    Examples
    --------
    >>> with ProgressBar(2, shown=False, description="work") as bar:
    ...     bar.advance()
    """

    def __init__(self, total: int, *, shown: bool, description: str) -> None:
        self._bar: Any = None
        if shown:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, desc=description)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self) -> None:
        """Say that a step is done."""
        if self._bar is not None:
            self._bar.update()


def track(items: Iterable[T], *, total: int, progress: bool, description: str) -> Iterator[T]:
    """Pass the items through, with a progress bar if asked."""
    with ProgressBar(total, shown=progress, description=description) as bar:
        for item in items:
            yield item
            bar.advance()


def map_threads(
    function: Callable[[T], R],
    items: Sequence[T],
    *,
    threads: int | None = None,
    progress: bool = False,
    description: str = "",
) -> list[R]:
    """Apply ``function`` to every item in a thread pool and return the results in order.

    The function should release the GIL. The results do not depend on the number of threads.

    Examples
    --------
    >>> map_threads(abs, [-1, 2, -3], threads=2)
    [1, 2, 3]
    """
    if threads is not None and (not isinstance(threads, int | np.integer) or threads < 1):
        raise OptionError(
            f"threads={threads!r} must be a whole number from 1; leave it out to use all cores"
        )
    workers = min(threads or os.cpu_count() or 1, len(items))
    if workers <= 1:
        results = map(function, items)
        return list(track(results, total=len(items), progress=progress, description=description))
    with ThreadPoolExecutor(workers) as pool:
        in_order = pool.map(function, items)
        return list(track(in_order, total=len(items), progress=progress, description=description))
