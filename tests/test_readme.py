"""The Python code in README.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[1] / "README.md"
MANY_TABLES = README.parent / "docs" / "many_tables.md"


def test_python_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"README.md, block {number}", "exec"), names)
    before, after = (names[table].smlm.rmse(names["locs"]) for table in ("drifted", "fixed"))
    assert (after < before / 10).all()


def test_python_blocks_of_many_tables_run() -> None:
    names: dict[str, Any] = {}
    for block in re.findall(
        r"^```python\n(.*?)^```", MANY_TABLES.read_text(encoding="utf-8"), re.M | re.S
    ):
        exec(compile(block, "many_tables.md", "exec"), names)
    moved = names["shifts"].offset.sel(component="x").values
    assert abs(moved - moved.mean() - [30, 10, -10, -30]).max() < 1
