"""Caches of compiled functions that no longer fit their sources are removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import remove_stale_caches

CALLEE = "import numba\n@numba.njit(inline='never')\ndef callee():\n    return {}\n"
CALLER = """
import sys
import numba
sys.path.insert(0, "{folder}")
from callee import callee

@numba.njit(cache=True)
def caller():
    return callee()
"""


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    """Two files of compiled functions, one that is not, and a cache of one of them."""
    (tmp_path / "pairs" / "__pycache__").mkdir(parents=True)
    (tmp_path / "pairs" / "loops.py").write_text("import numba")
    (tmp_path / "helper.py").write_text("import numba")
    (tmp_path / "plain.py").write_text("import numpy")
    remove_stale_caches(tmp_path)
    for name in ("index.py311.nbi", "data.1.py311.nbc", "loops.cpython-311.pyc"):
        (tmp_path / "pairs" / "__pycache__" / name).touch()
    return tmp_path


def left(kernels: Path) -> list[str]:
    return sorted(path.suffix for path in (kernels / "pairs" / "__pycache__").iterdir())


@pytest.mark.parametrize("text", ["import numpy, scipy", None])
def test_caches_stay_while_compiled_functions_do(kernels: Path, text: str | None) -> None:
    if text:
        (kernels / "plain.py").write_text(text)
    os.utime(kernels / "helper.py", (0, 0))
    remove_stale_caches(kernels)
    assert left(kernels) == [".nbc", ".nbi", ".pyc"]


def test_all_caches_go_when_any_compiled_function_changes(kernels: Path) -> None:
    (kernels / "helper.py").write_text("import numba  # changed")
    remove_stale_caches(kernels)
    assert left(kernels) == [".pyc"]


def test_all_caches_go_when_it_is_not_known_what_they_were_made_of(kernels: Path) -> None:
    (kernels / "__pycache__" / "sources.sha256").unlink()
    remove_stale_caches(kernels)
    assert left(kernels) == [".pyc"]


def test_a_folder_that_cannot_be_written_is_left_alone(
    kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError

    (kernels / "helper.py").write_text("import numba  # changed")
    for name in ("unlink", "mkdir", "write_text"):
        monkeypatch.setattr(Path, name, refuse)
    remove_stale_caches(kernels)
    assert left(kernels) == [".nbc", ".nbi", ".pyc"]
    monkeypatch.undo()
    remove_stale_caches(kernels)  # not taken for done
    assert left(kernels) == [".pyc"]


def test_a_changed_callee_in_another_file_is_compiled_anew(tmp_path: Path) -> None:
    """What the guard is for: numba alone would return what the callee returned before."""
    (tmp_path / "caller.py").write_text(CALLER.format(folder=tmp_path))
    found = []
    for value, guard in ((1, True), (2, False), (2, True)):
        (tmp_path / "callee.py").write_text(CALLEE.format(value))
        if guard:
            remove_stale_caches(tmp_path)
        code = "import caller; print(caller.caller())"
        changes = {"NUMBA_CACHE_DIR": "", "PYTHONDONTWRITEBYTECODE": "1"}
        run = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, **changes},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(int(run.stdout))
    assert found == [1, 1, 2]
