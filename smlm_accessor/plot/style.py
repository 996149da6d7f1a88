"""What the figures share: fresh axes, colours, and how a unit is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# For x, y, z and more. Distinct for colour-blind readers: M. Okabe and K. Ito, Color Universal
# Design (2008); and a grey.
COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#000000",
    "#999999",
    "#F0E442",
)

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
