"""Small files in the layouts of the field's programs, and what they say.

They are made, after descriptions of the layouts; real files are in ``test_real_files``.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Layout(NamedTuple):
    """What a file says: its first position in the length unit, first frame or time, precision."""

    content: bytes
    format: str
    first: tuple[float, ...]
    frame: int | None
    unit: str | None
    precision: str | None = None
    rows: int = 3
    pixels: tuple[str, ...] = ()
    time: float | None = None  # seconds


def text(separator: str, names: str, *rows: str, above: str = "", start: str = "") -> bytes:
    """Return a text; names and values are written with ``|`` between them here."""
    lines = [start + names, *rows]
    return (above + "\n".join(lines).replace("|", separator) + "\n").encode()


N_STORM = (
    "Channel Name|X|Y|Xc|Yc|Height|Area|Width|Phi|Ax|BG|I|Frame|Length|Link|Valid|Z|Zc|Photons|"
    "Lateral Localization Accuracy|Xw|Yw|Xwc|Ywc|Zw|Zwc"
)


def _n_storm(x: float, frame: int) -> str:
    tail = f"{x}|900.5|{x}|900.5|3|4"
    return (
        f"647|{x}|900.5|{x + 5}|905.5|7|8|300|0|1|5|9|{frame}|1|-1|1|12.5|13|800|{x / 100}|{tail}"
    )


GDSC = "Frame|origX|origY|origValue|Error|Noise|Signal|X (px)|Y (px)|Z (px)|Precision (nm)"
GDSC_NOTES = (
    "#Localisation Results File\n#FileVersion Text.D0.E0.V2\n#Name Image (LSE)\n"
    "#Calibration <gdsc.Calibration><nmPerPixel>105.0</nmPerPixel><gain>5.5</gain></gdsc>\n"
)
ONI = (
    "Channel|Frame|X (nm)|Y (nm)|Z (nm)|X precision (nm)|Y precision (nm)|X (pix)|Y (pix)|Z (pix)|"
    "X precision (pix)|Y precision (pix)|Photons|Background"
)
DECODE = "|x|y|z|phot|frame_ix|id|prob|bg|x_sig|y_sig|z_sig"
MM = "molecule|frame|slice|channel|pos|x_position|y_position|x|y|intensity|background|width|sigma"
DOM = "X_(px)|Y_(px)|Frame_Number|X_(nm)|X_loc_error(nm)|Y_(nm)|Y_loc_error(nm)|Z_(nm)"
QUICK = " |Intensity|X (px)|Y (px)|X (nm)|Y (nm)|Z (nm)|Left-Width (px)|Frame Number"
PYME = "A|fitResults_z0|fitResults_x0|fitResults_y0|x|error_x|error_y|y|nPhotons|z|t"
TRACKMATE = "LABEL|ID|TRACK_ID|QUALITY|POSITION_X|POSITION_Y|POSITION_Z|POSITION_T|FRAME|RADIUS"

TEXTS: dict[str, Layout] = {
    "ThunderSTORM, tabs": Layout(
        text("\t", '"id"|"frame"|"x [nm]"|"y [nm]"|"uncertainty [nm]"',
             "1.0|4.0|100.5|200.25|12.5", "2.0|4.0|101.5|200.25|13", "3.0|5.0|102.5|1|13"),
        "thunderstorm", (100.5, 200.25), 4, "nm", "uncertainty [nm]"),
    "ThunderSTORM, semicolons and decimal commas": Layout(
        text(";", '"id"|"frame"|"x [nm]"|"y [nm]"|"uncertainty [nm]"',
             "1|4|100,5|200,25|12,5", "2|4|101,5|200,25|13", "3|5|102,5|1,25|13"),
        "thunderstorm", (100.5, 200.25), 4, "nm", "uncertainty [nm]"),
    "ONI, newer": Layout(
        text(",", ONI, "0|7|1170|2340|117|10|11|10|20|1|.1|.1|500|3",
             "0|8|2340|3510|0|10|11|20|30|0|.1|.1|500|3",
             "0|9|3510|1170|0|10|11|30|10|0|.1|.1|500|3"),
        "nanoimager", (1170, 2340, 117), 7, "nm", "X precision (nm)",
        pixels=("X (pix)", "Y (pix)", "Z (pix)")),
    "QuickPALM": Layout(
        text("\t", QUICK, "1|99|10|20|1060|2120|3|1.2|5", "2|99|11|21|1166|2226|3|1.2|5",
             "3|99|12|22|1272|2332|3|1.2|6"),
        "quickpalm", (1060, 2120, 3), 5, "nm", pixels=("X (px)", "Y (px)")),
    "DoM": Layout(
        text("\t", DOM,
             "10|20|5|640|4.5|1280|5.5|7", "11|21|6|704|4.5|1344|5|7", "12|22|7|768|4.5|1408|5|7"),
        "dom", (640, 1280, 7), 5, "nm", "X_loc_error(nm)", pixels=("X_(px)", "Y_(px)")),
    "N-STORM": Layout(
        text("\t", N_STORM, _n_storm(1500.5, 3), _n_storm(1600.5, 3), _n_storm(1700.5, 4)),
        "n-storm", (1500.5, 900.5, 12.5), 3, "nm", "Lateral Localization Accuracy"),
    "Leica GSD": Layout(
        text(", ", "stackID(UINT32)|frameID(UINT32)|eventID(UINT32)|x0(float)|y0(float)|z0(float)|"
             "photon_count0(float)", "0|3|1|1500.5|900|12|77", "0|3|2|1600|900|0|77",
             "0|4|1|1700|900|0|77", start="#"),
        "leica-gsd", (1500.5, 900, 12), 3, "nm"),
    "PYME": Layout(
        text(",", PYME, "9|1|2|3|1500.5|8.5|9.5|900|400|12|3", "9|1|2|3|1600|8|9|900|400|0|3",
             "9|1|2|3|1700|8|9|900|400|0|4", start="#"),
        "pyme", (1500.5, 900, 12), 3, "nm", "error_x"),
    "SMAP csv": Layout(
        text(",", "frame|x_pix|y_pix|sx_pix|photons|x_nm|y_nm|crlb_xnm|crlb_ynm",
             "3|10|20|1.1|900|1000|2000|8.5|9.5", "3|11|21|1.1|900|1100|2100|8|9",
             "4|12|22|1.1|900|1200|2200|8|9"),
        "smap-csv", (1000, 2000), 3, "nm", "crlb_xnm", pixels=("x_pix", "y_pix")),
    "SMLM challenge": Layout(
        text(",", "Ground-truth|frame|xnano|ynano|znano|intensity", "1|3|1500.5|900|12|77",
             "2|3|1600|900|0|77", "3|4|1700|900|0|77"),
        "smlm-challenge", (1500.5, 900, 12), 3, "nm"),
    "DECODE csv": Layout(
        text(",", DECODE, "0|10.5|20|30|900|3|1|.9|5|.1|.2|9", "1|11|21|30|900|3|2|.9|5|.1|.2|9",
             "2|12|22|30|900|4|3|.9|5|.1|.2|9",
             above='# {"version": "0.10.2"}\n# {"xy_unit": "px", "px_size": [100.0, 100.0]}\n'),
        "decode-csv", (1050, 2000, 30), 3, "nm", "x_sig"),
    "DECODE csv in nm": Layout(
        text(",", DECODE, "0|10.5|20|30|900|3|1|.9|5|.1|.2|9", "1|11|21|30|900|3|2|.9|5|.1|.2|9",
             "2|12|22|30|900|4|3|.9|5|.1|.2|9", above='# {"xy_unit": "nm"}\n'),
        "decode-csv", (10.5, 20, 30), 3, "nm", "x_sig"),
    "GDSC file": Layout(
        text("\t", GDSC, "3|10|20|99|.1|2|800|10.5|20.5|1|21", "3|11|21|99|.1|2|800|11|21|1|21",
             "4|12|22|99|.1|2|800|12|22|1|21", above=GDSC_NOTES, start="#"),
        "gdsc-smlm", (1102.5, 2152.5, 105), 3, "nm", "Precision (nm)"),
    "GDSC table": Layout(
        text("\t", GDSC, "3|10|20|99|.1|2|800|10.5|20.5|1|21", "3|11|21|99|.1|2|800|11|21|1|21",
             "4|12|22|99|.1|2|800|12|22|1|21"),
        "gdsc-smlm", (10.5, 20.5, 1), 3, "pixel", "Precision (nm)"),
    "Micro-Manager": Layout(
        text("\t", MM, "1|3|1|1|1|10|20|1500.5|900|77|5|300|8.5",
             "2|3|1|1|1|11|20|1600|900|7|5|3|8",
             "3|4|1|1|1|12|20|1700|900|7|5|3|8",
             above="application_id: 3\tname: cell 1, b\tnr_frames: 900\tlocation_units: NM\n"),
        "micro-manager", (1500.5, 900), 3, "nm", "sigma"),
    "Vutara": Layout(
        text(",", "image-ID|cycle|z-step|frame|accum|probe|x|y|z|precisionx|precisiony|precisionz",
             "0|0|0|3|0|0|1500.5|900|12|8.5|9.5|30", "0|0|0|3|0|0|1600|900|12|8|9|30",
             "0|0|0|4|0|0|1700|900|12|8|9|30"),
        "vutara", (1500.5, 900, 12), 3, "nm", "precisionx"),
    "palm-tracer": Layout(
        text(",", "Id|Plane|Index|Channel|X|Y|Z|Integrated Intensity", "1|3|0|0|15.5|9|0|77",
             "2|3|1|0|16|9|0|77", "3|4|0|0|17|9|0|77"),
        "palm-tracer", (15.5, 9, 0), 3, None),
    "TrackMate": Layout(
        text(",", TRACKMATE, "Label|Spot ID|Track ID|Quality|X|Y|Z|T|Frame|R",
             "|||(quality)|(micron)|(micron)|(micron)|(sec)||(micron)",
             "ID1|1|0|3|1.5|2.5|0|0.1|3|.2", "ID2|2|0|3|1.6|2.5|0|0.1|3|.2",
             "ID3|3|0|3|1.7|2.5|0|0.2|4|.2"),
        "trackmate", (1.5, 2.5, 0), 3, "um"),
    "TrackMate without units": Layout(
        text(",", TRACKMATE, "ID1|1|0|3|1.5|2.5|0|0.1|3|.2", "ID2|2|0|3|1.6|2.5|0|0.1|3|.2",
             "ID3|3|0|3|1.7|2.5|0|0.2|4|.2"),
        "trackmate", (1.5, 2.5, 0), 3, None),
    "ChimeraX": Layout(
        text("\t", "channel|Xc|Yc|Zc|width|Frame", "0|1500.5|900|12|300|3", "0|1600|900|12|300|3",
             "0|1700|900|12|300|4"),
        "chimerax", (1500.5, 900, 12), 3, None),
    "pyMINFLUX": Layout(
        text(",", "tid|tim|x|y|z|efo|cfr|eco|dcr|dwell|fluo", "7|0.5|100.5|200|0|9e4|.5|99|.3|5|1",
             "7|0.6|101|201|0|9e4|.5|99|.3|5|1", "8|0.7|102|202|0|9e4|.5|99|.3|5|1"),
        "pyminflux-csv", (100.5, 200, 0), None, "nm", time=0.5),
    "pyMINFLUX, short": Layout(
        text(",", "tid|t|x|y|z", "7|0.5|100.5|200|0", "7|0.6|101|201|0", "8|0.7|102|202|0"),
        "pyminflux-csv", (100.5, 200, 0), None, "nm", time=0.5),
    # Small forms.
    "Frame, X, Y": Layout(text(",", "Frame|X|Y", "3|10.5|20", "3|11|21", "4|12|22"),
                          "csv", (10.5, 20), 3, None),
    "suffix _nm": Layout(text(",", "frame|x_nm|y_nm", "3|10.5|20", "3|11|21", "4|12|22"),
                         "csv", (10.5, 20), 3, "nm"),
    "names in a comment": Layout(
        text(",", "frame|x [nm]|y [nm]", "3|10.5|20", "3|11|21", "4|12|22", start="# "),
        "csv", (10.5, 20), 3, "nm"),
    "image": Layout(text(",", "image|x [nm]|y [nm]", "3|10.5|20", "3|11|21", "4|12|22"),
                    "csv", (10.5, 20), 3, "nm"),
    "Frame Number": Layout(text("\t", "Frame Number|x (um)|y (um)", "3|1.5|2", "3|1|2", "4|1|2"),
                           "tsv", (1.5, 2), 3, "um"),
    "t": Layout(text(",", "t|x|y", "3|10.5|20", "3|11|21", "4|12|22"), "csv", (10.5, 20), 3, None),
    "t in seconds": Layout(text(",", "t|x|y", "0.5|10.5|20", "0.6|11|21", "0.7|12|22"),
                           "csv", (10.5, 20), None, None, time=0.5),
    "blanks around names": Layout(
        text(" , ", " frame|x [nm]|y [nm] ", "3|10.5|20", "3|11|21", "4|12|22"),
        "csv", (10.5, 20), 3, "nm"),
    "semicolons": Layout(text(";", "frame|x|y", "3|10.5|20", "3|11|21", "4|12|22"),
                         "csv", (10.5, 20), 3, None),
    "blanks": Layout(text("  ", "frame|x|y", "  3|10.5|20", "  3|11|21", "  4|12|22"),
                     "csv", (10.5, 20), 3, None),
    "of R, with numbers of rows": Layout(
        text(" ", '"frame"|"x [nm]"|"y [nm]"', '"1"|3|10.5|20', '"2"|3|11|21', '"3"|4|12|22'),
        "thunderstorm", (10.5, 20), 3, "nm"),
    "of Excel": Layout(
        text(";", "frame|x|y", "3|10,5|20", "3|11,5|1", "4|1|2", above="sep=;\n"),
        "csv", (10.5, 20), 3, None),
    "separators at the end": Layout(
        text(",", "frame|x|y|", "3|10.5|20|", "3|11|21|", "4|12|22|"), "csv", (10.5, 20), 3, None),
    "decimal commas and tabs": Layout(text("\t", "frame|x|y", "3|10,5|20,25", "3|11,5|1", "4|1|2"),
                                      "tsv", (10.5, 20.25), 3, None),
    "comment lines": Layout(
        text(",", "frame|x|y", "3|10.5|20", "3|11|21", "4|12|22",
             above="# made by a script\n# on a Tuesday, after lunch\n\n"),
        "csv", (10.5, 20), 3, None),
    "Latin-1": Layout(
        text(",", "frame|x [\u00b5m]|y [\u00b5m]", "3|1.5|2", "3|1|2", "4|1|2").decode()
        .encode("latin-1"), "csv", (1.5, 2), 3, "um"),
}  # fmt: skip


# Files that are not text.


def insight3(n: int = 3) -> bytes:
    """Return Insight3: positions in pixels, z in nm."""
    header = b"M425" + struct.pack("<iii", 900, 6, n)
    rows = [
        struct.pack(
            "<11f5i2f", 10.5 + k, 20, 11, 21, 9, 9, 300, 0, 1, 5, 77, 1, 0, 3 + k, 1, -1, 12, 13
        )
        for k in range(n)
    ]
    return header + b"".join(rows)


def storm_analysis(path: Path) -> bytes:
    """Return storm-analysis: a group for each frame."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["pixel_size"] = 100.0
        for frame, n in ((3, 2), (10, 1), (5, 0)):
            group = file.create_group(f"fr_{frame}")
            group.attrs["n_locs"] = n
            for name in ("x", "y", "z", "xsigma"):
                if n:
                    group.create_dataset(name, data=np.full(n, 10.5 if name != "z" else 0.2))
    return path.read_bytes()


ITERATIONS = 5
FLAT = np.dtype(
    [("vld", "?"), ("fnl", "?"), ("bot", "?"), ("eot", "?"), ("tim", "<f8"), ("tid", "<u4"),
     ("gri", "<u4"), ("itr", "<i4"), ("loc", "<f8", (3,)), ("lnc", "<f8", (3,)), ("eco", "<u4"),
     ("efo", "<f4"), ("cfr", "<f2"), ("dcr", "<f2", (2,))]
)  # fmt: skip


def flat_minflux() -> np.ndarray:
    """Return m2410: four localizations of two traces, and a trace that is cut off.

    A row of another localization is not valid.
    """
    values = np.zeros(4 * ITERATIONS + 3 + ITERATIONS, dtype=FLAT)
    values["itr"] = [*np.tile(np.arange(ITERATIONS), 4), *range(3), *range(ITERATIONS)]
    values["tid"] = [*np.repeat([7, 9], 2 * ITERATIONS), 11, 11, 11, *[12] * ITERATIONS]
    values["tim"] = 0.01 * np.arange(len(values))
    values["loc"] = 1e-9 * np.arange(3 * len(values)).reshape(-1, 3)
    values["dcr"] = [0.25, 0.75]
    values["efo"] = 9e4
    values["vld"] = values["tid"] != 12
    values["fnl"] = values["itr"] == ITERATIONS - 1
    return values


FINAL = flat_minflux()["loc"][[4, 9, 14, 19]] * 1e9  # positions of what remains


def old_minflux() -> np.ndarray:
    """Return m2205: three localizations, one of which lacks its last iteration, one not valid."""
    inner = np.dtype([("itr", "<i4"), ("loc", "<f8", (3,)), ("efo", "<f8"), ("cfr", "<f8")])
    values = np.zeros(4, [("itr", inner, (5,)), ("sqi", "<u4"), ("tim", "<f8"), ("tid", "<i4"),
                          ("vld", "?")])  # fmt: skip
    values["itr"]["loc"] = 1e-9 * np.arange(60).reshape(4, 5, 3)
    values["itr"]["loc"][1, 4] = np.nan
    values["itr"]["cfr"][:, :4] = 0.1 * np.arange(16).reshape(4, 4)
    values["itr"]["cfr"][:, 4] = -1
    values["tim"], values["tid"] = [0.5, 0.6, 0.7, 0.8], [7, 7, 8, 8]
    values["vld"] = [True, True, True, False]
    return values


def as_json(values: np.ndarray) -> bytes:
    """Return the list of mappings that Imspector writes."""
    names = values.dtype.names or ()
    rows = [{name: row[name].tolist() for name in names} for row in values]
    return json.dumps(rows).encode()


def write_zarr2(folder: Path, values: np.ndarray, attrs: dict[str, Any] | None = None) -> None:
    """Write an array of zarr format 2, in packed chunks."""
    import numcodecs

    def described(dtype: np.dtype[Any]) -> Any:
        if not dtype.names:
            return dtype.str
        fields = [(name, dtype[name]) for name in dtype.names]
        return [
            [name, described(kind.base), *([list(kind.shape)] if kind.shape else [])]
            for name, kind in fields
        ]

    folder.mkdir(parents=True)
    codec = numcodecs.Blosc(cname="lz4", clevel=5, shuffle=1)
    step = 16
    said = {
        "zarr_format": 2, "shape": [len(values)], "chunks": [step], "order": "C", "filters": None,
        "dtype": described(values.dtype), "compressor": codec.get_config(), "fill_value": None,
    }  # fmt: skip
    (folder / ".zarray").write_text(json.dumps(said))
    for k, start in enumerate(range(0, len(values), step)):
        chunk = np.zeros(step, dtype=values.dtype)
        part = values[start : start + step]
        chunk[: len(part)] = part
        (folder / str(k)).write_bytes(codec.encode(chunk.tobytes()))
    if attrs is not None:
        (folder / ".zattrs").write_text(json.dumps(attrs))


def write_minflux_zarr(root: Path) -> None:
    """Write a measurement with two monitoring beads."""
    write_zarr2(root / "mfx", flat_minflux())
    points = np.zeros(6, [("gri", "<u4"), ("tim", "<f8"), ("str", "<f4"), ("xyz", "<f8", (3,))])
    points["gri"], points["tim"] = [4, 5] * 3, np.arange(6) / 2
    points["xyz"] = 1e-9 * np.arange(18).reshape(6, 3)
    names = {"4": {"name": "R0"}, "5": {"name": "R1"}}
    write_zarr2(root / "grd" / "mbm" / "points", points, {"points_by_gri": names})
    (root / "mbm").mkdir()
    (root / "mbm" / ".zattrs").write_text(json.dumps({"used": ["R1"], "neighbourhood": {}}))


def files(folder: Path) -> dict[str, bytes]:
    """Return a file of each layout, by its name; ``folder`` is for files that libraries write."""
    from scipy.io import savemat

    found = {name: layout.content for name, layout in TEXTS.items()}
    found["Insight3"] = insight3()
    found["storm-analysis"] = storm_analysis(folder / "storm")
    found["MINFLUX json"] = as_json(flat_minflux())
    for name, values in (("m2410", flat_minflux()), ("m2205", old_minflux())):
        np.save(folder / "a.npy", values)
        found[f"MINFLUX npy {name}"] = (folder / "a.npy").read_bytes()
        fields = {key: values[key] for key in values.dtype.names or ()}
        if name == "m2205":
            inner = fields["itr"]
            fields["itr"] = {key: inner[key] for key in inner.dtype.names or ()}
        fields = {k: v[:, None] if getattr(v, "ndim", 2) == 1 else v for k, v in fields.items()}
        savemat(folder / "a.mat", fields, do_compression=True)
        found[f"MINFLUX mat {name}"] = (folder / "a.mat").read_bytes()
    return found
