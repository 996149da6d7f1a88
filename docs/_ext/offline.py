"""The built site needs no network, links lead somewhere, notebooks show figures; else it fails."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class _Page(HTMLParser):
    """What a page loads, links to, and can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag says."""
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        loaded = values.get(_LOADED.get(tag, ""), "")
        if loaded and values.get("rel") not in ("canonical", "index", "search", "next", "prev"):
            self.loads.append(loaded)


def problems_of(site: Path) -> list[str]:
    """Return what is wrong with the links of a built site, a line each."""
    paths = [p for p in sorted(site.rglob("*.html")) if "_static" not in p.parts]
    pages = {p: _Page(p.read_text(encoding="utf-8")) for p in paths}
    problems = []
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in page.loads:
            if urlsplit(link).scheme in ("http", "https") or link.startswith("//"):
                problems.append(f"{name} loads {link} from the network")
        for link in {*page.links, *page.loads}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith("javascript:"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target = target / "index.html"
            if not target.exists():
                problems.append(f"{name} links to {link}, which is not there")
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                problems.append(f"{name} links to {link}, and there is no such place in the page")
    for style in sorted(site.rglob("*.css")):
        text = style.read_text(encoding="utf-8", errors="replace")
        for link in re.findall(r"""(?:url\(|@import )\s*["']?(https?:[^"')]+)""", text):
            problems.append(f"{style.relative_to(site)} loads {link} from the network")
    return problems


def without_pictures(site: Path) -> list[str]:
    """Return the pages of notebooks, which were executed, that show none of their figures."""
    pages = sorted((site / "notebooks").glob("*.html"))
    loads = {page.name: _Page(page.read_text(encoding="utf-8")).loads for page in pages}
    return [
        f"notebooks/{name} shows no figure"
        for name, found in loads.items()
        if not any("_images/" in one for one in found)
    ]


def _check(app: Sphinx, failed: Exception | None) -> None:
    if failed is None and app.builder.name == "html":
        site = Path(app.outdir)
        executed = app.config.nb_execution_mode != "off"
        for problem in problems_of(site) + (without_pictures(site) if executed else []):
            logging.getLogger(__name__).warning(problem, type="offline")


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at the site once it is built."""
    app.connect("build-finished", _check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
