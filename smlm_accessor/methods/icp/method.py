"""Iterative closest point: a chunk is moved until its localizations lie on the target's."""

from __future__ import annotations

from functools import partial

from smlm_accessor.backends import track
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.icp.chunks import IcpChunks, IcpOptions
from smlm_accessor.methods.icp.coarse import coarse_pass
from smlm_accessor.methods.icp.fine import fine_pass
from smlm_accessor.methods.icp.reach import choose_reach
from smlm_accessor.methods.registry import register
from smlm_accessor.options import count, length, number


@register(
    "icp",
    checks={
        "max_distance": partial(length, remedy="leave it out to have it chosen from the data"),
        "max_iterations": partial(count, least=1, remedy="200 is enough"),
        "tolerance": partial(number, above=0, below=1, remedy="1e-6 is usual"),
    },
)
def icp(
    localizations: ChunkedLocalizations,
    *,
    target: str = "first",
    with_rotation: bool = False,
    with_scaling: bool = False,
    max_distance: float | None = None,
    max_iterations: int = 200,
    tolerance: float = 1e-6,
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    """Register every chunk on a target by iterative closest point, point to point.

    Every localization of a chunk is paired with the nearest one of the target, and the chunk is
    moved so that the pairs agree best; this is repeated until nothing changes. First a sample of
    about 1000 localizations of each chunk is placed coarsely, chunk after chunk, beginning where
    the chunks before point to: so the drift may exceed the spacing of the structure, as long as it
    does not do so from one chunk to the next. Then all localizations are registered from there,
    the chunks in parallel. At the end the mean residual of the pairs, the gradient, is averaged
    over poses around the solution, because which of the many solutions nearby an iteration ends in
    is chance.

    What it does badly: chunks in which few structures appear again, or of a few hundred
    localizations, give noisy shifts. Background blurs it more than it does other methods.

    Parameters
    ----------
    target : {"first", "previous", "all"}
        What a chunk is registered on: the first chunk that has data; the one before it, the
        transformations being composed, for structures that change, at an error that adds up; or
        all chunks before it as corrected, which is the most precise for sparse chunks and takes
        several times as long.
    with_rotation, with_scaling : bool
        Fit a rotation, a common scale factor, or both, besides the shift. With scaling the target
        is registered on the chunk as well and the mean is taken: one direction alone shrinks.
    max_distance : float, optional
        Neighbours farther than this do not count, in the unit of the positions; ten times as far in
        the coarse pass. If not given the coarse pass has no limit, and of 3, 5, 10 and 20 times the
        median distance that one is taken by which a shift is found most precisely, judged by how
        strongly and how steadily a displaced sample is pulled back.
    max_iterations : int
        Most evaluations of all neighbours for one chunk.
    tolerance : float
        Converged is when the fraction of localizations within `max_distance` and the root mean
        square of their distances change by less than this, relative, and the step that remains is
        small too.

    Returns
    -------
    Registered
        ``quality`` is the fraction of the localizations of a chunk that have a neighbour in the
        target within `max_distance`; 1 for the first chunk. ``chosen`` tells the ``max_distance``
        (with ``target="all"`` the median, for the target grows denser) and, if there are any,
        ``n_unconverged``, the number of chunks at which `max_iterations` ended it.

        ``offset_std``, of the offset at the centre, is from a jackknife over field blocks:
        localizations of one block need not be independent. It is that of the offsets less their
        mean, so the first chunk has one, too.

        A chunk is not valid if it has fewer than two localizations (with rotation or scaling: one
        more than axes), if fewer of them than that have a neighbour within reach, if the fraction
        is less than halfway from that of a displaced chunk to what is usual in this table, or if
        its neighbours are not clearly nearer than those of a displaced chunk, block by block.

    References
    ----------
    Besl & McKay, IEEE Trans. Pattern Anal. Mach. Intell. 14, 239 (1992), DOI 10.1109/34.121791. The
    transformation of paired points: Umeyama, ibid. 13, 376 (1991), DOI 10.1109/34.88573. The
    iteration is accelerated as in Pavlov et al., ICRA 2018, DOI 10.1109/ICRA.2018.8461063.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> structure = rng.uniform(-500, 500, (60, 2))
    >>> moved = rng.permutation(structure) + [9, -7]
    >>> positions = np.concatenate([structure, moved])
    >>> frames, bounds = np.repeat([0, 1], 60), np.array([0, 60, 120])
    >>> registered = icp(ChunkedLocalizations(positions, frames, bounds, ("x", "y")))
    >>> registered.offset.round(6).tolist()
    [[0.0, 0.0], [-9.0, 7.0]]
    """
    options = IcpOptions(
        target, with_rotation, with_scaling, max_distance, max_iterations, tolerance,
        threads, progress,
    )  # fmt: skip
    chunks = IcpChunks(localizations, options)
    batches = chunks.batches()
    shown = progress and target == "all"
    for batch in track(batches, total=len(batches), progress=shown, description="icp"):
        links = coarse_pass(chunks, batch)
        if links:
            reach, gain = choose_reach(chunks, links)
            fine_pass(chunks, links, reach, gain)
    return chunks.registered()
