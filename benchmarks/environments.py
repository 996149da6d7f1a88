"""A virtual environment for each tool, made once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from peers import Tool

TOOLS = Path(__file__).with_name("tools")
INSTALLED = "installed.txt"  # in the environment: what it was made for


class NotAvailableError(Exception):
    """A tool that cannot be used here, and why."""


def user_cache() -> Path:
    """Return where environments are kept if not told otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "smlm_accessor_benchmarks"


def interpreter(name: str, tool: Tool, folder: Path) -> Path:
    """Return an interpreter that can run the tool; make its environment if it is not there.

    Raises
    ------
    NotAvailableError
        If it cannot be installed or imported.
    """
    if not tool.requirements:
        return Path(sys.executable)
    environment = folder / name
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = "\n".join(tool.requirements)
    marker = environment / INSTALLED
    if not marker.exists() or marker.read_text().strip() != wanted:
        _run(sys.executable, "-m", "venv", environment)
        _run(python, "-m", "pip", "install", "--quiet", *tool.requirements)
        marker.write_text(wanted + "\n")
    _run(python, "-c", f"import sys; sys.path.insert(0, {str(TOOLS)!r}); import {tool.runner}")
    return python


def _run(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise NotAvailableError(lines[-1].strip())
