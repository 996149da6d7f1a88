"""What drift is left over the field, as arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlm_accessor.assess.field_map import arrows_of
from smlm_accessor.errors import DriftError
from smlm_accessor.images.bins import nice_length
from smlm_accessor.plot.style import new_axes, with_unit, written_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_field_map(found: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw by how much each block of the field has moved besides the drift, as arrows.

    Parameters
    ----------
    found : Dataset
        From ``drift.smlm.field_map(table)``. An arrow is the ``change`` of its block, much
        enlarged; a circle at its head has the radius of one standard deviation. Blocks that stand
        out by themselves are dark.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib, smlm_accessor
    >>> matplotlib.use("Agg")
    >>> locs = smlm_accessor.simulate_origami(n_structures=60, n_frames=2000, seed=1)
    >>> locs = smlm_accessor.set_columns(locs, unit="nm")
    >>> found = locs.smlm.drift().smlm.field_map(locs, n_blocks=3)
    >>> plot_field_map(found).get_xlabel()
    'x (nm)'
    """
    if not isinstance(found, xr.Dataset) or "change_std" not in found:
        raise DriftError("Give a map: found = drift.smlm.field_map(table); plot_field_map(found)")
    from matplotlib.collections import EllipseCollection

    arrows = arrows_of(found)
    ax = new_axes(5.2, 5.2) if ax is None else ax
    color = np.where(arrows.significant, "0.1", "0.6")
    heads = arrows.middle + arrows.enlarged * arrows.change
    ax.quiver(
        *(*arrows.middle.T, *(arrows.enlarged * arrows.change).T),
        angles="xy",
        scale_units="xy",
        scale=1.0,
        color=color,
        width=0.006,
        zorder=3,
    )
    size = 2 * arrows.enlarged * arrows.std
    circles = EllipseCollection(
        *(size[:, 0], size[:, 1], np.zeros(len(size))),
        units="xy",
        offsets=heads,
        offset_transform=ax.transData,
        facecolors="none",
        edgecolors=color,
        linewidths=0.8,
    )
    ax.add_collection(circles)
    size_of_block = [float(np.diff(found[name].values).mean()) for name in ("x", "y")]
    (left, right), (bottom, top) = (
        (found[name].values[0] - step, found[name].values[-1] + step)
        for name, step in zip("xy", size_of_block, strict=True)
    )
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.set_aspect("equal")
    unit = found["change"].attrs.get("units")
    ax.set_xlabel(with_unit("x", unit))
    ax.set_ylabel(with_unit("y", unit))
    length = nice_length(size_of_block[0] / arrows.enlarged / 2)
    at = (
        float(found["x"].values[0]) - 0.8 * size_of_block[0],
        float(found["y"].values[-1]) + 0.7 * size_of_block[1],
    )
    ax.plot(at[0] + np.array([0, length * arrows.enlarged]), [at[1]] * 2, color="0.1", linewidth=2)
    ax.text(
        at[0] + length * arrows.enlarged + 0.1 * size_of_block[0],
        at[1],
        f"{length:g} {written_unit(unit)}".strip(),
        va="center",
    )
    chance = found.attrs["p_value"]
    ax.set_title(f"Drift besides its mean, p = {chance:.2g}", loc="left", fontsize="medium")
    return ax
