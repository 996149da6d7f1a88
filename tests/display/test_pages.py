"""Pages from templates: text is escaped, and a name that is missing is an error."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from smlm_accessor.display.pages import render_page


def test_text_is_escaped(tmp_path: Path) -> None:
    template = tmp_path / "page.html.jinja"
    template.write_text("<p>{{ name }}</p>", encoding="utf-8")
    assert render_page(template, name="a<b & c") == "<p>a&lt;b &amp; c</p>"


def test_a_name_that_is_missing_is_an_error(tmp_path: Path) -> None:
    template = tmp_path / "page.html.jinja"
    template.write_text("{{ name }}", encoding="utf-8")
    with pytest.raises(jinja2.UndefinedError, match="name"):
        render_page(template, other="x")
