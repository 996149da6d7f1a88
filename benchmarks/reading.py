"""How fast large tables are read, and in how much memory, beside the libraries that read them.

Each format is written once, then read by `smlm_accessor.read` and by a yardstick: h5py, which reads
the dataset of Picasso, and pyarrow, which reads the csv of ThunderSTORM, both into a DataFrame of
pandas with the same columns. Each reading is a process of its own, since memory is a maximum over
its life (read from /proc: Linux only); those of both take turns, and the ratio is that of the
fastest of each.

``python benchmarks/reading.py --rows 10_000_000 --repeats 3``
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

FORMATS = {"picasso": "locs.hdf5", "thunderstorm": "locs.csv"}
MOST_SECONDS, MOST_MEMORY = 1.5, 3.0  # times the yardstick, and times the table

_WRITE = """
import sys
import numpy as np, pandas as pd
from pathlib import Path
kind, path, n = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(1)
frame = np.sort(rng.integers(n // 100, size=n))
xy = rng.uniform(0, 40_000, (n, 2))
if kind == "picasso":
    import h5py, yaml
    columns = {"frame": frame.astype("u4"), "x": (xy[:, 0] / 100).astype("f4"),
               "y": (xy[:, 1] / 100).astype("f4"), "photons": rng.gamma(3, 500, n).astype("f4"),
               "sx": rng.normal(1.2, .1, n).astype("f4"), "sy": rng.normal(1.2, .1, n).astype("f4"),
               "bg": rng.gamma(3, 5, n).astype("f4"), "lpx": rng.gamma(9, .01, n).astype("f4"),
               "lpy": rng.gamma(9, .01, n).astype("f4"), "ellipticity": rng.random(n).astype("f4"),
               "net_gradient": rng.gamma(3, 3000, n).astype("f4")}
    locs = np.rec.fromarrays(list(columns.values()), names=list(columns))
    with h5py.File(path, "w") as file:
        file.create_dataset("locs", data=locs)
    path.with_suffix(".yaml").write_text(yaml.safe_dump({"Width": 400, "Height": 400,
        "Frames": n // 100, "Pixelsize": 100.0}))
else:
    import pyarrow, pyarrow.csv
    columns = {"id": np.arange(1.0, n + 1), "frame": frame + 1.0, "x [nm]": xy[:, 0],
               "y [nm]": xy[:, 1], "sigma [nm]": rng.normal(120, 10, n),
               "intensity [photon]": rng.gamma(3, 500, n), "offset [photon]": rng.gamma(3, 50, n),
               "bkgstd [photon]": rng.gamma(3, 5, n), "uncertainty_xy [nm]": rng.gamma(9, 1, n)}
    for name in list(columns)[2:]:
        columns[name] = np.round(columns[name], 4)
    pyarrow.csv.write_csv(pyarrow.table(columns), path)
"""

_HEAD = """
import json, sys, time
path = sys.argv[1]
def peak():  # of the program alone: what getrusage tells begins with that of the parent process
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
"""
_TELL = """
seconds = time.perf_counter() - started
size = int(table.memory_usage(index=False).sum())
print(json.dumps({"seconds": seconds, "memory": (peak() - before) / size, "rows": len(table)}))
"""
_SMALL = "import smlm_accessor, smlm_accessor.io.recognition\n"
_READ = {
    ("picasso", "smlm_accessor"): _SMALL + "import h5py, yaml\n",
    ("thunderstorm", "smlm_accessor"): _SMALL + "import pyarrow.csv\n",
    ("picasso", "yardstick"): "import h5py, numpy as np, pandas as pd\n",
    ("thunderstorm", "yardstick"): "import pandas, pyarrow.csv\n",
}
_HOW = {
    "smlm_accessor": "table = smlm_accessor.read(path)\n",
    "picasso": (
        "values = h5py.File(path)['locs'][...]\n"
        "table = pd.DataFrame({name: np.array(values[name]) for name in values.dtype.names})\n"
    ),
    "thunderstorm": "table = pyarrow.csv.read_csv(path).to_pandas()\n",
}


def read_once(kind: str, who: str, path: Path) -> dict[str, float]:
    """Read a file in a process of its own; return seconds, and memory in sizes of the table."""
    how = _HOW[kind if who == "yardstick" else who]
    begin = "before, started = peak(), time.perf_counter()\n"
    code = _HEAD + _READ[kind, who] + begin + how + _TELL
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(kind: str, path: Path, repeats: int) -> dict[str, float]:
    """Return the fastest seconds of both, their ratio, and the least of the peaks of memory."""
    found: dict[str, list[dict[str, float]]] = {"smlm_accessor": [], "yardstick": []}
    for _ in range(repeats):
        for who, runs in found.items():
            runs.append(read_once(kind, who, path))
    ours, theirs = (min(run["seconds"] for run in runs) for runs in found.values())
    memory = [min(run["memory"] for run in runs) for runs in found.values()]
    return {
        "rows": found["smlm_accessor"][0]["rows"],
        "seconds": ours,
        "yardstick": theirs,
        "ratio": ours / theirs,
        "memory": memory[0],
        "memory of yardstick": memory[1],
    }


def write(kind: str, path: Path, rows: int) -> None:
    """Write a table as the program does."""
    subprocess.run([sys.executable, "-c", _WRITE, kind, str(path), str(rows)], check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each format; the status is 1 if one takes more than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=lambda text: int(text.replace("_", "")), default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    given = parser.parse_args(arguments)
    within = True
    with tempfile.TemporaryDirectory() as folder:
        for kind in given.formats:
            path = Path(folder, FORMATS[kind])
            write(kind, path, given.rows)
            found = measure(kind, path, given.repeats)
            path.unlink()
            within &= found["ratio"] <= MOST_SECONDS and found["memory"] <= MOST_MEMORY
            print(
                f"{kind:13s}{found['rows']:12,} rows  {found['seconds']:6.2f} s, yardstick "
                f"{found['yardstick']:6.2f} s, ratio {found['ratio']:.2f}; memory "
                f"{found['memory']:.2f} times the table, of the yardstick "
                f"{found['memory of yardstick']:.2f}",
                flush=True,
            )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
