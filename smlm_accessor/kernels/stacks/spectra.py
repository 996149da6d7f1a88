"""Fourier transforms of images whose edges are tapered, and the weights of their frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt
from scipy import fft

from smlm_accessor._typing import BoolArray, FloatArray

Spectra = npt.NDArray[np.complex64]
Weights = npt.NDArray[np.float32]

NORMALIZATIONS = ("noise", "phase", None)
# Part of the taper's length, at each end, over which it falls to 0. Cosine tapers from 0.15 to 0.4
# differ by less than 5 % in precision.
_FALL = 0.25
# Of all frequencies along the diagonal: beyond it, optics pass next to nothing, and what is there
# is noise.
_BEYOND = 0.8
# Cycles per field: below, uneven light, which stays with the camera, and the taper itself.
_SLOWEST = 3.0
# Of the signal: interpolation and folded frequencies make no two images alike to more than this.
_LEAST_NOISE = 1e-4
_BINS = 64  # of frequency, for average powers


class ModeGrid:
    """The frequencies kept of real images of a shape, y before x: a box about 0.

    ``shape`` is the shape of the images, ``kept`` of the images that the frequencies kept describe.
    """

    def __init__(self, shape: Sequence[int], most: int) -> None:
        self.shape = tuple(int(n) for n in shape)
        self.kept = tuple(min(n, most) // 2 * 2 if n > most else n for n in self.shape)

    @property
    def d(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @cached_property
    def wavenumbers(self) -> list[npt.NDArray[np.float32]]:
        """Radians per pixel of each axis, shaped to broadcast against spectra."""
        out = []
        for axis, (n, m) in enumerate(zip(self.shape, self.kept, strict=True)):
            index = fft.rfftfreq(m, 1 / m) if axis == self.d - 1 else fft.fftfreq(m, 1 / m)
            k = 2 * np.pi * index / n
            if m % 2 == 0:  # of the last frequency the sign is not known
                k[m // 2] = 0.0
            form = [1] * self.d
            form[axis] = -1
            out.append(k.astype(np.float32).reshape(form))
        return out

    @cached_property
    def usable(self) -> BoolArray:
        """Frequencies that tell a shift: not the slowest, and none whose sign is not known."""
        cycles = zip(self.wavenumbers, self.shape, strict=True)
        slow = sum((k * n / (2 * np.pi) / min(_SLOWEST, n / 8)) ** 2 for k, n in cycles)
        out = np.asarray(slow >= 1)
        for axis, m in enumerate(self.kept):
            if m % 2 == 0:
                last = [slice(None)] * self.d
                last[axis] = slice(m // 2, m // 2 + 1)
                out[tuple(last)] = False
        return out

    @cached_property
    def multiplicity(self) -> npt.NDArray[np.float32]:
        """How often a frequency stands in the full transform: twice, or once if k_x = 0."""
        twice = np.full(self.kept[-1] // 2 + 1, 2, dtype=np.float32)
        twice[0] = 1
        return np.broadcast_to(twice, self.usable.shape)

    @cached_property
    def bin(self) -> npt.NDArray[np.int64]:
        """Ring of equal spatial frequency that each frequency is in."""
        radius = np.sqrt(sum(np.square(k / np.pi) for k in self.wavenumbers))
        return np.asarray(np.minimum(radius * _BINS / np.sqrt(self.d), _BINS - 1), dtype=np.int64)

    def ring_means(self, power: npt.NDArray[np.floating]) -> FloatArray:
        """Return the mean power of each ring of frequencies; 0 of those without any."""
        rings, weight = self._rings
        total = np.bincount(rings, weights=weight * power.ravel(), minlength=_BINS)
        return np.asarray(total)

    @cached_property
    def _rings(self) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Ring of each frequency, and its share in the mean of the ring."""
        weight = (self.usable * self.multiplicity).ravel().astype(np.float64)
        rings = self.bin.ravel()
        total = np.bincount(rings, weights=weight, minlength=_BINS)[rings]
        return rings, np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)

    def on_grid(self, of_rings: FloatArray) -> FloatArray:
        """Return at each frequency the value of its ring."""
        return np.asarray(of_rings[self.bin])

    def transform(
        self, images: npt.NDArray[np.float32], centre: FloatArray, margin: FloatArray
    ) -> Spectra:
        """Return the spectra of tapered images, shape (k, ...), over the root of their noise.

        ``(image - mean) * taper``, where the taper of each image is moved by ``centre``, (k, d)
        pixels, with its sample, so that all images show the same part of it. It is shorter than the
        image by ``margin`` at each end. Noise is the mean power at the highest frequencies; an
        image without any has a spectrum of 0.
        """
        axes = tuple(range(1, self.d + 1))
        tapers = [
            _taper(n, c, m).reshape([len(images)] + [-1 if a == i else 1 for a in range(self.d)])
            for i, (n, c, m) in enumerate(zip(self.shape, centre.T, margin, strict=True))
        ]
        taper = reduce(np.multiply, tapers)
        mean = (images * taper).sum(axis=axes, keepdims=True)
        mean /= np.maximum(taper.sum(axis=axes, keepdims=True), 1e-9)
        full = np.asarray(fft.rfftn((images - mean) * taper, axes=axes, workers=-1))
        noise = np.array([np.mean(np.square(np.abs(one[self._beyond]))) for one in full])
        power = np.square(np.abs(full)).mean(axis=axes)
        noise = np.maximum(noise, 1e-9 * power)  # of images without noise
        scale = np.divide(1.0, np.sqrt(noise), out=np.zeros(len(full)), where=noise > 0)
        return np.asarray(self._box(full) * scale.astype(np.float32)[(..., *[None] * self.d)])

    @cached_property
    def _beyond(self) -> BoolArray:
        """Frequencies of the full transform that are noise."""
        radius = np.zeros(1)
        for axis, n in enumerate(self.shape):
            last = axis == self.d - 1
            k = 2 * np.abs(fft.rfftfreq(n) if last else fft.fftfreq(n))
            form = [1] * self.d
            form[axis] = -1
            radius = radius + k.reshape(form) ** 2
        return np.asarray(np.sqrt(radius / self.d) > _BEYOND)

    def _box(self, full: Spectra) -> Spectra:
        for axis, (n, m) in enumerate(zip(self.shape, self.kept, strict=True)):
            if m == n:
                continue
            if axis == self.d - 1:
                full = full[..., : m // 2 + 1]
            else:
                rows = np.r_[0 : m // 2, n - m // 2 : n]
                full = np.take(full, rows, axis=axis + 1)
        return np.ascontiguousarray(full, dtype=np.complex64)

    def restore(self, spectra: Spectra) -> npt.NDArray[np.float32]:
        """Return images of shape ``kept``."""
        axes = tuple(range(-self.d, 0))
        return np.asarray(fft.irfftn(spectra, s=self.kept, axes=axes, workers=-1))

    def phases(self, shift: FloatArray) -> Spectra:
        """Return the factors, shape (k, ...), that move images back by shifts, (k, d) pixels."""
        factors = [
            np.exp(1j * np.multiply.outer(s, k).astype(np.float32)).astype(np.complex64)
            for s, k in zip(shift.T, self.wavenumbers, strict=True)
        ]
        return np.asarray(reduce(np.multiply, factors))

    def weights(
        self, signal: FloatArray, noise: FloatArray, images: float, normalization: str | None
    ) -> npt.NDArray[np.float32]:
        """Return the weight of each frequency in the correlation of images, shape (...).

        Of ``images`` images with the same structure of power P, and noise of power N, the shifts of
        maximum likelihood are those at which the correlations agree best that are weighted with
        ``P / (N * (N + images * P))``: next to 1 / N where the signal is above the noise, and
        nothing where there is none. With "phase" all weigh alike after whitening, 1 / (P + N);
        with None without, 1.
        """
        if normalization == "noise":
            noise = np.maximum(noise, _LEAST_NOISE * signal)
            below = noise * (noise + images * signal)
            out = np.divide(signal, below, out=np.zeros_like(signal), where=below > 0)
        elif normalization == "phase":
            out = np.divide(
                1.0, signal + noise, out=np.zeros_like(signal), where=signal + noise > 0
            )
        else:
            out = np.ones_like(signal)
        return np.asarray(out * self.usable, dtype=np.float32)


def _taper(n: int, centre: FloatArray, margin: float) -> npt.NDArray[np.float32]:
    """Return cosine tapers, shape (k, n), that are 1 in the middle and 0 at the margin."""
    half = (n - 2 * margin) / 2
    from_end = half - np.abs(np.arange(n) - (n - 1) / 2 - centre[:, None])
    inside = np.clip(from_end / max(2 * half * _FALL, 1e-9), 0, 1)
    return np.square(np.sin(np.pi / 2 * inside)).astype(np.float32)
