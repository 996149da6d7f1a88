"""Any bytes at all: an error of this package or a table, soon, and without filling the memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import smlm_accessor
from smlm_accessor import io
from smlm_accessor.errors import FileError, SmlmError
from tests.io import layouts
from tests.io.conftest import FORMATS, NAMES, Samples, make_table
from tests.io.test_drift import make_drift

RATIO = 20  # of memory to file
BESIDE = 16 * 2**20  # bytes of memory that a file of any size may take
SECONDS = 5.0
VERSIONS = ("m2410", "m2205")
NOT_TEXT = ["Insight3", "storm-analysis", "MINFLUX json"]
NOT_TEXT += [
    f"MINFLUX {kind} {version}" for kind in ("npy", "mat") for version in ("m2410", "m2205")
]
KINDS = [*io.format_names(written=True), "v73.mat", *NOT_TEXT, *(NAMES if FORMATS else ())]
DRIFTS = ["a.nc", "a.txt", "a.csv", "a.npy", "a.npz"]
fuzz = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)

edits = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "cut", "drop", "insert", "large"]),
        st.floats(0, 1, exclude_max=True),
        st.booleans(),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, changes: list[tuple[str, float, bool, bytes]]) -> bytes:
    """Damage bytes; half of the time near the start, where headers are."""
    result = bytearray(data)
    for kind, place, early, values in changes:
        at = int(place * min(len(result), 1500 if early else len(result)))
        if kind == "cut":
            del result[at:]
        elif kind == "drop":
            del result[at : at + 8 * len(values)]
        elif kind == "insert":
            result[at:at] = values
        elif result:
            new = b"\xff\xff\xff\x7f" if kind == "large" else values
            old = bytes(result[at : at + len(new)])
            flipped = bytes([old[0] ^ 1 << (values[0] % 8)]) if kind == "flip" else new[: len(old)]
            result[at : at + len(flipped)] = flipped
    return bytes(result)


def survives(read: Callable[[Path], object], path: Path) -> None:
    """Read a file; fail for any other error than ours, for a long time, or for much memory."""
    tracemalloc.start()
    started = time.perf_counter()
    message = str(path)
    try:
        read(path)
    except SmlmError as error:
        message = str(error)
    finally:
        seconds, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert str(path) in message
    assert len(message) < 2000
    assert seconds < SECONDS
    assert peak < RATIO * path.stat().st_size + BESIDE


@pytest.fixture(scope="module")
def drifts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("drifts")
    values = np.c_[np.arange(8), np.arange(16.0).reshape(8, 2)]
    np.save(folder / "a.npy", values)
    np.savez_compressed(folder / "a.npz", drift=values)
    for name in DRIFTS[:3]:
        io.write_drift(make_drift(single=True), folder / name, pixel_size=100)
    return Samples({name: (folder / name).read_bytes() for name in DRIFTS})


@fuzz
@given(content=st.binary(max_size=300), magic=st.sampled_from(
    [b"", b"PAR1", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"# <localizations",
     b"MATLAB 5.0 MAT-file".ljust(126) + b"IM", b'"x [nm]","y [nm]"\n', b"x\ty\n", b"1 2\n"]
))  # fmt: skip
def test_random_bytes(content: bytes, magic: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(magic + content)
    survives(smlm_accessor.read, path)
    survives(io.read_drift, path)


@pytest.mark.parametrize("kind", KINDS)
@fuzz
@given(changes=edits)
def test_damaged_tables(
    kind: str,
    changes: list[tuple[str, float, bool, bytes]],
    samples: dict[str, bytes],
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(edited(samples[kind], changes))
    survives(smlm_accessor.read, path)


@settings(fuzz, max_examples=150)
@given(kind=st.sampled_from(list(layouts.TEXTS)), changes=edits)
def test_damaged_text(
    kind: str, changes: list[tuple[str, float, bool, bytes]], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(edited(layouts.TEXTS[kind].content, changes))
    survives(smlm_accessor.read, path)
    survives(io.read_drift, path)


@pytest.mark.parametrize("kind", DRIFTS)
@fuzz
@given(changes=edits)
def test_damaged_drifts(
    kind: str,
    changes: list[tuple[str, float, bool, bytes]],
    drifts: dict[str, bytes],
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(edited(drifts[kind], changes))
    survives(io.read_drift, path)


@fuzz
@given(
    text=st.lists(
        st.sampled_from(["a", ": ", "\n", "- ", "[", "]", "&b ", "*b", "!!python/name:x ", "--- "])
        | st.text(max_size=5)
    ).map("".join)
)
def test_any_yaml(text: str, samples: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(samples["picasso"])
    (tmp_path / "file.yaml").write_text(text, encoding="utf-8", errors="replace")
    survives(smlm_accessor.read, tmp_path / "file")


def test_yaml_that_grows(samples: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(samples["picasso"])
    lines = [
        "a0: &a0 {k: v}",
        *(f"a{k}: &a{k} {{<<: [*a{k - 1}, *a{k - 1}]}}" for k in range(1, 60)),
    ]
    (tmp_path / "file.yaml").write_text("\n".join([*lines, "Pixelsize: 77"]))
    survives(smlm_accessor.read, tmp_path / "file")
    assert smlm_accessor.read(tmp_path / "file").smlm.columns.pixel_size == 77


@pytest.mark.parametrize("kind", KINDS)
def test_every_length(kind: str, samples: dict[str, bytes], tmp_path: Path) -> None:
    path, data = tmp_path / "file", samples[kind]
    for end in np.linspace(0, len(data) - 1, 12).astype(int):
        path.write_bytes(data[:end])
        survives(smlm_accessor.read, path)


@pytest.mark.parametrize("format", io.format_names(written=True))
def test_memory_of_a_whole_table(format: str, tmp_path: Path) -> None:
    io.write(make_table(20_000), tmp_path / "file", format=format)
    tracemalloc.start()
    assert len(smlm_accessor.read(tmp_path / "file")) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < RATIO * (tmp_path / "file").stat().st_size


# What the HDF5 library itself does not survive.


def test_a_list_of_free_space_in_a_circle(samples: dict[str, bytes], tmp_path: Path) -> None:
    data = bytearray(samples["picasso"])
    heap = data.find(b"HEAP")
    first, address = (int.from_bytes(data[heap + k : heap + k + 8], "little") for k in (16, 24))
    data[address + first : address + first + 8] = first.to_bytes(8, "little")
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(FileError, match="free space is damaged"):
        smlm_accessor.read(tmp_path / "file")


@pytest.mark.parametrize("name", ["xy_unit", "smlm_history"])
def test_a_text_of_gigabytes(name: str, tmp_path: Path) -> None:
    table = make_table().smlm.simulate_drift(velocity=(1, 1, 1))
    io.write(table, tmp_path / "file", format="decode")
    data = bytearray((tmp_path / "file").read_bytes())
    at = data.find(name.encode() + b"\0")
    sizes = [int.from_bytes(data[at - k : at - k + 2], "little") for k in (6, 4, 2)]
    at += sum(-(-size // 8) * 8 for size in sizes)
    assert int.from_bytes(data[at : at + 4], "little") in range(2, 2000)
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(FileError, match=f"'{name}' is longer than the file"):
        smlm_accessor.read(tmp_path / "file")


def test_numbers_of_a_kind_that_there_is_not(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    kind = h5py.h5t.IEEE_F64LE.copy()
    kind.set_ebias(5)  # h5py takes it for a number of 16 bytes
    with h5py.File(tmp_path / "file", "w") as file:
        space = h5py.h5s.create_simple((3, 2))
        h5py.h5d.create(file.create_group("data").id, b"xyz", kind, space)
    with pytest.raises(FileError, match="does not hold numbers"):
        smlm_accessor.read(tmp_path / "file")
