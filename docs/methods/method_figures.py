"""Figures of the pages on methods, drawn when the site is built."""

from __future__ import annotations

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from scipy import ndimage

import smlm_accessor

BLUE, RED, GREY = "#0072B2", "#D55E00", "0.6"


@cache
def pores():
    """Return a table of 120 nuclear pores that drifts by a line and a wave, and its truth."""
    still = smlm_accessor.simulate_npc(n_structures=120, n_frames=6_000, precision=8, seed=1)
    still = smlm_accessor.set_columns(still, unit="nm")
    moved, truth = still.smlm.simulate_drift(
        velocity=(0.006, -0.003), sinusoid={"amplitude": 20, "period": 5_000}, return_drift=True
    )
    return still, moved, truth


@cache
def beads():
    """Return a table of five beads on a sample that wanders, and its truth."""
    rng = np.random.default_rng(2)
    still = smlm_accessor.simulate_blinking(
        rng.uniform(0, 20_000, (5, 2)), n_frames=3_000, mean_on_frames=np.inf, precision=4, seed=2
    )
    still = smlm_accessor.set_columns(still, unit="nm")
    moved, truth = still.smlm.simulate_drift(diffusion_constant=0.2, seed=2, return_drift=True)
    return still, moved, truth


def _error(drift: xr.Dataset, truth: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the error along x of each chunk against its mean true drift, and `offset_std`."""
    true = truth.smlm.drift().sel(component="x").values
    first = int(truth.frame.values[0])
    spans = zip(drift.frame_start.values, drift.frame_stop.values, strict=True)
    mean = [true[max(a - first, 0) : max(b - first, 1)].mean() for a, b in spans]
    error = drift.smlm.drift().sel(component="x").values - mean
    return error - np.nanmean(error), drift.offset_std.sel(component="x").values


def drift_and_error(method: str, **options):
    """Draw what a method finds on the pores (fiducial: on beads), and its error along x."""
    _, moved, truth = beads() if method == "fiducial" else pores()
    drift = moved.smlm.drift(method=method, **options)
    error, std = _error(drift, truth)
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    drift.smlm.plot(ax=axes[0])
    at = drift.frame.values
    axes[1].fill_between(at, -std, std, color=BLUE, alpha=0.25, lw=0, label="offset_std")
    axes[1].plot(at, error, ".-", color=BLUE, ms=4, lw=0.8, label="error along x")
    axes[1].axhline(0, color=GREY, lw=0.6, zorder=0)
    axes[1].set(xlabel="Frame", ylabel="nm")
    axes[1].legend(frameon=False)
    axes[1].spines[["top", "right"]].set_visible(False)
    return fig


def density_and_gradient():
    """Draw the density of events of other times along a line, its gradient and its curvature."""
    x = np.linspace(-6, 6, 600)
    others = np.array([-0.6, -0.2, 0.1, 0.5, 3.4])  # events of other times, in precisions
    kernel = np.exp(-((x[:, None] - others) ** 2) / 4)
    density, floor = kernel.sum(axis=1), 0.1
    log = np.log(floor + density)
    gradient = np.gradient(log, x)
    fig, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained", sharex=True)
    axes[0].plot(x, density, color=BLUE)
    axes[0].plot(others, np.zeros(5), "|", ms=12, color=RED)
    axes[0].set(title="density f of other times", xlabel="position (precisions)")
    axes[1].plot(x, gradient, color=BLUE)
    axes[1].axhline(0, color=GREY, lw=0.6)
    axes[1].set(title="gradient g of log(floor + f)", xlabel="position (precisions)")
    axes[2].plot(x, -np.gradient(gradient, x), color=BLUE)
    axes[2].axhline(0, color=GREY, lw=0.6)
    axes[2].set(title="curvature c = -dg/dx", xlabel="position (precisions)")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return fig


def verdict_by_scale():
    """Draw the gain that `assess` finds if the drift is taken several times."""
    _, moved, _ = pores()
    found = moved.smlm.drift(method="aim")
    scales, gains, verdicts = (-1.0, 0.0, 1.0, 2.0), [], []
    for scale in scales:
        result = found.assign(offset=found.offset * scale).smlm.assess(moved)
        gains.append(100 * result.gain if np.isfinite(result.gain) else 0.0)
        verdicts.append(result.verdict)
    colors = {"improved": "#009E73", "no evidence": GREY, "worse": RED}
    fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
    ax.plot(scales, gains, color="0.85", zorder=0)
    for verdict, color in colors.items():
        here = [(s, g) for s, g, v in zip(scales, gains, verdicts, strict=True) if v == verdict]
        if here:
            ax.plot(*zip(*here, strict=True), "o", color=color, label=verdict)
    ax.axhline(0, color=GREY, lw=0.6)
    ax.set(xlabel="the drift, times", ylabel="gain (%)")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return fig


def stack_of_images():
    """Draw three images of a stack with noise, and the error of the shifts that are found."""
    rng = np.random.default_rng(3)
    sample = ndimage.gaussian_filter(rng.normal(size=(148, 148)), 2)
    sample = 200 * np.exp(0.3 * sample / sample.std())
    moved = np.cumsum(rng.normal(0, 0.05, (60, 2)), axis=0)  # pixels
    images = [rng.poisson(ndimage.shift(sample, s, mode="reflect")[10:138, 10:138]) for s in moved]
    stack = xr.DataArray(np.array(images), dims=("frame", "y", "x"))
    drift = stack.smlm.drift(pixel_size=100)
    error = drift.smlm.drift().sel(component="x").values - 100 * moved[:, 1]
    std = drift.offset_std.sel(component="x").values
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", width_ratios=(1, 1.8))
    axes[0].imshow(stack[0], cmap="gray")
    axes[0].set(xticks=[], yticks=[], title="one of 60 images")
    axes[1].fill_between(range(60), -std, std, color=BLUE, alpha=0.25, lw=0, label="offset_std")
    axes[1].plot(error - error.mean(), ".-", color=BLUE, ms=4, lw=0.8, label="error along x")
    axes[1].set(xlabel="Image", ylabel="nm (a pixel is 100 nm)")
    axes[1].legend(frameon=False)
    return fig
