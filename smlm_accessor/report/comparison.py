"""Images before and after: under a slider, or side by side with colour for time."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.display.svg_chart import number
from smlm_accessor.images.bins import nice_length
from smlm_accessor.report.regions import Region
from smlm_accessor.report.views import Pair, Pairs
from smlm_accessor.report.words import in_unit

_BAR = 1 / 6  # of the width, a scale bar is no longer than twice that
_NAMES = ("The whole field", "Part of the field", "Where structure is sharpest")
_FEWEST = "There are too few localizations to choose a part of the field."


def comparisons(pairs: Sequence[Pair], unit: str | None) -> str:
    """Return the images of all places, each with its slider."""
    places = "".join(
        _place(i, pair.region.corner, pair.region.size, pairs[0].region)
        for i, pair in enumerate(pairs)
        if i
    )
    shown = [_slider(i, pair, unit, places if i == 0 else "") for i, pair in enumerate(pairs)]
    text = (
        "<p>Move the line across an image: before the correction on its left, after it on its "
        "right. Both have the same scale of brightness; a constant shift, which no method can "
        "know, is left out.</p>"
    )
    parts = "".join(shown[1:]) or f'<p class="note">{_FEWEST}</p>'
    return f'{text}{shown[0]}<div class="two">{parts}</div>'


def _place(i: int, corner: FloatArray, size: FloatArray, whole: Region) -> str:
    left, bottom = (corner - whole.corner) / whole.size
    width, height = size / whole.size
    return (
        f'<span class="place" style="left:{left:.2%};bottom:{bottom:.2%};width:{width:.2%};'
        f'height:{height:.2%}"><b>{i}</b></span>'
    )


def _slider(i: int, pair: Pair, unit: str | None, places: str) -> str:
    region, name = pair.region, _NAMES[i]
    before, after = map(_data, pair.images)
    rows, columns = region.shape
    size = f'width="{columns}" height="{rows}" draggable="false"'
    ratio = region.size[0] / region.size[1]
    mark = f"<b>{i}</b> " if i else ""
    return (
        f'<figure class="wipe" style="--ratio:{ratio:.4f}">'
        f'<div class="view"><img {size} alt="{escape(name)}, after the correction" src="{after}">'
        f'<span class="side right">after</span><div class="cut"><img {size} '
        f'alt="{escape(name)}, before the correction" src="{before}">'
        f'<span class="side left">before</span></div><span class="handle"></span>{places}'
        f'{_scale_bar(region, unit)}</div><input type="range" min="0" '
        'max="100" step="1" value="50" '
        f'aria-label="{escape(name)}: how much of the image before is shown">'
        f"<figcaption>{mark}{escape(name)}, "
        f"{_size_text(region, unit)}</figcaption></figure>"
    )


def by_time(pairs: Pairs, frames: tuple[int, int], unit: str | None) -> str:
    """Return the zoomed places before and after, coloured by time, with a legend."""
    zoomed = [(i, pair) for i, pair in enumerate(pairs.pairs) if pair.by_time]
    if not zoomed:
        return f'<p class="note">{_FEWEST}</p>'
    shown = ""
    for i, pair in zoomed:
        for version, image in zip(("before", "after"), pair.by_time, strict=True):
            rows, columns = pair.region.shape
            name = f"{_NAMES[i]}, {version}"
            shown += (
                f'<figure class="by-time"><div class="view"><img width="{columns}" height="{rows}" '
                f'alt="{escape(name)} the correction, coloured by time" src="{_data(image)}">'
                f'<span class="side left">{version}</span>{_scale_bar(pair.region, unit)}</div>'
                f"<figcaption><b>{i}</b> {escape(name)}</figcaption></figure>"
            )
    return (
        "<p>Colour is the time of the localizations. Structure that drifts is drawn out into a "
        "rainbow; where all times lie on each other, colours mix to white.</p>"
        f'<div class="legend-of-time"><span>frame {frames[0]:,}</span><i style="background:'
        f'linear-gradient(to right,{_gradient(pairs.colors)})"></i><span>{frames[1]:,}</span>'
        f'</div><div class="two">{shown}</div>'
    )


def _gradient(colors: FloatArray) -> str:
    """Return the colours of single times, as they are drawn."""
    found = []
    for when in np.linspace(-1, 1, 9):
        color = np.array([max(-when, 0), 1 - abs(when), max(when, 0)]) @ colors
        red, green, blue = (255 * color / color.max()).round().astype(int)
        found.append(f"rgb({red},{green},{blue})")
    return ",".join(found)


def _scale_bar(region: Region, unit: str | None) -> str:
    width = float(region.size[0])
    length = nice_length(width * _BAR)
    if length > 2 * width * _BAR:
        length = length / 2
    text = in_unit(number(length), unit)
    if unit == "nm" and length >= 1000:
        text = in_unit(number(length / 1000), "um")
    return (
        f'<span class="bar" style="width:{length / width:.3%}"><span>{escape(text)}</span></span>'
    )


def _size_text(region: Region, unit: str | None) -> str:
    sides = [float(f"{side:.3g}") for side in region.size]
    if unit == "nm" and max(sides) >= 10_000:
        sides, unit = [float(f"{side / 1000:.3g}") for side in sides], "um"
    return escape(in_unit(" × ".join(map(number, sides)), unit))


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"
