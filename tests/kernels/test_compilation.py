"""Compilation is said once, where somebody waits, and garbage is not collected meanwhile."""

from __future__ import annotations

import builtins
import gc
import io
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from smlm_accessor.kernels.compilation import MESSAGE, CompileListener, constant


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def compiled(seconds: list[float], *, nested: bool = False) -> CompileListener:
    """A listener to functions that take so long, one after the other."""
    times: Iterator[float] = iter(np.cumsum([t for s in seconds for t in (1.0, s)]).tolist())
    listener = CompileListener(clock=lambda: next(times))
    for _ in seconds:
        for change in ("start", "start", "end", "end") if nested else ("start", "end"):
            getattr(listener, f"on_{change}")(None)
    return listener


@pytest.mark.parametrize(
    ("seconds", "times"), [([0.5, 0.4, 0.3], 0), ([0.8, 0.3, 0.1], 1), ([2.0, 2.0, 2.0], 1)]
)
@pytest.mark.parametrize("nested", [False, True])
def test_it_is_said_once_after_a_second(
    seconds: list[float], times: int, nested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    compiled(seconds, nested=nested)
    assert terminal.getvalue().count(MESSAGE) == times


def test_it_is_said_in_a_notebook_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled([2.0, 2.0])
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    compiled([2.0, 2.0])
    assert capsys.readouterr() == ("", f"{MESSAGE}\n")


def test_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "smlm_accessor"):
        compiled([2.0, 2.0])
    assert caplog.messages == [MESSAGE]


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_again_afterwards(collects: bool) -> None:
    listener, before = CompileListener(), gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        listener.on_start(None)
        listener.on_start(None)
        listener.on_end(None)
        assert not gc.isenabled()
        listener.on_end(None)
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()


def test_arrays_of_any_layout_have_one_type() -> None:
    """Else loops would be compiled for each of them."""
    given: list[Any] = [np.ones((4, 2)), np.ones((2, 4)).T, np.ones((8, 2))[::2], np.ones((4, 2))]
    given[3].flags.writeable = False
    found = [constant(array) for array in given]
    assert all(a.flags.c_contiguous and not a.flags.writeable for a in found)
    assert given[0].flags.writeable
    assert np.shares_memory(given[0], found[0])
