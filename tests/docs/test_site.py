"""The site: what checks it finds what is wrong, and it holds every public name and constant."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import smlm_accessor
from smlm_accessor import accessors, simulate
from smlm_accessor.methods import registry

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = "\n".join(p.read_text(encoding="utf-8") for p in (DOCS / "reference").glob("*.md"))
OWN = "smlm_accessor.methods."


@pytest.fixture
def _extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(DOCS / "_ext")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.mark.usefixtures("_extensions")
def test_dead_links_and_what_the_network_would_give_are_found(tmp_path: Path) -> None:
    from offline import problems_of, without_pictures

    (tmp_path / "other.html").write_text('<h1 id="there">Other</h1>')
    (tmp_path / "index.html").write_text(
        '<a href="other.html#there">fine</a> <a href="https://doi.org/1">fine, a link</a>'
        '<a href="other.html#gone">1</a> <a href="gone.html">2</a> <img src="gone.png">'
        '<script src="https://cdn.example/a.js"></script>'
    )
    (tmp_path / "a.css").write_text('@import url("https://fonts.example/b.css");')
    said = "\n".join(problems_of(tmp_path))
    assert len(said.splitlines()) == 5
    for wrong in ("other.html#gone", "gone.html", "gone.png", "cdn.example", "fonts.example"):
        assert wrong in said
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01.html").write_text('<img src="../_images/a.png">')
    (tmp_path / "notebooks" / "02.html").write_text('<img src="../_static/logo.png">')
    assert without_pictures(tmp_path) == ["notebooks/02.html shows no figure"]


@pytest.mark.usefixtures("_extensions")
def test_constants_come_with_what_is_written_beside_and_above(tmp_path: Path) -> None:
    from from_code import constants_of

    module = tmp_path / "module.py"
    module.write_text(
        "#: Of a window,\n#: at least.\n_FEWEST = 2**3  # frames\n"
        "NAME = 'x'\nPAIR: tuple = (1.5, -2)\n"
    )
    found = [tuple(one) for one in constants_of(module)]
    assert found == [
        ("FEWEST", "2 ** 3", "Of a window, at least. frames"),
        ("PAIR", "(1.5, -2)", ""),
    ]


def test_every_public_name_is_in_the_reference() -> None:
    verbs = {
        f"{what}.smlm.{verb}"
        for what, holder in (
            ("DataFrame", accessors.LocalizationAccessor),
            ("Dataset", accessors.DriftAccessor),
            ("DataArray", accessors.StackAccessor),
        )
        for verb in vars(holder)
        if not verb.startswith("_")
    }
    names = {*verbs, *smlm_accessor.__all__, *simulate.__all__} - {"__version__"}
    names |= {f"{OWN}{name}.method.{name}" for name in registry._MODULES}
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", REFERENCE)} == set()


def test_the_constants_of_every_method_are_on_a_page() -> None:
    pages = "\n".join(p.read_text(encoding="utf-8") for p in (DOCS / "methods").glob("*.md"))
    shown = " ".join(re.findall(r"^\.\. constants:: (.+)$", pages, re.M)).split()
    package = DOCS.parent / "smlm_accessor"
    assert [name for name in shown if not (package / name).exists()] == []
    folders = {p.name for p in (package / "methods").iterdir() if (p / "__init__.py").exists()}
    assert {f"methods/{name}" for name in folders} <= set(shown)


def test_every_example_of_the_gallery_has_a_title_a_sentence_and_a_picture() -> None:
    scripts = sorted((DOCS / "gallery").glob("plot_*.py"))
    assert len(scripts) >= 20
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        said = (ast.get_docstring(ast.parse(text)) or "").splitlines()
        assert set(said[1]) == {"="}, script.name
        assert len(said[1]) >= len(said[0]), script.name
        assert said[3].strip(), script.name
        assert re.search(r"plot\(|check_drift\(|subplots\(", text), script.name
