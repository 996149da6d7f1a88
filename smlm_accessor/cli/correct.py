"""``smlm correct IN OUT``: remove the drift from a table in a file or folder, or from many."""

from __future__ import annotations

import argparse
from pathlib import Path

from smlm_accessor.cli.messages import say
from smlm_accessor.cli.requests import computing, request_of
from smlm_accessor.cli.status import MADE_WORSE
from smlm_accessor.correct.one_file import Corrected, correct_file
from smlm_accessor.drift import jump_frames
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import OptionError
from smlm_accessor.plot.style import written_unit


def run(arguments: argparse.Namespace) -> int:
    """Correct, and say what was done; 3 if it made the table worse and is not written.

    Raises `SmlmError` if the input or an option cannot be used; then nothing is written.
    """
    if arguments.out is not None:
        from smlm_accessor.cli.many import run as run_many

        return run_many(arguments)
    only_many = {"--each": arguments.each, "--jobs": arguments.jobs}
    if wrong := [flag for flag, value in only_many.items() if value]:
        raise OptionError(f"{', '.join(wrong)} is for many files, which need --out FOLDER")
    if len(arguments.files) != 2:
        raise OptionError(
            f"give IN and OUT, or files and --out FOLDER to correct each; {len(arguments.files)} "
            "given without --out; see smlm correct --help"
        )
    source, result = arguments.files
    request = request_of(arguments, source=source, result=result)
    with computing(arguments, request):
        done = correct_file(request)
    if not arguments.quiet:
        print("\n".join(_summary(done, arguments)))
    if done.is_written:
        return 0
    say(
        "error",
        f"the correction made {source} worse, so it is not written; see why in the page of "
        "--report PAGE, try another --method, or write it with --force",
    )
    return MADE_WORSE


def drift_lines(done: Corrected, drift: Path | None) -> list[str]:
    """Return lines on the drift that was removed."""
    dataset = done.dataset
    unit = written_unit(dataset.attrs.get("length_unit"))
    sizes = [f"{axis} {value:.4g} {unit}".strip() for axis, value in done.drift_range.items()]
    n_chunks, n_valid = dataset.sizes["chunk"], int(dataset["valid"].sum())
    registered = "" if n_valid == n_chunks else f", {n_valid} of them registered"
    jumps, clock = jump_frames(dataset).tolist(), clock_of(dataset)
    named = ", ".join(map(clock.said, jumps[:5])).replace(", frame ", ", ")
    named += f" and {len(jumps) - 5} more" * (len(jumps) > 5)
    how = f"from {drift}" if drift else f"by {dataset.attrs.get('method')}"
    return [
        f"localizations  {done.n_localizations:,}",
        f"{'time' if done.times.endswith(' s') else 'frames':<14} {done.times}",
        f"drift          {', '.join(sizes)} (largest minus smallest), {how}",
        f"chunks         {n_chunks}{registered}",
        *([f"jumps          {len(jumps)}, at {named}"] if jumps else []),
    ]


def _summary(done: Corrected, arguments: argparse.Namespace) -> list[str]:
    return [
        *drift_lines(done, arguments.drift),
        f"verdict        {done.verdict or 'none: too few frames'}",
        *done.outputs.lines(),
        f"time           {done.seconds:.1f} s",
    ]
