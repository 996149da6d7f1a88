"""What drift is left in each block of the field, over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtr

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.assess.assessment import localization_precision
from smlm_accessor.assess.case import Case, before_and_after, read_judged
from smlm_accessor.assess.residuals import Residuals, effective_places, residuals
from smlm_accessor.assess.result import LEFT
from smlm_accessor.assess.turning import CorrectedBlinks
from smlm_accessor.errors import DriftError
from smlm_accessor.estimation.checking.checked import checked
from smlm_accessor.estimation.chunking import chunked
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.motions.choice import transformation_asked_for
from smlm_accessor.methods.traces import observations
from smlm_accessor.models import Drift, require_drift_or_model
from smlm_accessor.options import count
from smlm_accessor.timeline import Timeline, Windows

_WINDOWS = 4  # by default: what goes to and fro more often is seen in few tables
_USUAL, _MOST_ACROSS = 30, 8  # by default: places in a block that err for themselves, and blocks


def field_map(
    table: pd.DataFrame,
    drift: Drift,
    *,
    n_blocks: int | None = None,
    n_windows: int = _WINDOWS,
    by: str | None = None,
    outside: str | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Return what drift is left by blocks of the field; see ``drift.smlm.field_map``."""
    source = require_drift_or_model(drift, "drift.smlm.field_map(table)", by=by)
    n_windows = count("n_windows", n_windows, least=2)
    n_blocks = None if n_blocks is None else count("n_blocks", n_blocks, least=2)
    _, localizations, timeline = read_judged(table, source, progress=progress)
    ordered = chunked(localizations, np.array([timeline.frames[0], timeline.stop]))
    observed = observations(checked(ordered, None)[0])
    precision = localization_precision(observed.localizations)
    if precision is None:
        raise DriftError("No molecule is seen again and again: nothing tells what drift is left.")
    of_rows = precision if observed.precision is None else observed.precision
    seen = observed.frame(Timeline.of(observed.localizations.frames).frames)
    correct, _ = Case(localizations, by, outside or "hold").by_frame(drift, seen)
    known = CorrectedBlinks.of(observed, before_and_after(correct, observed)[1], of_rows)
    density, counted = known.density(of_rows), known.timeline
    if density is None:
        raise DriftError("Too few localizations are corrected to tell what drift is left.")
    windows = _windows(counted, n_windows)
    if n_blocks is None:
        n_blocks = int(np.sqrt(effective_places(density, windows) / _USUAL))
        n_blocks = int(np.clip(n_blocks, 2, _MOST_ACROSS))
    asked_for = transformation_asked_for(density, density.sorted_with, counted)
    assert observed.localizations.center is not None
    lower, size = _blocks(density, n_blocks)
    found = residuals(density, windows, _block_of(density, lower, size, n_blocks))
    if np.count_nonzero(found.told) < 2:
        raise DriftError(
            "Not even two blocks of the field have enough molecules to tell their drift in each "
            "window: give fewer n_blocks or n_windows, or more localizations."
        )
    middle = lower + (np.arange(n_blocks) + 0.5)[:, None] * size
    middle += observed.localizations.center[:2]
    frames = windows.mean_frame
    in_table = observed.frame(np.rint(frames).astype(np.int64))
    extent = float(counted.frames[-1] - counted.frames[0])
    return _labelled(
        found,
        found.change(frames / extent),
        {"x": middle[:, 0], "y": middle[:, 1]},
        localizations.clock.values(in_table),
        asked_for,
        {
            "when": localizations.clock.name,
            "components": localizations.components,
            "unit": localizations.length_unit,
        },
    )


def _windows(timeline: Timeline, n_windows: int) -> Windows:
    """Return windows with as many localizations each; they go on through jumps."""
    until = np.cumsum(timeline.counts) / timeline.counts.sum()
    first = np.unique(np.searchsorted(until, np.arange(n_windows) / n_windows, side="right"))
    return replace(timeline, jumps=timeline.jumps[:0]).beginning(timeline.frames[first])


def _blocks(density: Density, n_blocks: int) -> tuple[FloatArray, FloatArray]:
    """Return the corner of the field and the size of a block, in x and y."""
    positions = density.events.positions[:, :2]
    size = np.maximum(by_column.extent(positions), 1e-300) / n_blocks
    return by_column.lowest(positions), size


def _block_of(density: Density, lower: FloatArray, size: FloatArray, n_blocks: int) -> IntArray:
    """Return the block of each event; those of one row, along x, follow each other."""
    cell = ((density.events.positions[:, :2] - lower) / size).astype(np.int64)
    cell = np.minimum(cell, n_blocks - 1)
    return np.asarray(cell[:, 1] * n_blocks + cell[:, 0])


def _labelled(
    found: Residuals,
    change: tuple[FloatArray, FloatArray],
    middle: dict[str, FloatArray],
    when: Any,
    transformation: str,
    facts: dict[str, Any],
) -> xr.Dataset:
    """Return the Dataset by window, y, x and component."""
    n = len(middle["x"])
    each, chance = found.chances(), float(ndtr(-found.score))
    by_block = ("y", "x")

    def on_map(values: FloatArray | IntArray, axis: int) -> FloatArray:
        """Return values with an axis of blocks as those of the map."""
        wide = np.full((*values.shape[:axis], n * n, *values.shape[axis + 1 :]), np.nan)
        np.moveaxis(wide, axis, 0)[: values.shape[axis]] = np.moveaxis(values, axis, 0)
        return wide.reshape(*values.shape[:axis], n, n, *values.shape[axis + 1 :])

    over_time = ("window", *by_block, "component")
    changed = (*by_block, "component")
    told = np.asarray(np.isfinite(found.value).all(axis=(0, 2)))
    dataset = xr.Dataset(
        {
            "residual": (over_time, on_map(found.value, 1)),
            "residual_std": (over_time, on_map(found.std, 1)),
            "change": (changed, on_map(np.where(told[:, None], change[0], np.nan), 0)),
            "change_std": (changed, on_map(np.where(told[:, None], change[1], np.nan), 0)),
            "p_value": (by_block, on_map(np.where(told, each, np.nan), 0)),
            "n_events": (by_block, np.nan_to_num(on_map(found.events, 0)).astype(np.int64)),
        },
        {
            **middle,
            "component": list(facts["components"]),
            facts["when"]: ("window", when),
        },
    )
    for name, meaning in _MEANING.items():
        dataset[name].attrs["long_name"] = meaning
        if facts["unit"] and name not in ("p_value", "n_events"):
            dataset[name].attrs["units"] = facts["unit"]
    return dataset.assign_attrs(
        score=found.score,
        p_value=chance,
        transformation=transformation,
        summary=_summary(dataset, chance, transformation, facts["unit"]),
    )


def is_significant(found: xr.Dataset) -> bool:
    """Whether a map shows drift that differs over the field."""
    blocks = bool((found["p_value"] < FALSE_ALARM).any())
    return (
        blocks or found.attrs["p_value"] < FALSE_ALARM or found.attrs["transformation"] != "shift"
    )


class Arrows(NamedTuple):
    """What is drawn of a map: of the blocks that are known, (n, 2), and ``significant``, (n,)."""

    middle: FloatArray
    change: FloatArray
    std: FloatArray
    significant: BoolArray
    enlarged: float  # so that the longest is as long as a block


def arrows_of(found: xr.Dataset) -> Arrows:
    """Return the change of each block in x and y as arrows."""
    change, std = (found[name].values[..., :2].reshape(-1, 2) for name in ("change", "change_std"))
    x, y = np.meshgrid(found["x"].values, found["y"].values)
    known = np.isfinite(change).all(axis=1)
    middle = np.column_stack([x.ravel(), y.ravel()])
    block = min(float(np.diff(found[name].values).mean()) for name in ("x", "y"))
    longest = float(np.hypot(change, std).max(where=known[:, None], initial=0.0))
    significant = found["p_value"].values.ravel()[known] < FALSE_ALARM
    enlarged = block / max(longest, 1e-300)
    return Arrows(middle[known], change[known], std[known], significant, enlarged)


def _summary(found: xr.Dataset, chance: float, transformation: str, unit: str | None) -> str:
    """Return one line."""
    change, std = found["change"].values, found["change_std"].values
    in_unit = f" {unit}" if unit else ""
    typical = f"the standard error of a block is {np.nanmedian(std):.2g}{in_unit}"
    n_blocks = int((found["p_value"] < FALSE_ALARM).sum())
    if transformation == "shift" and chance >= FALSE_ALARM and not n_blocks:
        return (
            f"nothing is left: drift does not differ over the field (p = {chance:.2g}); {typical}"
        )
    beyond = np.sqrt(max(float(np.nanmean(change**2 - std**2)), 0.0))
    said = (
        f"drift differs over the field: by {beyond:.2g}{in_unit} (rms, from first to last), "
        f"p = {chance:.2g}, {n_blocks} blocks by themselves; {typical}"
    )
    if transformation == "shift":
        return said
    return f"{said}. The sample {LEFT[transformation]}: transformation={transformation!r} allows it"


_MEANING = {
    "residual": "drift that is left, against its means over time and over the field",
    "residual_std": "one standard deviation of residual",
    "change": "by how much the residual grows from the first to the last frame, a straight line",
    "change_std": "one standard deviation of change",
    "p_value": "probability of the residual of a block by chance, corrected for their number",
    "n_events": "blinks in a block",
    "x": "middle of the block",
    "y": "middle of the block",
}
