"""Threads over blocks, and progress bars."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from smlm_accessor.errors import OptionError
from smlm_accessor.kernels.by_column import AT_ONCE

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
    """Apply ``function`` to every item in threads and return the results in order.

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
    work = _Work(function, items)
    # The caller works, too: to start a pool and wait for it takes as long as a small table.
    others = [threading.Thread(target=work.go_on, daemon=True) for _ in range(workers - 1)]
    with ProgressBar(len(items), shown=progress, description=description) as bar:
        for other in others:
            other.start()
        try:
            work.go_on(bar.advance)
            for other in others:
                other.join()
        except BaseException as error:  # an interruption between items
            work.give_up(error)
            raise
        work.tell(bar.advance)
    return work.results()


def at_once(stages: Sequence[Callable[[], Any]], *, threads: int | None = None) -> list[Any]:
    """Return what stages find that do not need each other, in threads; the longest is the first.

    Examples
    --------
    >>> at_once([list, dict])
    [[], {}]
    """
    return map_threads(lambda stage: stage(), stages, threads=threads)


def fill_rows(
    function: Callable[[slice], npt.NDArray[Any]],
    out: npt.NDArray[Any],
    *,
    threads: int | None = None,
) -> None:
    """Write ``function(rows)`` into ``out[rows]``, range by range, in threads.

    A range fits into the cache of a core, so what is made on the way costs little.

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> fill_rows(lambda rows: 2 * x[rows], x)
    >>> x
    array([0., 2., 4., 6., 8.])
    """

    def fill(start: int) -> None:
        rows = slice(start, min(start + AT_ONCE, len(out)))
        out[rows] = function(rows)

    map_threads(fill, range(0, len(out), AT_ONCE), threads=threads)


class _Work(Generic[T, R]):
    """Items that several threads take one after the other, and what comes of them."""

    def __init__(self, function: Callable[[T], R], items: Sequence[T]) -> None:
        self._function, self._items, self._next = function, items, iter(range(len(items)))
        self._lock = threading.Lock()
        self._found: dict[int, R] = {}
        self._failed: dict[int, BaseException] = {}
        self._told = 0

    def results(self) -> list[R]:
        """Return what came of each item, in order, or raise the error of the first that failed."""
        if self._failed:
            raise self._failed[min(self._failed)]
        return [self._found[i] for i in range(len(self._items))]

    def go_on(self, tell: Callable[[], None] | None = None) -> None:
        """Take items until there is none, or one has failed; ``tell`` of each that is done."""
        while not self._failed:
            with self._lock:
                i = next(self._next, None)
            if i is None:
                return
            try:
                self._found[i] = self._function(self._items[i])
            except BaseException as error:  # an interruption, too, which the caller raises
                self._failed[i] = error
            if tell is not None:
                self.tell(tell)

    def give_up(self, error: BaseException) -> None:
        """Let no thread take another item."""
        self._failed[len(self._items)] = error

    def tell(self, tell: Callable[[], None]) -> None:
        """Tell of the items that were done since."""
        for _ in range(len(self._found) - self._told):
            tell()
            self._told += 1
