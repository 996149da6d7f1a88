"""Emitters that blink, as the camera sees them: from binding sites to localizations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift.spec import COMPONENTS
from smlm_accessor.errors import OptionError
from smlm_accessor.options import PerComponent, Seed, count, number, per_component
from smlm_accessor.simulate.kinetics import bright_frames, dark_time
from smlm_accessor.simulate.precision import localization_precision
from smlm_accessor.simulate.region import Region, as_box, uniform
from smlm_accessor.simulate.tables import make_table, remember
from smlm_accessor.table.history import record
from smlm_accessor.table.localizations import read_localizations

AXIAL_RATIO = 2.5  # z over lateral precision with an astigmatic lens (DOI 10.1126/science.1153529)


class BlinkingOptions(TypedDict, total=False):
    """Options of `simulate_blinking` that the structures pass on."""

    n_frames: int
    bindings_per_site: float | None
    localizations_per_frame: float | None
    mean_on_frames: float
    labeling: float
    precision: PerComponent | None
    photons: float
    psf_std: float
    pixel_size: float
    background_photons: float
    background_fraction: float


def simulate_blinking(
    emitters: pd.DataFrame | npt.ArrayLike,
    *,
    n_frames: int = 10_000,
    bindings_per_site: float | None = None,
    localizations_per_frame: float | None = None,
    mean_on_frames: float = 4,
    labeling: float = 1.0,
    precision: PerComponent | None = None,
    photons: float = 1500,
    psf_std: float = 130,
    pixel_size: float = 100,
    background_photons: float = 10,
    background_fraction: float = 0.0,
    region: Region | None = None,
    seed: Seed = None,
) -> pd.DataFrame:
    """Simulate localizations of emitters that come back again and again.

    An emitter, or a site that fluorophores bind to, is bright for a geometric number of frames,
    dark for a geometric number of frames, and so on; the movie starts in the steady state. Each
    frame in which it is bright gives one localization, with a normally distributed error.

    Parameters
    ----------
    emitters : DataFrame or array_like, shape (n, 2) or (n, 3)
        Positions; a table may have a ``cluster_label``.
    n_frames : int
        Frames 0 to ``n_frames - 1``.
    bindings_per_site : float, optional
        Mean number of times that an emitter turns bright; 10 if not given.
    localizations_per_frame : float, optional
        Instead of it, the mean number of localizations per frame, background included.
    mean_on_frames : float
        Mean number of frames an emitter stays bright; infinite for beads, which are bright in
        every frame.
    labeling : float
        Fraction of the emitters that are there at all, drawn at random.
    precision : float or one per component, optional
        Standard deviation of the localization error. If not given, it follows from the photons.
    photons : float
        Mean number of photons of a localization. Their distribution is exponential above a third
        of it, below which nothing is detected.
    psf_std, pixel_size, background_photons : float
        See `localization_precision`; the defaults are in nm. In z the precision from photons is
        2.5 times the lateral one, as with an astigmatic lens.
    background_fraction : float
        Fraction of all localizations that are at random positions and in random frames.
    region : sequence of pairs, optional
        Where the background is; the extent of the emitters for axes not given.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        Columns ``frame``, ``position_x`` .., ``uncertainty_x`` .., ``intensity`` (photons),
        ``emitter`` (which row of ``emitters``) and ``cluster_label`` (that of the emitter; without
        one the same as ``emitter``). Background has -1 in both. Rows follow the frames.

    Raises
    ------
    OptionError
        If an option makes no sense; the message names it.

    References
    ----------
    R. Jungmann et al., Nano Lett. 10, 4756 (2010), DOI 10.1021/nl103427w, for the kinetics.

    Examples
    --------
    >>> from smlm_accessor.simulate import simulate_blinking
    >>> locs = simulate_blinking([[0, 0], [50, 0]], n_frames=1000, precision=5, seed=1)
    >>> print(*locs.columns)
    frame position_x position_y uncertainty_x uncertainty_y intensity emitter cluster_label
    """
    given = {name: value for name, value in locals().items() if name != "emitters"}
    sites, labels, attrs = _read_emitters(emitters)
    components = COMPONENTS[: sites.shape[1]]
    frames_total = count("n_frames", n_frames, least=1)
    background = number("background_fraction", background_fraction, least=0, below=1)
    mean_photons = number("photons", photons, above=0)
    optics = {
        "psf_std": psf_std,
        "pixel_size": pixel_size,
        "background_photons": background_photons,
    }
    localization_precision(mean_photons, **optics)  # says what is wrong with them
    std = None if precision is None else per_component("precision", precision, components, least=0)
    box = _background_box(sites, region)
    rng = np.random.default_rng(seed)

    present = np.flatnonzero(rng.random(len(sites)) < number("labeling", labeling, least=0, most=1))
    mean_off = dark_time(
        len(present),
        frames_total,
        mean_on_frames=mean_on_frames,
        bindings_per_site=bindings_per_site,
        localizations_per_frame=localizations_per_frame,
        background_fraction=background,
    )
    which, frames = bright_frames(
        len(present), frames_total, mean_on=mean_on_frames, mean_off=mean_off, rng=rng
    )
    n_background = int(rng.poisson(len(frames) * background / (1 - background)))
    frames = np.concatenate([frames, rng.integers(0, frames_total, n_background)])
    emitter = np.concatenate([present[which], np.full(n_background, -1)])
    positions = np.concatenate([sites[present[which]], uniform(box, n_background, rng)])
    rows = np.argsort(frames, kind="stable")
    frames, emitter, positions = frames[rows], emitter[rows], positions[rows]

    intensity = mean_photons * (1 + 2 * rng.standard_exponential(len(frames))) / 3
    if std is None:
        uncertainty = np.empty_like(positions)
        uncertainty[:] = localization_precision(intensity, **optics)[:, None]
        uncertainty[:, 2:] *= AXIAL_RATIO
    else:
        uncertainty = np.array(np.broadcast_to(std, positions.shape))
    positions += rng.standard_normal(positions.shape) * uncertainty
    table = make_table(
        positions,
        frames=frames,
        uncertainty=uncertainty,
        intensity=intensity,
        emitter=emitter,
        cluster_label=np.append(labels, -1)[emitter],
    )
    table.attrs = record(attrs, "simulate_blinking", **given)
    return table


def localizations_of(
    sites: Callable[..., pd.DataFrame], step: str, given: Mapping[str, Any]
) -> pd.DataFrame:
    """Simulate localizations of a structure: its sites, seen by `simulate_blinking`.

    ``step`` names the function that simulates, and ``given`` are its ``locals()``: the arguments of
    ``sites``, among them ``region`` and ``seed``, and ``blinking``, those of `simulate_blinking`.
    """
    rng = np.random.default_rng(given["seed"])
    own = {name: given[name] for name in given if name not in ("blinking", "seed")}
    emitters = sites(**own, seed=rng)
    table = simulate_blinking(emitters, region=given["region"], seed=rng, **given["blinking"])
    return remember(table, step, given)


def _read_emitters(
    emitters: pd.DataFrame | npt.ArrayLike,
) -> tuple[FloatArray, IntArray, dict[Any, Any]]:
    """Return positions, labels, and the attrs that come along."""
    if isinstance(emitters, pd.DataFrame):
        positions = read_localizations(emitters, need_frames=False).positions
        attrs = dict(emitters.attrs)
    else:
        positions, attrs = np.asarray(emitters, dtype=np.float64), {}
        if positions.ndim != 2 or positions.shape[1] not in (2, 3):
            raise OptionError(
                f"emitters have shape {positions.shape}; it must be (n, 2) or (n, 3): one row each"
            )
    if not np.isfinite(positions).all():
        raise OptionError("some emitters have no finite position; drop them: emitters.dropna()")
    if isinstance(emitters, pd.DataFrame) and "cluster_label" in emitters:
        return positions, emitters["cluster_label"].to_numpy(dtype=np.int64), attrs
    return positions, np.arange(len(positions)), attrs


def _background_box(sites: FloatArray, region: Region | None) -> FloatArray:
    d = sites.shape[1]
    box = np.zeros((d, 2))
    if len(sites):
        box = np.stack([sites.min(axis=0), sites.max(axis=0)], axis=1)
    if region is not None:
        given = as_box(region, (2, 3) if d == 3 else (2,))
        box[: len(given)] = given
    return box
