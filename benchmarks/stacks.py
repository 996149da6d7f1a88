"""Drift of image stacks beside scikit-image, pair by pair: error and seconds.

    python benchmarks/stacks.py

500 images of 256 x 256 pixels of 100 nm; the sample goes a random way with steps of 1 nm, and a
steady one. Brightfield-like texture (a power law, blurred), and fluorescence spots with some haze;
shot noise; ten images out of focus, and one empty. Errors are over the images in focus, less a
constant, root mean square of both axes. scikit-image is given these alone: one empty image would
end its chain.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import fft

PIXEL = 100.0  # nm
_BORDER = 32  # pixels beyond the field, from which structure comes in


class SimulatedStack(NamedTuple):
    """Images, and how far the sample has moved in each: y, x, in pixels."""

    images: np.ndarray
    drift: np.ndarray

    def labelled(self, dtype: str = "uint16") -> xr.DataArray:
        """Return a DataArray with coordinates in nm."""
        n, height, width = self.images.shape
        stack = xr.DataArray(
            self.images.astype(dtype),
            dims=("frame", "y", "x"),
            coords={
                "frame": np.arange(n),
                "y": np.arange(height) * PIXEL,
                "x": np.arange(width) * PIXEL,
            },
            name="intensity",
        )
        stack.x.attrs["units"] = stack.y.attrs["units"] = "nm"
        return stack


def simulated_stack(
    kind: str = "texture",
    *,
    n: int = 500,
    size: int = 256,
    photons: float = 200,
    step: float = 0.01,
    drift: np.ndarray | None = None,
    defocused: Collection[int] = (),
    empty: Collection[int] = (),
    seed: int = 1,
) -> SimulatedStack:
    """Simulate images of ``kind`` "texture" or "spots"; steps in pixels."""
    rng = np.random.default_rng(seed)
    side = size + 2 * _BORDER
    k = fft.fftfreq(side)[:, None], fft.rfftfreq(side)[None]
    radius = 2 * np.pi * np.hypot(*k)
    if drift is None:
        drift = np.cumsum(rng.normal(0, step, (n, 2)), axis=0)
        drift += np.arange(n)[:, None] * step * np.array([0.25, -0.15])
        drift -= drift[0]
    if kind == "texture":
        sample = fft.rfft2(rng.normal(size=(side, side)))
        sample *= np.exp(-((1.2 * radius) ** 2) / 2) / (0.02 + radius / (2 * np.pi))
        sample *= 0.08 / fft.irfft2(sample).std()  # contrast
        sample[0, 0] = side**2
    else:
        at = rng.integers(0, side, (2, side**2 // 700))
        spots = np.zeros((side, side))
        np.add.at(spots, tuple(at), 10 * rng.gamma(2, 0.5, at.shape[1]))
        sample = fft.rfft2(spots) * np.exp(-((1.3 * radius) ** 2) / 2)
        sample[0, 0] += 0.1 * side**2  # haze
    out_of_focus = np.exp(-((3 * radius) ** 2) / 2)
    images = np.empty((len(drift), size, size), np.float32)
    for i, (dy, dx) in enumerate(drift):
        seen = sample * np.exp(-2j * np.pi * (k[0] * dy + k[1] * dx))
        seen = fft.irfft2(seen * out_of_focus if i in defocused else seen)
        seen = seen[_BORDER:-_BORDER, _BORDER:-_BORDER]
        expected = np.full_like(seen, 0.5) if i in empty else np.maximum(seen, 0)
        images[i] = rng.poisson(expected * photons)
    return SimulatedStack(images, drift)


def by_scikit_image(images: np.ndarray, target: str, normalization: str | None) -> np.ndarray:
    """Register each image to the one before or the first, to 1/100 pixel."""
    from skimage.registration import phase_cross_correlation

    shift = np.zeros((len(images), 2))
    for i in range(1, len(images)):
        onto = images[i - 1 if target == "previous" else 0]
        shift[i] = -phase_cross_correlation(
            onto, images[i], upsample_factor=100, normalization=normalization
        )[0]
    return np.cumsum(shift, axis=0) if target == "previous" else shift


def by_this_package(stack: SimulatedStack, **options: object) -> tuple[np.ndarray, np.ndarray]:
    """Return drift and its standard error, y, x, in pixels."""
    import smlm_accessor  # noqa: F401 - registers .smlm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drift = stack.labelled().smlm.drift(**options)
    return -drift.offset.values[:, ::-1] / PIXEL, drift.offset_std.values[:, ::-1] / PIXEL


def _error(shift: np.ndarray, truth: np.ndarray, sharp: np.ndarray | slice) -> np.ndarray:
    error = (shift - truth)[sharp] * PIXEL
    return error - np.nanmean(error, axis=0)


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(error**2)))


def _timed(work: Callable[[], object]) -> tuple[object, float]:
    begin = time.perf_counter()
    return work(), time.perf_counter() - begin


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--alone", action="store_true", help="without scikit-image")
    arguments = parser.parse_args()
    n = arguments.images
    defocused, empty = range(n // 2, n // 2 + 10), (n // 4,)
    print(f"{'images':14}{'by':34}{'error nm':>9}{'seconds':>9}{'error/std':>11}")
    by_this_package(simulated_stack(n=5, size=64))  # loads what is needed
    for kind in ("texture", "spots"):
        for photons in (200, 20):
            stack = simulated_stack(
                kind, n=n, photons=photons, defocused=defocused, empty=empty, seed=photons
            )
            sharp = np.setdiff1d(np.arange(n), [*defocused, *empty])
            name = f"{kind} {photons}"
            for normalization in ("noise", "phase", None):
                (shift, std), seconds = _timed(
                    lambda s=stack, m=normalization: by_this_package(s, normalization=m)
                )
                error = _error(shift, stack.drift, sharp)
                z = np.nanstd(error / (std[sharp] * PIXEL))
                who = f"smlm_accessor, {normalization}"
                print(f"{name:14}{who:34}{_rms(error):9.2f}{seconds:9.1f}{z:11.2f}", flush=True)
            for target in () if arguments.alone else ("previous", "first"):
                for normalization in (None, "phase"):
                    seen = stack.images[sharp]
                    shift, seconds = _timed(
                        lambda s=seen, t=target, m=normalization: by_scikit_image(s, t, m)
                    )
                    error = _error(shift, stack.drift[sharp], slice(None))
                    who = f"scikit-image, {target}, {normalization}"
                    print(f"{name:14}{who:34}{_rms(error):9.2f}{seconds:9.1f}", flush=True)


if __name__ == "__main__":
    main()
