"""The Python code in README.md, and that of some pages in docs, runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[1] / "README.md"
MOVING_SAMPLES = README.parent / "docs" / "moving_samples.md"
MANY_TABLES = README.parent / "docs" / "many_tables.md"
STACKS = README.parent / "docs" / "image_stacks.md"


def _python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def test_python_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = _python_blocks(README)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"README.md, block {number}", "exec"), names)
    before, after = (names[table].smlm.rmse(names["locs"]) for table in ("drifted", "fixed"))
    assert (after < before / 10).all()


def test_the_example_of_image_stacks_runs() -> None:
    names: dict[str, Any] = {}
    (block,) = _python_blocks(STACKS)
    exec(compile(block, "docs/image_stacks.md", "exec"), names)
    steps = names["drift"].offset.sel(component="x").diff("chunk")
    assert steps.values == pytest.approx(-100, abs=1)
    assert len(names["table"]) == len(names["locs"])
    assert names["same"].shape == names["stack"].shape


def test_python_blocks_of_moving_samples_run(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in _python_blocks(MOVING_SAMPLES):
        exec(compile(block, "moving_samples.md", "exec"), names)
    before, after = capsys.readouterr().out.splitlines()
    assert "The sample flows" in before
    assert "does not differ" in after


def test_python_blocks_of_many_tables_run() -> None:
    names: dict[str, Any] = {}
    for block in _python_blocks(MANY_TABLES):
        exec(compile(block, "many_tables.md", "exec"), names)
    moved = names["shifts"].offset.sel(component="x").values
    assert abs(moved - moved.mean() - [30, 10, -10, -30]).max() < 1
