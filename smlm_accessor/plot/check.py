"""Did it work? The drift, the image before and after, and the verdict, in one figure."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor.assess import Assessment, assess
from smlm_accessor.correct import correct, require_unused
from smlm_accessor.drift import drift_of, require_drift
from smlm_accessor.errors import DriftError, SmlmWarning
from smlm_accessor.images.bins import nice_length
from smlm_accessor.images.regions import richest_region
from smlm_accessor.images.render import render
from smlm_accessor.images.rescale import rescaled
from smlm_accessor.models import DriftModel
from smlm_accessor.plot.drift import plot_drift
from smlm_accessor.plot.localizations import bar_length, draw_image, draw_scale_bar, extent_of
from smlm_accessor.plot.style import written_unit

_ACROSS, _MOST_ACROSS = 200, 400  # bins of the images: molecules can be told apart on a screen
_DRIFTS = 4.0  # ranges of the drift along the images, or drift would move all of it out of them
_BINS_OF_REGION = 8  # at least, of the image in which it is searched
_LINE = 100  # letters of the title: so many fit


def check_drift(
    table: pd.DataFrame,
    drift: xr.Dataset | DriftModel | None = None,
    *,
    model: DriftModel | None = None,
    by: str | None = None,
    outside: str | None = None,
    method: str | None = None,
    progress: bool = False,
    **estimate_options: Any,
) -> npt.NDArray[Any]:
    """Draw the drift, the images before and after, and the verdict; see ``table.smlm.check_drift``.

    The bins of the images are about half the localization precision, and the scale of brightness is
    the logarithm of the count. Of dask, rows are gone over twice for the images, besides what
    estimate and verdict need.
    """
    given: dict[str, Any] = {} if method is None else {"method": method}
    dataset, model = _known(drift, model, {**given, **estimate_options})
    if dataset is None:
        from smlm_accessor.estimation.estimate import estimate_drift

        dataset = estimate_drift(table, progress=progress, **given, **estimate_options)
    used = dataset if model is None else model
    assessment = assess(table, used, by=by, outside=outside, progress=progress)
    corrected = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmlmWarning)  # said by the assessment
        if dataset["valid"].any():
            corrected = correct(table, used, by=by, outside=outside)
        before, after = _images(table, corrected, *_bins(assessment, dataset))
    return _draw(dataset, model, before, after, assessment)


def _known(
    drift: Any, model: Any, estimate_options: dict[str, Any]
) -> tuple[xr.Dataset | None, DriftModel | None]:
    """Return the Dataset and the model that are given, as far as they are."""
    if isinstance(drift, DriftModel):
        if model is not None:
            raise DriftError("drift is a model, and there is model= too; leave out one of them")
        drift, model = None, drift
    if model is not None and not isinstance(model, DriftModel):
        raise DriftError(
            f"model={type(model).__name__} must be a model: model = drift.smlm.fit(...)"
        )
    if drift is None and model is not None:
        drift = model.transformations
    if drift is None:
        return None, None
    require_drift(drift, "table.smlm.check_drift(drift)")
    require_unused(estimate_options)
    return drift, model


def _bins(assessment: Assessment, dataset: xr.Dataset) -> tuple[float | None, float]:
    """Return the size of the bins, None if nothing tells, and the range of the drift in x and y."""
    drift = drift_of(dataset).values[dataset["valid"].values.astype(bool), :2]
    span = float(np.ptp(drift, axis=0).max()) if len(drift) else 0.0
    precision = np.array([assessment.nena_after, assessment.frc_after / 3.0])
    precision = precision[np.isfinite(precision) & (precision > 0)]
    return (nice_length(precision[0] / 2.0) if len(precision) else None), span


def _images(
    table: pd.DataFrame, corrected: pd.DataFrame | None, bin_size: float | None, span: float
) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Return the part of the field that is richest in structure, before and after."""
    field = render(table)
    coarse = field.attrs["bin_size"]
    fine = coarse if bin_size is None else bin_size
    side = max(_ACROSS * fine, _DRIFTS * span, _BINS_OF_REGION * coarse)
    fine = max(fine, nice_length(side / _MOST_ACROSS))
    left, _, bottom, _ = extent_of(field)
    region = richest_region(field.values, corner=(left, bottom), bin_size=coarse, side=side)
    before = render(table, bin_size=fine, bin_range=region)
    if corrected is None:
        return before.load(), None
    after = render(corrected, bin_size=fine, bin_range=region)
    both = xr.Dataset({"before": before, "after": after}).load()  # of dask, in one pass
    return both["before"], both["after"]


def _draw(
    dataset: xr.Dataset,
    model: DriftModel | None,
    before: xr.DataArray,
    after: xr.DataArray | None,
    assessment: Assessment,
) -> npt.NDArray[Any]:
    import matplotlib.pyplot as plt

    figure, named = plt.subplot_mosaic(
        [["drift", "drift"], ["before", "after"]],
        height_ratios=(2, 3),
        figsize=(9.0, 7.6),
        layout="constrained",
    )
    axes = [named[name] for name in ("drift", "before", "after")]
    plot_drift(dataset, model=model, ax=axes[0])
    axes[0].spines[["top", "right"]].set_visible(False)
    shown = [before] if after is None else [before, after]
    counts = np.stack([image.values for image in shown])
    bright = rescaled(counts, counts > 0, "log")
    for ax, title, image, values in zip(axes[1:], ("Before", "After"), shown, bright, strict=False):
        drawn = draw_image(ax, image, values, "inferno", vmin=0.0, vmax=1.0)
        left, right, _, _ = extent_of(image)
        length = bar_length(True, right - left)
        unit = written_unit(image.attrs.get("length_unit"))
        draw_scale_bar(ax, length, f"{length:g} {unit}".strip(), drawn.cmap(0.0))
        ax.set_title(title, loc="left")
    if after is None:
        axes[2].text(0.5, 0.5, "not corrected:\nno chunk is valid", ha="center", va="center")
        axes[2].set_axis_off()
    figure.suptitle(_title(assessment), x=0.01, ha="left", fontsize="medium")
    return np.array(axes, dtype=object)


def _title(assessment: Assessment) -> str:
    """Return the verdict, and its measures in lines that fit, none of them cut."""
    head, _, measures = str(assessment).partition(": ")
    lines = [head]
    for measure in filter(None, measures.split("; ")):
        if len(lines) > 1 and len(lines[-1]) + len(measure) + 2 <= _LINE:
            lines[-1] += f"; {measure}"
        else:
            lines.append(measure)
    return "\n".join(lines)
