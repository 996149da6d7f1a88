"""The page in a browser: nothing fails, nothing is fetched, it fits, and the sliders move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

WIDTHS = [1280, 400]


@pytest.fixture(scope="module")
def page(drifting: pd.DataFrame, drift: xr.Dataset, tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("page") / "a page.html"
    drift.smlm.report(drifting, path, title="A title that is_as_long_as_the_name_of_a_file_" * 3)
    return path


def box(browser: Any, selector: str) -> dict[str, float]:
    """Where an element is, after scrolling to it."""
    found = browser.evaluate(
        f"""(() => {{
            const one = document.querySelector({json.dumps(selector)});
            one.scrollIntoView({{block: "center"}});
            const {{left, top, width, height}} = one.getBoundingClientRect();
            return {{left, top, width, height}};
        }})()"""
    )
    return dict(found)


def value(browser: Any) -> int:
    """What the first slider says."""
    return int(browser.evaluate("document.querySelector('.wipe input').value"))


def cut(browser: Any) -> str:
    """How the first image before is clipped: from the right."""
    return str(browser.evaluate("getComputedStyle(document.querySelector('.cut')).clipPath"))


def edge(browser: Any) -> float:
    """Where the line is drawn, as a part of the width of the first image."""
    return float(
        browser.evaluate(
            """(() => {
                const line = document.querySelector(".handle").getBoundingClientRect();
                const view = document.querySelector(".view").getBoundingClientRect();
                return (line.left + line.width / 2 - view.left) / view.width;
            })()"""
        )
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_loads_fits_and_asks_for_nothing(
    browser: Any, page: Path, width: int, scheme: str
) -> None:
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", features=media)
    browser.open(page, width=width)
    assert browser.complaints() == []
    assert browser.requested() == {"file", "data"}
    sizes = browser.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1] == width
    images = browser.evaluate("[...document.images].map(i => i.complete && i.naturalWidth > 0)")
    assert len(images) == 10
    assert all(images)
    outside = browser.evaluate(
        """[...document.querySelectorAll("main *")].filter(one => {
            const box = one.getBoundingClientRect();
            return box.left < 0 || box.right > innerWidth;
        }).map(one => one.outerHTML.slice(0, 100))"""
    )
    assert outside == []
    # The page has the colours of the scheme.
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_keyboard_moves_the_slider(browser: Any, page: Path, width: int) -> None:
    browser.open(page, width=width)
    box(browser, ".wipe .view")
    before = browser.screenshot()
    browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.matches('.wipe input[type=range]')")
    assert browser.evaluate("document.activeElement.getAttribute('aria-label')")
    assert (value(browser), cut(browser)) == (50, "inset(0px 50% 0px 0px)")
    assert edge(browser) == pytest.approx(0.5, abs=0.01)
    browser.press("End", 35)
    assert (value(browser), cut(browser)) == (100, "inset(0px 0% 0px 0px)")
    assert edge(browser) == pytest.approx(1, abs=0.01)
    browser.press("ArrowLeft", 37)
    assert edge(browser) == pytest.approx(0.99, abs=0.01)
    box(browser, ".wipe .view")
    assert browser.screenshot() != before
    assert browser.complaints() == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_mouse_moves_the_line_on_the_image(browser: Any, page: Path, width: int) -> None:
    browser.open(page, width=width)
    view = box(browser, ".wipe .view")
    before = browser.screenshot()
    middle = view["top"] + view["height"] / 2
    start, stop = (view["left"] + part * view["width"] for part in (0.5, 0.2))
    browser.drag((start, middle), (stop, middle))
    assert value(browser) == pytest.approx(20, abs=1)
    assert cut(browser) == f"inset(0px {100 - value(browser)}% 0px 0px)"
    assert edge(browser) == pytest.approx(0.2, abs=0.01)
    assert browser.screenshot() != before
    # The others stay where they are.
    values = browser.evaluate("[...document.querySelectorAll('.wipe input')].map(i => i.value)")
    assert values[1:] == ["50", "50"]


def test_a_finger_moves_the_line_too(browser: Any, page: Path) -> None:
    browser.open(page, width=400)
    view = box(browser, ".wipe .view")
    middle = view["top"] + view["height"] / 2
    for kind, part in (("touchStart", 0.5), ("touchMove", 0.6), ("touchMove", 0.8)):
        points = [{"x": view["left"] + part * view["width"], "y": middle}]
        browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    browser.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert edge(browser) == pytest.approx(0.8, abs=0.02)


def test_both_versions_are_drawn(browser: Any, page: Path) -> None:
    """The image alone has other pixels with the slider at one end than at the other."""
    browser.open(page, width=1280)
    shots = []
    for value in (0, 100):
        browser.evaluate(
            f"""(() => {{
                const input = document.querySelector(".wipe input");
                input.value = {value};
                input.dispatchEvent(new Event("input"));
                document.querySelectorAll(".handle, .side").forEach(one => one.remove());
            }})()"""
        )
        shots.append(browser.screenshot(box(browser, ".wipe .view img")))
    assert shots[0] != shots[1]
