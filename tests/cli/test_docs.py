"""The page of the command: its examples run, and it says what there is."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from smlm_accessor.cli import status
from tests.cli.conftest import ROOT, XY, names, run

PAGE = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\$ smlm (.+)$", PAGE, re.M)


def test_every_example_runs(drifted: pd.DataFrame) -> None:
    cell = drifted
    cell.to_csv("cell.csv", index=False)
    rng = np.random.default_rng(1)
    for color in ("red", "blue"):
        moved = cell.assign(**{c: cell[c] + rng.normal(0, 1, len(cell)) for c in XY})
        moved.to_csv(f"{color}.csv", index=False)
    half = cell["frame"].max() // 2
    cell[cell["frame"] <= half].to_csv("part1.csv", index=False)
    late = cell[cell["frame"] > half]
    late.assign(frame=late["frame"] - half).to_csv("part2.csv", index=False)
    for line in EXAMPLES:
        if line.startswith(("warm-up", "tutorial")):
            continue  # have tests of their own
        line = line.replace("--jobs 2", "--jobs 1")  # processes: test_many.py
        given = line if line.startswith("info") else f"{line} --quiet"
        if line.startswith(("correct", "drift")) and not re.search("--method|--drift", line):
            given += " --method cc --n-chunks 5"  # the usual one takes seconds
        assert run(given) == 0, line
    written = set(re.findall(r"(?:-o|--out) (\S+)|correct \S+ (\S+_fixed\.csv)", PAGE))
    assert {one or other for one, other in written} - {"FOLDER", "tutorial"} <= names()
    assert len(pd.read_csv("movie.csv")) == len(cell)


def test_every_subcommand_and_exit_status_is_there() -> None:
    import smlm_command

    told = re.findall(r"^  ([\w-]+)  +\S", smlm_command.HELP.partition("options:")[0], re.M)
    assert sorted(told) == sorted({line.split()[0] for line in EXAMPLES})
    statuses = {value for name, value in vars(status).items() if name.isupper()}
    assert {int(n) for n in re.findall(r"^\| (\d+) \|", PAGE, re.M)} == {0, *statuses}
