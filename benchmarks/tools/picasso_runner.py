"""Picasso: aim and rcc."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import picasso.aim
import picasso.postprocess

PACKAGES = ("picassosr", "numpy", "pandas", "numba")
PIXEL = 130.0  # nm; the pixel size that Picasso's own defaults are written for
MARGIN = 10.0  # pixels around the localizations


def prepare(columns: dict[str, Any], precision: Any) -> Any:
    """Return localizations in camera pixels (z in nm) and the description of the movie."""
    locs = {"frame": columns["frame"] - columns["frame"].min()}
    size = []
    for axis in "xy":
        pixels = (columns[axis] - columns[axis].min()) / PIXEL + MARGIN
        size.append(int(np.ceil(pixels.max() + MARGIN)))
        locs[axis] = pixels.astype(np.float32)
    if "z" in columns:
        locs["z"] = columns["z"].astype(np.float32)
    for j, axis in enumerate("xy"):
        locs[f"lp{axis}"] = np.asarray(precision[:, j] / PIXEL, dtype=np.float32)
    info = {
        "Width": size[0],
        "Height": size[1],
        "Frames": int(locs["frame"].max()) + 1,
        "Pixelsize": PIXEL,
    }
    return pd.DataFrame(locs), [info]


def correct(data: Any, method: str, settings: dict[str, Any]) -> Any:
    """Return the corrected localizations and their pixel; lengths of the settings are in nm."""
    locs, info = data
    if method == "rcc":
        # Its images have camera pixels; a small field needs smaller ones.
        pixel = settings.get("pixel_size", PIXEL)
        locs, info = resize(locs, info[0], pixel)
        segmentation = settings["segmentation"]
        return picasso.postprocess.undrift(locs, info, segmentation, display=False)[1], pixel
    distance = settings.get("intersect_distance")
    if distance is None:
        return picasso.aim.aim(locs, info, **settings)[0], PIXEL
    fixed, _, _ = picasso.aim.aim(
        locs,
        info,
        segmentation=settings.get("segmentation", 100),
        intersect_d=distance / PIXEL,
        roi_r=3 * distance / PIXEL,
    )
    return fixed, PIXEL


def resize(locs: Any, info: dict[str, Any], pixel: float) -> Any:
    """Return localizations and description as if the camera had other pixels."""
    if pixel == PIXEL:
        return locs, [info]
    factor = PIXEL / pixel
    scaled = {name: locs[name] * factor for name in ("x", "y", "lpx", "lpy")}
    sides = {name: int(np.ceil(info[name] * factor)) for name in ("Width", "Height")}
    return locs.assign(**scaled), [{**info, **sides, "Pixelsize": pixel}]


def positions(result: Any, axes: str) -> Any:
    """Return the corrected coordinates in nm, shape (n, d), up to a constant."""
    locs, pixel = result
    scale = {"x": pixel, "y": pixel, "z": 1.0}
    return np.stack([locs[axis].to_numpy(dtype=float) * scale[axis] for axis in axes], axis=1)
