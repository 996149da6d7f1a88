"""Files as the programs of the field write them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor import io
from smlm_accessor.io.file_start import opened
from smlm_accessor.io.recognition import recognised
from smlm_accessor.table.localizations import read_localizations
from tests.io.conftest import FORMATS, NAMES, real_files

pytestmark = real_files
FOLDER = FORMATS or Path()
FORMAT_OF = dict(
    zip(
        NAMES,
        ("elyra", "nanoimager", "smlm", "thunderstorm", "decode", "picasso-0", "rapidstorm"),
        strict=True,
    )
)

EXPECTED = {  # rows, first positions and frame, in the length unit
    "Elyra_dstorm_data.txt": (15, (15850.6, 23502.1), 1, "nm"),
    "Nanoimager_dstorm_data.csv": (14, (40918.949219, 56104.691406, 0.0), 1548, "nm"),
    "SMLM_dstorm_data.smlm": (10, (1653.34, 8879.34), 0, "nm"),
    "Thunderstorm_dstorm_data.csv": (19, (1320.109670647555, 26344.7124618434), 2001, "nm"),
    "decode_dstorm_data.h5": (96, (-0.14920829 * 127, 138.89474 * 117, 111.926346), 294, "nm"),
    "picasso_locs.hdf5": (2399, (25.577694 * 130, 23.390852 * 130), 2, "nm"),
    "rapidSTORM_dstorm_data.txt": (14, (9657.4, 24533.5), 0, "nm"),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read(name: str) -> None:
    rows, first, frame, unit = EXPECTED[name]
    localizations = read_localizations(smlm_accessor.read(FOLDER / name))
    assert localizations.positions.shape == (rows, len(first))
    np.testing.assert_allclose(localizations.positions[0], first, rtol=1e-6)
    assert localizations.frames[0] == frame
    assert localizations.length_unit == unit
    assert localizations.finite.all()


@pytest.mark.parametrize("name", NAMES)
def test_recognised_whatever_the_name(name: str, tmp_path: Path) -> None:
    odd = tmp_path / "no_extension"
    shutil.copy(FOLDER / name, odd)
    assert recognised(opened(odd)).name == FORMAT_OF[name]
    if name != "picasso_locs.hdf5":  # whose yaml is not beside it now
        pd.testing.assert_frame_equal(io.read(odd), io.read(FOLDER / name))


@pytest.mark.parametrize("name", NAMES)
def test_round_trip_in_its_own_format(name: str, tmp_path: Path) -> None:
    table = smlm_accessor.read(FOLDER / name)
    before = table.copy(deep=True)
    path = tmp_path / "out"
    io.write(table, path, format=FORMAT_OF[name])
    again = smlm_accessor.read(path)
    pd.testing.assert_frame_equal(again, before, check_like=False, check_flags=False)
    assert again.smlm.columns == before.smlm.columns
    pd.testing.assert_frame_equal(table, before)
    assert table.attrs == before.attrs


@pytest.mark.filterwarnings("ignore:.*Picasso leaves them out")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format", io.format_names(written=True))
def test_from_every_format_to_every_other(name: str, format: str, tmp_path: Path) -> None:
    table = smlm_accessor.read(FOLDER / name)
    known = table.smlm.columns
    table = smlm_accessor.set_columns(table, pixel_size=known.pixel_size or 130)
    path = tmp_path / "out"
    io.write(table, path, format=format)
    told = {}
    if format in ("csv", "tsv") and name in ("SMLM_dstorm_data.smlm", "picasso_locs.hdf5"):
        told = {"unit": known.unit, "pixel_size": known.pixel_size}
    if format in ("csv", "tsv") and name == "decode_dstorm_data.h5":
        told = {
            "frame": "frame_ix",
            "unit": "nm",
            "uncertainty_x": "x_sig",
            "uncertainty_y": "y_sig",
        }
    again = read_localizations(smlm_accessor.read(path, **told))
    expected = read_localizations(table)
    # In text, single precision comes back with as many digits as it has.
    np.testing.assert_allclose(again.positions, expected.positions, rtol=1e-6)
    np.testing.assert_array_equal(again.frames, expected.frames)
    assert again.length_unit == expected.length_unit
    if expected.uncertainty is not None:
        assert again.uncertainty is not None
        given = expected.uncertainty[:, :2]
        np.testing.assert_allclose(again.uncertainty[:, :2], given, rtol=1e-5)


def test_picasso_knows_the_pixel_size() -> None:
    columns = smlm_accessor.read(FOLDER / "picasso_locs.hdf5").smlm.columns
    assert (columns.unit, columns.pixel_size) == ("pixel", 130)


def test_decode_with_pixels_that_are_not_square_is_in_nm() -> None:
    table = smlm_accessor.read(FOLDER / "decode_dstorm_data.h5")
    assert table["x"].dtype == np.float32
    columns = table.smlm.columns
    assert (columns.unit, columns.unit_z, columns.uncertainty_z) == ("nm", "nm", "z_sig")
    np.testing.assert_allclose(table["x_sig"][0], 0.22134583 * 127, rtol=1e-6)


def test_elyra_keeps_what_is_below_the_table(tmp_path: Path) -> None:
    table = smlm_accessor.read(FOLDER / "Elyra_dstorm_data.txt")
    io.write(table, tmp_path / "out.txt", format="elyra")
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert "VoxelSizeX : 0.0970873786 µm" in text
    assert len(smlm_accessor.read(tmp_path / "out.txt")) == len(table)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated(name: str, share: float, tmp_path: Path) -> None:
    data = (FOLDER / name).read_bytes()
    path = tmp_path / name
    cut = int(share * len(data))
    if name.endswith((".txt", ".csv")):  # within a line of the table
        body = data.split(b"\x00")[0].rstrip()
        cut = body.rfind(b"\n", 0, max(int(share * len(body)), body.find(b"\n") + 30)) + 4
    path.write_bytes(data[:cut])
    with pytest.raises(smlm_accessor.FileError, match=r"complete|damaged") as raised:
        smlm_accessor.read(path)
    assert str(path) in str(raised.value)
