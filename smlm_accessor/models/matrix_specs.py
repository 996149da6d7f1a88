"""Which models for the matrix: of rotation and scale, or of its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor.drift import pose
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.models.specs import Spec, as_spec, of_scale, one_each, one_per_entry
from smlm_accessor.models.tracks import Track, Tracks, rotation_axes

# Rounding of matrices that only turn, or only scale: less than 1e-5 nm at the edge of 100 um.
NEGLIGIBLE = 1e-10


@dataclass(frozen=True)
class MatrixSpecs:
    """What was asked for; None where nothing was.

    Parameters
    ----------
    rotation : tuple of Spec, optional
        One for each axis.
    scale : Spec, optional
        Of the log of the scale.
    matrix : tuple of Spec, optional
        One for each entry, row after row.
    """

    rotation: tuple[Spec, ...] | None
    scale: Spec | None
    matrix: tuple[Spec, ...] | None

    @classmethod
    def of(
        cls, components: Sequence[str], *, rotation: Any, scale: Any, matrix: Any
    ) -> MatrixSpecs:
        """Return the models that names and objects stand for.

        Raises
        ------
        OptionError
            If one is not a model, or entries are asked for as well as rotation or scale.
        """
        if matrix is not None and not (rotation is None and scale is None):
            raise OptionError(
                f"matrix={matrix!r} models the entries of the matrix, rotation= and scale= what "
                "they come from; give one or the other"
            )
        return cls(
            None if rotation is None else one_each(rotation, rotation_axes(components), "rotation"),
            None if scale is None else of_scale(scale),
            None if matrix is None else one_per_entry(matrix, components),
        )

    def by_entry(self, tracks: Tracks) -> bool:
        """Whether entries are to be modelled: if asked for, or if there is no other way.

        Raises
        ------
        DriftError
            If rotation or scale are asked for, but a matrix is not made of these.
        """
        if self.matrix is not None or tracks.log_scale is not None:
            return self.matrix is not None
        if self.rotation is None and self.scale is None:
            return True
        d = round(len(tracks.matrix) ** 0.5)
        entries = np.stack([track.values for track in tracks.matrix], axis=-1)
        _, log_scale = pose.of_matrices(entries.reshape(-1, d, d))
        raise DriftError(
            f"The matrix of the chunk around frame {tracks.frames[np.isnan(log_scale)][0]:g} is "
            "not a rotation with one scale; model its entries, matrix='spline', or leave such "
            "chunks out by slice="
        )

    def entries(self, tracks: Tracks) -> list[tuple[Spec, Track]]:
        """Return the model of each entry with its track, row after row."""
        specs = self.matrix or [as_spec("spline", "matrix")] * len(tracks.matrix)
        return list(zip(specs, tracks.matrix, strict=True))

    def rotations(self, tracks: Tracks) -> list[tuple[Spec, Track]]:
        """Return the model of each rotation with its track; none where nothing turns."""
        specs = self.rotation or [_usual(track) for track in tracks.rotation]
        return list(zip(specs, tracks.rotation, strict=True))

    def log_scale(self, tracks: Tracks) -> tuple[Spec, Track]:
        """Return the model of the log of the scale with its track; none if nothing grows."""
        assert tracks.log_scale is not None  # `by_entry` was asked
        scale = _usual(tracks.log_scale) if self.scale is None else self.scale
        return scale, tracks.log_scale


def _usual(track: Track) -> Spec:
    still = bool((np.abs(track.values) < NEGLIGIBLE).all())
    return as_spec("none" if still else "spline", track.name)
