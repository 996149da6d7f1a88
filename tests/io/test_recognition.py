"""Which format a file has: by its first line or its first bytes, whatever its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from smlm_accessor import io
from smlm_accessor.errors import FileError
from smlm_accessor.io.file_start import opened
from smlm_accessor.io.recognition import recognised

Put = Callable[..., Path]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("a,b,c", "csv"),
        ("frame,x,y", "csv"),
        ("frame;x;y", "csv"),
        ("a\tb\tc", "tsv"),
        ('"id","frame","x [nm]","y [nm]"', "thunderstorm"),
        ("Channel,Frame,X (nm),Y (nm)", "nanoimager"),
        ("Index\tFirst Frame\tPosition X [nm]\tPosition Y [nm]", "elyra"),
        ('# <localizations insequence="true">', "rapidstorm"),
        ("PAR1", "parquet"),
    ],
)
def test_by_its_first_line(header: str, name: str, put: Put) -> None:
    between = next((sep for sep in "\t;," if sep in header), ",")
    row = between.join(["1"] * (header.count(between) + 1))
    for before in ("", "\n \n"):
        if before and name == "parquet":
            continue
        assert recognised(opened(put(f"{before}{header}\n{row}\n"))).name == name
    assert recognised(opened(put(f"{header}\r\n{row}\r\n"))).name == name


def test_by_what_it_holds(samples: dict[str, bytes], put: Put) -> None:
    for name in io.format_names(written=True):
        found = recognised(opened(put(samples[name]))).name
        assert found == name or name in ("csv", "tsv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x1f\x8b\x08\x00", "gzip: unpack it first"),
        (b"CDF\x01\x00", "read_drift"),
        (b"II*\x00\x00", "TIFF"),
        (b"\xff\xfea\x00", "save it in UTF-8"),
        (b"\x00\x01\x02", "not a table in any format known here; give .* as Picasso,"),
    ],
)
def test_what_else_it_looks_like_is_said(content: bytes, words: str, put: Put) -> None:
    with pytest.raises(FileError, match=words):
        recognised(opened(put(content)))


def test_what_describes_a_movie_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "locs.yaml"
    path.write_text("Box Size: 7\nByte Order: <\nFrames: 100\n")
    with pytest.raises(FileError, match=r"is yaml.*which is \.hdf5"):
        io.read(path)
    (tmp_path / "locs.hdf5").write_text("")
    with pytest.raises(FileError, match=r"give the file beside it, locs\.hdf5"):
        io.read(path)
    path.write_text("x: nm,y: nm,frame\n1,2,3\n")  # whatever it is called
    assert io.read(path, x="x: nm", y="y: nm").shape == (1, 3)
