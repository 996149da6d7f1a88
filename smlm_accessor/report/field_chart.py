"""The map of what drift is left over the field, as a drawing for the page."""

from __future__ import annotations

import xarray as xr

from smlm_accessor.assess.field_map import arrows_of
from smlm_accessor.images.bins import nice_length
from smlm_accessor.report.words import in_unit

_SIZE = 260  # pixels of the field
_DARK, _LIGHT = "currentColor", "#999"


def field_chart(found: xr.Dataset) -> str:
    """Return the map as SVG: an arrow for each block, with a circle of one standard deviation."""
    arrows = arrows_of(found)
    n = found.sizes["x"]
    block = min(float(found[name].diff(name).mean()) for name in ("x", "y"))
    width, height = (
        _SIZE * float(found[name].diff(name).mean()) / block * (n + 1) / n for name in ("x", "y")
    )
    scale = _SIZE / (n * block)  # pixels of a length
    left = float(found["x"][0] - found["x"].diff("x").mean())
    top = float(found["y"][-1] + found["y"].diff("y").mean())
    lines = []
    for at, change, std, dark in zip(*arrows[:4], strict=True):
        x, y = scale * (at[0] - left), scale * (top - at[1])
        dx, dy = arrows.enlarged * scale * change[0], -arrows.enlarged * scale * change[1]
        color, radius = _DARK if dark else _LIGHT, arrows.enlarged * scale * float(std.mean())
        lines.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5" fill="{color}"/>'
            f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x + dx:.1f}" y2="{y + dy:.1f}" '
            f'stroke="{color}" stroke-width="1.5"/>'
            f'<circle cx="{x + dx:.1f}" cy="{y + dy:.1f}" r="{radius:.1f}" fill="none" '
            f'stroke="{color}" stroke-width="0.7"/>'
        )
    length = nice_length(block / arrows.enlarged / 2)
    said = in_unit(f"{length:g}", found["change"].attrs.get("units"))
    bar, below = arrows.enlarged * scale * length, height + 12
    lines.append(
        f'<line x1="8" y1="{below:.0f}" x2="{8 + bar:.1f}" y2="{below:.0f}" '
        f'stroke="{_DARK}" stroke-width="2"/>'
        f'<text x="{14 + bar:.1f}" y="{below + 4:.0f}" font-size="12" fill="{_DARK}">{said}</text>'
    )
    size = f"{width:.0f} {below + 12:.0f}"
    return (
        f'<svg class="field" role="img" viewBox="0 0 {size}" width="{size.split()[0]}" '
        f'aria-label="Drift besides its mean, by blocks of the field">{"".join(lines)}</svg>'
    )
