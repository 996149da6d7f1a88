"""Matrices as a continuous function of the frame: by rotation and scale, or entry by entry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import pose
from smlm_accessor.models.components import ComponentFit, Within


class MatrixModel(ABC):
    """What a fitted model says of the matrix at every frame."""

    @property
    @abstractmethod
    def fits(self) -> tuple[ComponentFit, ...]:
        """All fits, in the order in which they are reported."""

    @property
    @abstractmethod
    def kinds(self) -> dict[str, Any]:
        """Which models they are, as plain values."""

    @abstractmethod
    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return the matrices that correct, shape (n, d, d); parameters as of `ComponentFit`."""

    def described(self, frames: FloatArray, within: Within) -> dict[str, FloatArray]:
        """Return rotation and scale with their standard deviations, by name, if these are known."""
        return {}


@dataclass(frozen=True, eq=False)
class EntriesModel(MatrixModel):
    """A curve for each entry.

    Parameters
    ----------
    entries : dict
        Fit by (component, component_in), row after row.
    """

    entries: dict[tuple[str, str], ComponentFit]

    @property
    def fits(self) -> tuple[ComponentFit, ...]:
        """Row after row."""
        return tuple(self.entries.values())

    @property
    def kinds(self) -> dict[str, Any]:
        """By entry."""
        return {"matrix": {"".join(entry): fit.kind for entry, fit in self.entries.items()}}

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return the entries side by side; they need not be a rotation."""
        d = round(len(self.entries) ** 0.5)
        entries = [fit.eval(frames, within) for fit in self.fits]
        return np.stack(entries, axis=-1).reshape(-1, d, d)


@dataclass(frozen=True, eq=False)
class PoseModel(MatrixModel):
    """A curve for each angle of the sample, and one for the log of its scale.

    Parameters
    ----------
    rotation : dict
        Fit of the sample's rotation by axis; in the plane about ``"z"`` only, from x to y.
    log_scale : ComponentFit
        Fit of the logarithm of the factor by which the sample grew.
    """

    rotation: dict[str, ComponentFit]
    log_scale: ComponentFit

    @property
    def fits(self) -> tuple[ComponentFit, ...]:
        """Rotations, then the scale."""
        return (*self.rotation.values(), self.log_scale)

    @property
    def kinds(self) -> dict[str, Any]:
        """By axis, and of the scale."""
        turned = {axis: fit.kind for axis, fit in self.rotation.items()}
        return {"rotation": turned, "scale": self.log_scale.kind}

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return rotations with a scale, whatever the curves are."""
        turned = [fit.eval(frames, within) for fit in self.rotation.values()]
        return pose.to_matrices(np.stack(turned, axis=-1), self.log_scale.eval(frames, within))

    def described(self, frames: FloatArray, within: Within) -> dict[str, FloatArray]:
        """Return ``rotation``, shape (n,) or (n, 3), ``log_scale``, shape (n,), and their std."""
        turns, scale = list(self.rotation.values()), self.log_scale
        rotation = np.stack([fit.eval(frames, within) for fit in turns], axis=-1)
        std = np.stack([fit.std(frames, within) for fit in turns], axis=-1)
        in_plane = len(turns) == 1
        return {
            "rotation": rotation[:, 0] if in_plane else rotation,
            "rotation_std": std[:, 0] if in_plane else std,
            "log_scale": scale.eval(frames, within),
            "log_scale_std": scale.std(frames, within),
        }
