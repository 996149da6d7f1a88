"""Work on many files: here, in processes, or on a cluster; and how it is stopped."""

from __future__ import annotations

import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
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

_LOOK = 0.2  # seconds between two looks whether the work was interrupted


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
            except KeyboardInterrupt:  # what was being worked on is done, or not to be finished
                pool.shutdown(wait=False, cancel_futures=True)
                for process in set(active_children()) - others:
                    process.terminate()
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def noted_interrupts(held: bool) -> Iterator[Callable[[], bool]]:
    """Note interruptions (Ctrl-C), for the work to ask about; if ``held``, the first is not raised.

    So a file that is done is noted, wherever the interruption comes; and one that is raised where a
    library drops it, as in a callback, ends the work after this file. Only the main thread gets
    interruptions.
    """
    noted = list[int]()

    def note(number: int, frame: Any) -> None:
        noted.append(number)
        if not held or len(noted) > 1:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(noted)
    finally:
        signal.signal(signal.SIGINT, before)


def done_in_turn(
    work: Work,
    executor: Executor | None,
    requests: Sequence[FileCorrection],
    interrupted: Callable[[], bool],
    jobs: int | None,
) -> Iterator[Done]:
    """Yield each request when it is done; ``jobs`` at once, all if it is None.

    Once the work is interrupted, the files that are being worked on are finished, and a
    `KeyboardInterrupt` is raised. Without an executor it ends the work at once.
    """
    states = {str(request.source): state_of(request.source) for request in requests}
    if executor is None:
        for request in requests:
            yield request, states[str(request.source)], work(request)
            if interrupted():
                raise KeyboardInterrupt
        return
    # A pool of processes takes more than it works on, and does not give it back: it gets no more.
    at_once = len(requests) if jobs is None else jobs
    todo, working = deque(requests), dict[Future[Any], FileCorrection]()
    lost, stopped = list[FileCorrection](), False
    while todo or working:
        try:
            with _workers_without_interrupts():
                while todo and len(working) < at_once:
                    future = executor.submit(work, todo[0])
                    working[future] = todo.popleft()
        except BrokenProcessPool:
            lost.extend(todo)
            todo.clear()
        for future in wait(working, _LOOK, FIRST_COMPLETED).done:
            request = working.pop(future)
            try:
                result = future.result()
            except BrokenProcessPool:
                lost.append(request)
                continue
            except Exception as error:  # a worker of a cluster that was lost, too often
                why = f"the worker failed: {short(error)}"
                result = row_of(request, None, 0.0, [], why), []
            yield request, states[str(request.source)], result
        if interrupted() and not stopped:
            stopped = True
            todo.clear()
            working = {one: request for one, request in working.items() if not one.cancel()}
            if working:
                warnings.warn(
                    f"stopping, once {len(working)} files that are being worked on are done; "
                    "Ctrl-C stops at once",
                    SmlmWarning,
                    stacklevel=2,
                )
    if stopped:
        raise KeyboardInterrupt
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


@contextmanager
def _workers_without_interrupts() -> Iterator[None]:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that waits for them.

    Processes that start here inherit what is blocked; so they are not even interrupted while they
    import. Windows cannot block: there `_ignore_interrupts` does it, once they have begun.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
