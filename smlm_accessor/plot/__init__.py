"""Figures: they draw what `render`, `transformations` and `models` compute, and compute nothing.

Each function returns the matplotlib Axes, never shows it, and imports matplotlib when called.
"""

from smlm_accessor.plot.check import check_drift
from smlm_accessor.plot.drift import plot_drift
from smlm_accessor.plot.field_map import plot_field_map
from smlm_accessor.plot.localizations import plot_localizations

__all__ = ["check_drift", "plot_drift", "plot_field_map", "plot_localizations"]
