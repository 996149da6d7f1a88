"""What the figures share: fresh axes, colours, and how a unit is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smlm_accessor.display.svg_chart import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLORS", "new_axes", "with_unit", "written_unit"]

_WRITTEN = {"um": "µm", "pixel": "px", "angstrom": "Å"}


def new_axes(width: float, height: float) -> Axes:
    """Return the axes of a new figure of that size in inches."""
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax


def written_unit(unit: str | None) -> str:
    """Return a unit as a reader expects it; empty if unknown."""
    return _WRITTEN.get(unit or "", unit or "")


def with_unit(label: str, unit: str | None) -> str:
    """Return a label with its unit in brackets, if known."""
    return f"{label} ({written_unit(unit)})" if unit else label
