"""The method ``steady``, which is icp that looks no farther than a reach."""

from __future__ import annotations

from smlm_accessor.methods.api import TARGETS, ChunkedLocalizations, Registered
from smlm_accessor.methods.registry import get, register
from smlm_accessor.options import length


@register("steady", targets=TARGETS, checks={"reach": length})
def steady(
    localizations: ChunkedLocalizations,
    *,
    target: str = "first",
    reach: float | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    """Register chunks of samples that hardly move.

    Parameters
    ----------
    localizations : ChunkedLocalizations
    target : {"first", "previous", "all"}
        What a chunk is registered onto.
    reach : float, optional
        How far the sample moves at most. By default it is chosen from the data.
    threads : int, optional
        All cores by default.
    progress : bool, default False
        Show a progress bar.

    References
    ----------
    Besl & McKay, IEEE Trans. Pattern Anal. Mach. Intell. 14, 239 (1992), DOI 10.1109/34.121791
    """
    return get("icp").function(
        localizations, target=target, max_distance=reach, threads=threads, progress=progress
    )
