"""Work on many files: here, in processes, or on a cluster; and how it is stopped."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import Any

from smlm_accessor.backends import cluster
from smlm_accessor.correct.done import Row, state_of
from smlm_accessor.correct.request import FileCorrection
from smlm_accessor.correct.summary import row_of
from smlm_accessor.errors import SmlmWarning
from smlm_accessor.io.arguments import short

Work = Callable[[FileCorrection], tuple[Row, list[str]]]
# A request, its file before, and its row and what was written.
Done = tuple[FileCorrection, Any, tuple[Row, list[str]]]


@contextmanager
def executor_of(jobs: int, scheduler: str | None, n_files: int) -> Iterator[Executor | None]:
    """Give what runs the work; None for this process."""
    with cluster(scheduler) as client:
        if client is not None:
            yield client.get_executor(pure=False)
        elif jobs == 1 or n_files < 2:
            yield None
        else:
            others = set(active_children())
            pool = _processes(min(jobs, n_files))
            try:
                yield pool
            except KeyboardInterrupt:  # files that were being worked on are done, or not to be
                pool.shutdown(wait=False, cancel_futures=True)
                for process in set(active_children()) - others:
                    process.terminate()
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def done_in_turn(
    work: Work, executor: Executor | None, requests: Sequence[FileCorrection]
) -> Iterator[Done]:
    """Yield each request when it is done.

    An interruption (Ctrl-C) ends the work in this process at once. Processes are waited for, until
    the files are done that they are working on, or a second interruption.
    """
    states = {str(request.source): state_of(request.source) for request in requests}
    if executor is None:
        for request in requests:
            yield request, states[str(request.source)], work(request)
        return
    waiting = {executor.submit(work, request): request for request in requests}
    lost, given = list[FileCorrection](), set[Future[Any]]()

    def done(futures: Sequence[Future[Any]]) -> Iterator[Done]:
        for future in as_completed(futures):
            request = waiting[future]
            given.add(future)
            try:
                result = future.result()
            except BrokenProcessPool:
                lost.append(request)
                continue
            except Exception as error:  # a worker of a cluster that was lost, too often
                why = f"the worker failed: {short(error)}"
                result = row_of(request, None, 0.0, [], why), []
            yield request, states[str(request.source)], result

    try:
        yield from done(list(waiting))
    except KeyboardInterrupt:
        running = [one for one in waiting if one not in given and not one.cancel()]
        if running:
            warnings.warn(
                f"stopping, once {len(running)} files that are being worked on are done; "
                "Ctrl-C stops at once",
                SmlmWarning,
                stacklevel=2,
            )
            yield from done(running)
        raise
    for request in lost:  # one of them has ended the process; which one, shows alone
        with _processes(1) as alone:
            try:
                result = alone.submit(work, request).result()
            except BrokenProcessPool:
                why = "the process ended in the middle of it: is there enough memory?"
                result = row_of(request, None, 0.0, [], why), []
        yield request, states[str(request.source)], result


def _processes(n: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=_ignore_interrupts)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that waits for them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
