"""All loops are compiled beforehand, for the types that they have in use, and nothing is imported
that drift, correction and alignment do not need."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.cli.conftest import ROOT

CODE = """
from smlm_accessor.cli import main
from smlm_accessor.kernels.compilation import KERNELS
assert main(["warm-up"]) == 0
for kernel in KERNELS:
    print(kernel.py_func.__name__, len(kernel.signatures))
import sys
print(*sys.modules)
"""
#: Half a second, together, of every new process.
SLOW = {"scipy.stats", "scipy.signal", "lmfit", "skimage", "matplotlib"}
#: Compiled once in the plane, and once in a volume.
TWICE = {"pair_sums", "coupling_sums", "densities"}


def test_every_loop_is_compiled_for_one_type_of_each_argument() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, *lines, modules = done.stdout.splitlines()
    assert first.startswith("compiled ")
    assert f"of {len(lines)} loops" in first
    assert done.stderr == ""
    assert not SLOW & set(modules.split())
    found = dict(line.split() for line in lines)
    assert {name: n for name, n in found.items() if n != "1"} == dict.fromkeys(TWICE, "2")
