"""Where the chunks of the user begin, and the motion within them."""

from __future__ import annotations

import numpy as np

from smlm_accessor.methods.aim.edges import filled
from smlm_accessor.methods.aim.fit import WindowFit, of_chunks, started
from smlm_accessor.methods.aim.rest import at_rest_unless_moving
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.aim.windows import best_windows
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.tracker import Coarse

# Precisions by which chunks are blurred by the motion within them, root mean square, that make no
# difference: the error of their drift is a twentieth larger.
_BLUR = 0.3


def begun_chunks(fit: WindowFit, found: Coarse) -> tuple[ChunkedLocalizations, WindowDrift]:
    """Return the chunks of the user, each at the mean drift of its localizations.

    If the coarse drift moves within them by more than what blurs nothing, shorter windows are
    fitted first, and the motion within chunks is taken off. See `of_chunks`.
    """
    localizations, axes = fit.localizations, fit.axes
    frames = localizations.frames
    # Those of the coarse drift are of a sample, which may begin later and end earlier.
    edges = np.concatenate([frames[:1], found.edges[1:-1], frames[-1:] + 1])
    roughly = started(WindowDrift.at_rest(frames, filled(frames, edges)), found)
    still, motion = of_chunks(localizations, roughly, found.jumps)
    within = (still.positions - localizations.positions)[:, axes] / fit.precision[axes]
    if np.sqrt(np.mean(within**2, axis=0)).max(initial=0.0) < _BLUR:
        return localizations, motion
    _, motion = best_windows(fit, found)
    windows = at_rest_unless_moving(fit, fit.refit(motion)[0], found.jumps)
    return of_chunks(localizations, windows, found.jumps)
