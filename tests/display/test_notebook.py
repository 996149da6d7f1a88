"""Datasets in a running IPython; the kernels of tests/test_notebooks.py show the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import xarray as xr
from IPython.core.formatters import DisplayFormatter

import smlm_accessor
from smlm_accessor.display import notebook

MakeDrift = Callable[..., xr.Dataset]
ROOT = Path(__file__).parents[2]


class Shell:
    """Of IPython, what shows html."""

    def __init__(self) -> None:
        self.display_formatter = DisplayFormatter()

    def html(self, shown: Any) -> str:
        data, _ = self.display_formatter.format(shown)
        return str(data["text/html"])


def run(code: str) -> str:
    """What a new Python prints, with a profile of IPython of its own: others write to the usual."""
    with TemporaryDirectory() as profile:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=ROOT,
            env={**os.environ, "IPYTHONDIR": profile},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_drift_is_shown_by_its_trace_and_others_as_before(make_drift: MakeDrift) -> None:
    shell, other = Shell(), xr.Dataset({"a": ("t", [1, 2])})
    assert "Drift by overlap" not in shell.html(make_drift())
    assert notebook.register(shell)
    page, _, below = shell.html(make_drift()).partition("<details>")
    assert "Drift by overlap" in page
    assert "xr-wrap" in below
    assert shell.html(other).count("Drift") == 0
    assert "xr-wrap" in shell.html(other)


def test_to_register_twice_is_to_register_once(make_drift: MakeDrift) -> None:
    shell = Shell()
    assert notebook.register(shell)
    assert notebook.register(shell)
    assert shell.html(make_drift()).count("Drift by overlap") == 1


def test_a_formatter_that_was_there_keeps_other_datasets(make_drift: MakeDrift) -> None:
    shell, other = Shell(), xr.Dataset({"a": ("t", [1, 2])})
    shell.display_formatter.formatters["text/html"].for_type(xr.Dataset, lambda _: "theirs")
    assert notebook.register(shell)
    assert shell.html(other) == "theirs"
    assert "Drift by overlap" in shell.html(make_drift())


def test_a_shell_that_is_not_one_does_no_harm() -> None:
    assert not notebook.register(object())


def test_load_ext_does_what_the_import_does(make_drift: MakeDrift) -> None:
    shell = Shell()
    smlm_accessor.load_ipython_extension(shell)
    assert "Drift by overlap" in shell.html(make_drift())


def test_without_ipython_it_is_not_imported() -> None:
    code = "import smlm_accessor, sys; print('IPython' in sys.modules)"
    assert run(code) == "False"


def test_ipython_that_does_not_run_does_no_harm() -> None:
    code = """
import IPython, smlm_accessor
from smlm_accessor.display import notebook
print(notebook.register())
"""
    assert run(code) == "False"


def test_the_import_registers_in_a_running_ipython() -> None:
    code = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import smlm_accessor
from smlm_accessor.drift import build
drift = build(offset=[[0, 0]], components="xy", frame=[0], frame_start=[0], frame_stop=[1])
data, _ = shell.display_formatter.format(drift)
print("frames 0 to 0" in data["text/html"], "xr-wrap" in data["text/html"])
"""
    assert run(code) == "True True"
