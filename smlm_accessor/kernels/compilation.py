"""How loops are compiled: by numba, each at its first call, and once on a computer.

Compiling takes time for every statement and every type, and again for each function that calls
another compiled one. So loops over a few hundred windows are Python, and what is compiled is small:
of one type for each argument, without functions of numpy, each of which is compiled, too.
"""

from __future__ import annotations

import gc
from typing import Any

import numba
from numba.core import event

# Division as in numpy: a check of each divisor is code, too.
_OPTIONS: Any = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
_PART: Any = {**_OPTIONS, "no_cpython_wrapper": True}
_ANY_ORDER: Any = {**_PART, "fastmath": {"reassoc", "contract", "nsz", "arcp"}}

#: Compiles a function that Python calls.
kernel: Any = numba.njit(**_OPTIONS)
#: Compiles a function that only kernels call, which is quicker.
part: Any = numba.njit(**_PART)
#: The same, with sums in any order: then several pairs of localizations go at once.
any_order: Any = numba.njit(**_ANY_ORDER)
#: Puts a function into the one kernel that calls it, which is quicker still.
inlined: Any = numba.njit(**{**_OPTIONS, "inline": "always"})


class _CompileListener(event.Listener):
    """Pauses the collection of garbage while a function is compiled: it would take a seventh."""

    def __init__(self) -> None:
        self._depth = 0
        self._collects = False

    def on_start(self, event: event.Event) -> None:
        if self._depth == 0:
            self._collects = gc.isenabled()
            gc.disable()
        self._depth += 1

    def on_end(self, event: event.Event) -> None:
        self._depth -= 1
        if self._depth == 0 and self._collects:
            gc.enable()


event.register("numba:compile", _CompileListener())  # type: ignore[no-untyped-call]
