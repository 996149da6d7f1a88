"""How loops are compiled: by numba, each at its first call, and once on a computer.

Compiling takes time for every statement and every type, and again for each function that calls
another compiled one. So loops over a few hundred windows are Python, and what is compiled is small:
of one type for each argument, without functions of numpy, each of which is compiled, too.
"""

from __future__ import annotations

import builtins
import gc
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import event

# Division as in numpy: a check of each divisor is code, too.
_OPTIONS: Any = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# Versions of numba that the quick compiler was tried with: it needs what is not public in them.
_TRIED = (0, 61), (0, 68)
_PATIENCE = 1.0  # seconds of compiling, after which a user is told what is going on
MESSAGE = (
    "smlm_accessor: compiling loops, once on this computer (`smlm warm-up` does it beforehand)"
)

#: What `kernel` and `allocating` have made.
KERNELS: list[Any] = []


def part(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call, which is quicker; Python would crash by it."""
    return _compiled(function, no_cpython_wrapper=True)


def any_order(function: Callable[..., Any]) -> Any:
    """Compile the same, with sums in any order: then several pairs of localizations go at once."""
    return _compiled(
        function, no_cpython_wrapper=True, fastmath={"reassoc", "contract", "nsz", "arcp"}
    )


def inlined(function: Callable[..., Any]) -> Any:
    """Put a function into the one kernel that calls it, which is quicker still."""
    return _compiled(function, inline="always")


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, and that makes no arrays."""
    KERNELS.append(_compiled(function))
    return KERNELS[-1]


def allocating(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, and that makes arrays."""
    KERNELS.append(_compiled(function, allocates=True))
    return KERNELS[-1]


def is_tried(version: str) -> bool:
    """Tell whether the quick compiler was tried with this version of numba.

    Examples
    --------
    >>> is_tried("0.61.2"), is_tried("1.0.0"), is_tried("0.60.0")
    (True, False, False)
    """
    return _TRIED[0] <= tuple(int(part) for part in version.split(".")[:2]) <= _TRIED[1]


def _compiled(function: Callable[..., Any], *, allocates: bool = False, **options: Any) -> Any:
    options = {**_OPTIONS, **options}
    if not is_tried(numba.__version__):
        return numba.njit(**options)(function)
    from smlm_accessor.kernels.compiler import QuickCache, QuickCompiler

    # Arrays belong to the caller: those that a function allocates, and parts of them, would be
    # counted, in code that is compiled.
    options |= {"_nrt": allocates, "pipeline_class": QuickCompiler}
    found = numba.njit(**options)(function)
    found._cache = QuickCache(function, options)
    return found


def constant(array: np.ndarray[Any, Any]) -> Any:
    """Return an array in C order that cannot be written: of one type, whatever it was before."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


class CompileListener(event.Listener):
    """Says once that loops are compiled, where somebody waits for it, and makes it quicker.

    The collection of garbage is paused meanwhile: it would take a seventh of the time.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.said = False
        self._clock, self._depth, self._spent, self._began = clock, 0, 0.0, 0.0
        self._collects = False

    def on_start(self, event: Any) -> None:
        """Note that a function is compiled, perhaps for another one."""
        if self._depth == 0:
            self._collects = gc.isenabled()
            gc.disable()
            self._began = self._clock()
            if not self.said and self._spent > _PATIENCE:
                self.said = True
                _say()
        self._depth += 1

    def on_end(self, event: Any) -> None:
        """Note that it is."""
        self._depth -= 1
        if self._depth == 0:
            self._spent += self._clock() - self._began
            if self._collects:
                gc.enable()


def _say() -> None:
    """Write the message to the log, and to where a person looks: a terminal or a notebook."""
    logging.getLogger("smlm_accessor").info(MESSAGE)
    if sys.stderr is None or not (sys.stderr.isatty() or hasattr(builtins, "__IPYTHON__")):
        return
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        print(MESSAGE, file=sys.stderr, flush=True)
    else:  # which may show a bar
        tqdm.tqdm.write(MESSAGE, file=sys.stderr)


#: Listens to all that is compiled.
LISTENER = CompileListener()
event.register("numba:compile", LISTENER)  # type: ignore[no-untyped-call]
