"""The Dataset of transformations: what it holds, and what can be done with it."""

from smlm_accessor.drift.between_chunks import FrameTransformations, evaluate
from smlm_accessor.drift.dataset import build
from smlm_accessor.drift.poses import drift_of, offset_about, offset_from_about
from smlm_accessor.drift.segments import jump_frames
from smlm_accessor.drift.spec import center_of, components_of, is_shift_only
from smlm_accessor.drift.static import is_static
from smlm_accessor.drift.validation import require_drift

__all__ = [
    "FrameTransformations",
    "build",
    "center_of",
    "components_of",
    "drift_of",
    "evaluate",
    "is_shift_only",
    "is_static",
    "jump_frames",
    "offset_about",
    "offset_from_about",
    "require_drift",
]
