"""Where the chunks of the user begin, and the motion within them."""

from __future__ import annotations

import numpy as np

from smlm_accessor.methods.aim.edges import filled
from smlm_accessor.methods.aim.fit import MovingChunks, WindowFit, started
from smlm_accessor.methods.aim.rest import at_rest_unless_moving
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.aim.windows import best_windows
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.tracker import Coarse

# Precisions by which chunks are blurred by the motion within them, root mean square, that make no
# difference: the error of their drift is a twentieth larger.
_BLUR = 0.3
# Where chunks move by less than so many precisions, in fewer windows of the coarse drift than so
# many, this drift shows their motion as well as shorter windows do, which take half of the time. In
# chunks with ten of them, errors were a tenth larger in one of thirty worlds; in chunks that moved
# by 1.8 precisions, a quarter in another one.
_FAR, _MANY = 1.0, 4


def begun_chunks(fit: WindowFit, found: Coarse) -> tuple[ChunkedLocalizations, WindowDrift]:
    """Return the chunks of the user, each at the mean drift of its localizations.

    If the coarse drift moves within them by more than what blurs nothing, the motion within chunks
    is taken off: that of the coarse drift where this moves little and chunks are short, or else
    that of shorter windows, which are fitted first. See `MovingChunks`.
    """
    localizations, axes = fit.localizations, fit.axes
    frames = localizations.frames
    # Those of the coarse drift are of a sample, which may begin later and end earlier.
    edges = np.concatenate([frames[:1], found.edges[1:-1], frames[-1:] + 1])
    roughly = started(WindowDrift.at_rest(frames, filled(frames, edges)), found)
    chunks = MovingChunks.of(localizations, roughly, found.jumps)
    blur = chunks.blur(fit.precision, axes) if axes else 0.0
    if blur < _BLUR:
        return localizations, chunks.motion
    if not (blur < _FAR and len(roughly.middle) < _MANY * localizations.n_chunks):
        _, motion = best_windows(fit, found)
        windows = at_rest_unless_moving(fit, fit.refit(motion)[0], found.jumps)
        chunks = MovingChunks.of(localizations, windows, found.jumps)
    return chunks.still, chunks.motion
