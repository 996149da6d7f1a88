"""The Python code in README.md, and that of some pages in docs, runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from smlm_accessor.methods import registry

RUN = ("how_to/not_recognised.md", "architecture/extend.md", "reference/dataset.md")
README = Path(__file__).parents[1] / "README.md"
MOVING_SAMPLES = README.parent / "docs" / "moving_samples.md"
MANY_TABLES = README.parent / "docs" / "many_tables.md"
STACKS = README.parent / "docs" / "image_stacks.md"
FOLLOW = README.parent / "docs" / "while_recording.md"
PRIOR = README.parent / "docs" / "prior_knowledge.md"


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


@pytest.mark.parametrize("page", RUN)
def test_python_blocks_of_a_page_run(
    page: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))
    names: dict[str, Any] = {}
    for block in _python_blocks(README.parent / "docs" / page):
        exec(compile(block, page, "exec"), names)
    if page == "reference/dataset.md":
        assert "variable 'matrix' is missing" in capsys.readouterr().out


def test_no_other_page_has_python_that_is_not_run() -> None:
    """Code that names files of the reader is marked ``py``."""
    docs = README.parent / "docs"
    pages = sorted(p for p in docs.rglob("*.md") if "_build" not in p.parts and _python_blocks(p))
    run_elsewhere = {"moving_samples.md", "prior_knowledge.md", "while_recording.md"}
    known = {*RUN, "image_stacks.md", "many_tables.md", *run_elsewhere}
    assert {p.relative_to(docs).as_posix() for p in pages} <= known


def test_it_stays_short_and_its_links_lead_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.split()) <= 900
    links = re.findall(r"\]\(([^)#]+)", text)
    assert len(links) > 20
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_the_example_of_image_stacks_runs() -> None:
    names: dict[str, Any] = {}
    (block,) = _python_blocks(STACKS)
    exec(compile(block, "docs/image_stacks.md", "exec"), names)
    steps = names["drift"].offset.sel(component="x").diff("chunk")
    assert steps.values == pytest.approx(-100, abs=1)
    assert len(names["table"]) == len(names["locs"])
    assert names["same"].shape == names["stack"].shape


def test_the_example_of_prior_knowledge_runs() -> None:
    names: dict[str, Any] = {}
    (block,) = _python_blocks(PRIOR)
    exec(compile(block, "docs/prior_knowledge.md", "exec"), names)
    fixed = names["moved"].smlm.correct(names["both"])
    assert (fixed.smlm.rmse(names["still"]) < 1.5).all()


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


def test_the_example_of_following_runs() -> None:
    names: dict[str, Any] = {}
    (block,) = _python_blocks(FOLLOW)
    exec(compile(block, "docs/while_recording.md", "exec"), names)
    assert (names["fixed"].smlm.rmse(names["still"]) < 2).all()
    assert names["follower"].n_rows == len(names["table"])
