"""The drift of a sample as a function of the frame; plain arrays, for any part of a movie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.options import (
    PerComponent,
    Seed,
    as_floats,
    count,
    fields,
    number,
    per_component,
)
from smlm_accessor.table.clock import FRAMES, SECONDS, Clock
from smlm_accessor.timeline import MOST_FRAMES

Term = Mapping[str, Any]
Step = tuple[int, PerComponent]
Curve = npt.ArrayLike | Callable[[Any], npt.ArrayLike]
# Microseconds from one step of a random walk in time to the next, between which it goes straight.
WALK_STEP = 10_000


class SteadyTerms(TypedDict, total=False):
    """Terms of `simulate_drift` that each frame has for itself."""

    velocity: PerComponent | None
    sinusoid: Term | Sequence[Term] | None
    settling: Term | Sequence[Term] | None
    step: Step | Sequence[Step] | None
    curve: Curve | None


def drift_curve(
    first_frame: int,
    n_frames: int,
    components: Sequence[str],
    *,
    diffusion_constant: PerComponent | None = None,
    seed: Seed = None,
    **terms: Unpack[SteadyTerms],
) -> FloatArray:
    """Return the drift in each of a run of frames: the sum of all terms that are given.

    Every term is zero in the first frame. The same seed gives the same drift whatever the number of
    frames: a longer run begins with the shorter one. Terms are those of `simulate_drift`.
    """
    n = count("n_frames", n_frames)
    if n > MOST_FRAMES:
        raise OptionError(
            f"frames {first_frame} to {first_frame + n - 1} are {n:.1e} frames, more than "
            f"{MOST_FRAMES:.0e}: too many for a value in each; number them without large gaps, or "
            " leave out diffusion_constant and return_drift"
        )
    frames = np.arange(first_frame, first_frame + n)
    shift = steady_drift(frames, first_frame, components, **terms)
    if diffusion_constant is not None:
        diffusion = per_component("diffusion_constant", diffusion_constant, components, least=0)
        steps = np.random.default_rng(seed).standard_normal((max(n - 1, 0), len(components)))
        shift[1:] += np.cumsum(steps * np.sqrt(2 * diffusion), axis=0)
    return shift


def steady_drift(
    frames: IntArray,
    first_frame: int,
    components: Sequence[str],
    clock: Clock = FRAMES,
    **terms: Unpack[SteadyTerms],
) -> FloatArray:
    """Return the drift in any frames, in any order, without a random walk: each frame for itself.

    None is before ``first_frame``, where every term is zero; see `drift_curve`. Frames are counts
    of the clock, terms are per frame or per second.
    """
    time = clock.values(frames - first_frame).astype(np.float64)[:, None]
    shift = np.zeros((len(frames), len(components)))
    velocity, curve = terms.get("velocity"), terms.get("curve")
    if velocity is not None:
        shift += per_component("velocity", velocity, components) * time
    for term in _several(terms.get("sinusoid")):
        values = fields("sinusoid", term, ("amplitude", "period"), ("phase",))
        period = per_component("sinusoid period", values["period"], components, above=0)
        phase = per_component("sinusoid phase", values.get("phase", 0.0), components)
        wave = np.sin(2 * np.pi * time / period + phase) - np.sin(phase)
        shift += per_component("sinusoid amplitude", values["amplitude"], components) * wave
    for term in _several(terms.get("settling")):
        values = fields("settling", term, ("amplitude", "time_constant"))
        constant = per_component(
            "settling time_constant", values["time_constant"], components, above=0
        )
        amplitude = per_component("settling amplitude", values["amplitude"], components)
        shift += amplitude * -np.expm1(-time / constant)
    for frame, jump in _steps(terms.get("step")):
        begins = number(f"step {clock.name}", frame) * clock.per_unit
        size = per_component("step jump", jump, components)
        if begins > first_frame:
            shift += np.where(frames[:, None] >= begins, size, 0.0)
    if curve is not None:
        shift += _curve_values(curve, frames, first_frame, len(components), clock)
    return shift


def random_walk(
    n_ticks: int, components: Sequence[str], diffusion_constant: PerComponent, seed: Seed
) -> FloatArray:
    """Return a random walk in time, one row each `WALK_STEP` ticks, from 0 to all of them.

    The variance of a step is twice the diffusion constant, per second, times its length.
    """
    n = n_ticks // WALK_STEP + 2
    if n > MOST_FRAMES:
        raise OptionError(
            f"the times span {SECONDS.said(n_ticks)}, too many for a random walk; leave out "
            "diffusion_constant"
        )
    diffusion = per_component("diffusion_constant", diffusion_constant, components, least=0)
    steps = np.random.default_rng(seed).standard_normal((n - 1, len(components)))
    sizes = np.sqrt(2 * diffusion * float(SECONDS.values(WALK_STEP)))
    return np.concatenate([np.zeros((1, len(components))), np.cumsum(steps * sizes, axis=0)])


def _several(terms: Term | Sequence[Term] | None) -> list[Any]:
    if terms is None:
        return []
    if isinstance(terms, Mapping) or not isinstance(terms, Sequence):
        return [terms]
    return list(terms)


def _steps(steps: Step | Sequence[Step] | None) -> list[tuple[Any, Any]]:
    """Return pairs of frame and jump, from one pair or several."""
    if steps is None:
        return []
    try:
        given: list[Any] = list(steps)
        is_pair = len(given) == 2 and not isinstance(given[0], Sequence | np.ndarray)
        pairs = [given] if is_pair else given
        return [(frame, jump) for frame, jump in pairs]
    except (TypeError, ValueError):
        raise OptionError(
            f"step={steps!r} must be a pair (frame, jump), or a list of such pairs"
        ) from None


def _curve_values(
    curve: Curve, frames: IntArray, first_frame: int, d: int, clock: Clock
) -> FloatArray:
    if callable(curve):
        values = as_floats("curve", curve(clock.values(np.append(first_frame, frames))))
        if values.shape != (len(frames) + 1, d):
            raise OptionError(
                f"curve gave an array of shape {values.shape} for {len(frames) + 1} frames; it "
                f"must give ({len(frames) + 1}, {d}): a row for each frame"
            )
        values, start = values[1:], values[0]
    elif clock.is_time:
        raise OptionError(
            "curve is an array, with a row for each frame, but the table has times: give a "
            "function of times in seconds"
        )
    else:
        rows = as_floats("curve", curve)
        needed = int(frames.max()) - first_frame + 1 if len(frames) else 0
        if rows.ndim != 2 or rows.shape[1] != d or len(rows) < needed:
            raise OptionError(
                f"curve has shape {rows.shape}; it must have {d} columns and at least {needed} "
                f"rows, one for each frame from {first_frame} on"
            )
        if not len(frames):
            return np.zeros((0, d))
        values, start = rows[frames - first_frame], rows[0]
    if not (np.isfinite(values).all() and np.isfinite(start).all()):
        raise OptionError("curve is not finite in every frame; fill its gaps first")
    return np.asarray(values - start)
