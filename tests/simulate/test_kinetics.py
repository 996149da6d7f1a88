from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate.kinetics import bright_frames, dark_time

ON, OFF = 4.0, 36.0


def bright(n_emitters: int, n_frames: int, seed: int = 1) -> np.ndarray:
    """True where an emitter is bright, shape (emitters, frames)."""
    emitters, frames = bright_frames(
        n_emitters, n_frames, mean_on=ON, mean_off=OFF, rng=np.random.default_rng(seed)
    )
    state = np.zeros((n_emitters, n_frames), dtype=bool)
    state[emitters, frames] = True
    assert state.sum() == len(frames), "an emitter was seen twice in a frame"
    return state


def run_lengths(state: np.ndarray, *, of: bool) -> np.ndarray:
    """Lengths of the runs that begin and end within the movie."""
    lengths = []
    for row in state:
        edges = np.flatnonzero(np.diff(row)) + 1
        runs = np.diff(edges)
        lengths.append(runs[row[edges[:-1]] == of])
    return np.concatenate(lengths)


@pytest.mark.parametrize(("of", "mean"), [(True, ON), (False, OFF)])
def test_bright_and_dark_times_are_geometric(of: bool, mean: float) -> None:
    lengths = run_lengths(bright(400, 20_000), of=of)
    assert lengths.min() == 1
    deviation = np.sqrt(mean * (mean - 1))
    assert abs(lengths.mean() - mean) < 5 * deviation / np.sqrt(len(lengths)) + mean * OFF / 20_000
    for k in (1, 2, 5, 10):
        survival = (1 - 1 / mean) ** k
        error = np.sqrt(survival * (1 - survival) / len(lengths))
        assert abs((lengths > k).mean() - survival) < 5 * error + OFF / 20_000


def test_it_is_in_the_steady_state_from_the_first_frame_to_the_last() -> None:
    state = bright(20_000, 60)
    duty = ON / (ON + OFF)
    error = np.sqrt(duty * (1 - duty) / len(state))
    assert (abs(state.mean(axis=0) - duty) < 5 * error).all()


def test_emitters_are_independent_of_their_neighbours() -> None:
    state = bright(20_000, 60)
    correlation = np.corrcoef(state[:-1, -1], state[1:, 0])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(len(state))


def test_beads_are_always_bright() -> None:
    emitters, frames = bright_frames(2, 3, mean_on=np.inf, mean_off=0, rng=np.random.default_rng(1))
    assert emitters.tolist() == [0, 0, 0, 1, 1, 1]
    assert frames.tolist() == [0, 1, 2, 0, 1, 2]


@given(
    n_emitters=st.integers(0, 8),
    n_frames=st.integers(1, 50),
    mean_on=st.floats(1, 100),
    mean_off=st.one_of(st.floats(1, 1e5), st.just(np.inf)),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_emitter_is_twice_in_a_frame(
    n_emitters: int, n_frames: int, mean_on: float, mean_off: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    emitters, frames = bright_frames(
        n_emitters, n_frames, mean_on=mean_on, mean_off=mean_off, rng=rng
    )
    seen = emitters * n_frames + frames
    assert (np.diff(seen) > 0).all()
    assert ((emitters >= 0) & (emitters < n_emitters)).all()
    assert ((frames >= 0) & (frames < n_frames)).all()
    if np.isinf(mean_off):
        assert len(frames) == 0


def dark(**options: float | None) -> float:
    given = {
        "mean_on_frames": 4.0,
        "bindings_per_site": None,
        "localizations_per_frame": None,
        "background_fraction": 0.0,
    } | options
    return dark_time(10, 1000, **given)  # type: ignore[arg-type]


def test_the_dark_time_gives_what_is_asked_for() -> None:
    assert dark() == 96
    assert dark(bindings_per_site=50) == 16
    assert dark(localizations_per_frame=2) == pytest.approx(16)
    assert dark(localizations_per_frame=2.5, background_fraction=0.2) == pytest.approx(16)
    assert dark(bindings_per_site=200) == 1
    assert dark(bindings_per_site=0) == np.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bindings_per_site": 201}, "bindings_per_site can be 200 at most"),
        ({"localizations_per_frame": 8.1}, "localizations_per_frame can be 8 at most"),
        ({"bindings_per_site": 1, "localizations_per_frame": 1}, "only one of"),
        ({"bindings_per_site": -1}, "bindings_per_site=-1"),
        ({"mean_on_frames": 0.5}, "mean_on_frames=0.5 must be at least 1"),
        ({"mean_on_frames": np.inf, "bindings_per_site": 3}, "leave out"),
    ],
)
def test_what_makes_no_sense_is_named(options: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        dark(**options)
