"""Depth maps: read from a file at their own precision, and turned into nearness, which grows towards the viewer.

Letters: H, W the map's height and width. Unknown depth is 0, not finite or, for metres, negative; its nearness is 0.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zeroconv.errors import PictureError

Map = NDArray[np.float32]
Meaning = Literal["inverse", "metric"]
"""inverse: larger is nearer, as disparity and MiDaS have it; metric: larger is farther, as metres."""

ARRAYS = (".npy", ".npz")
"""Suffixes of the files that cannot be pictures."""
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")


def depth_map_for(method: str, path: Path, of: str) -> Map | None:
    """The depth map in a file where the method reads them; None where the file is a picture to look at.

    PictureError for an array that a method for pictures is given.
    """
    if method == "algorithm":
        return read_depth_map(path)
    if path.suffix.lower() in ARRAYS:
        raise PictureError(f"{path} is a depth map, which {of} reads with method=algorithm and needs no network for")
    return None


def read_depth_map(path: Path) -> Map | None:
    """A map (H, W) from .npy, .npz (one array), or a picture of more than 8 bits; None for a picture of 8 bits."""
    if path.suffix.lower() in ARRAYS:
        return _read_array(path)
    try:
        with Image.open(path) as image:
            return np.asarray(image, np.float32) if image.mode in _DEEP_MODES else None
    except (OSError, SyntaxError, ValueError):
        return None  # what is wrong with a picture says who reads it as one


def grey_values(image: np.ndarray, of: str) -> Map:
    """A depth map given as picture uint8 (H, W, 3) -> its values (H, W); PictureError for a picture in colour."""
    if not (image == image[:, :, :1]).all():
        raise PictureError(
            f"{of}: method=algorithm takes a depth map (grey), but this picture is in colour; depth of a photograph "
            f"needs a network: method=network, weights=FOLDER or hub id"
        )
    return np.asarray(image[:, :, 0], np.float32)


def nearness(values: Map, meaning: Meaning) -> Map:
    """A map (H, W) -> nearness (H, W) in [0, 1], the nearest known point 1, the farthest and the unknown 0.

    Metres become their inverse first, which is what depth ControlNets were trained on.
    """
    known = np.isfinite(values) & ((values > 0) if meaning == "metric" else True)
    if not known.any():
        return np.zeros(values.shape, np.float32)
    with np.errstate(divide="ignore"):
        near = np.where(known, 1 / values if meaning == "metric" else values, np.nan).astype(np.float64)
    low, high = float(np.nanmin(near)), float(np.nanmax(near))
    spread = max(high - low, 1e-12 * max(abs(high), 1e-12))
    return np.nan_to_num((near - low) / spread, nan=0.0).astype(np.float32)


def _read_array(path: Path) -> Map:
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = [loaded] if isinstance(loaded, np.ndarray) else [loaded[name] for name in loaded.files]
    except FileNotFoundError:
        raise PictureError(f"no file {path}") from None
    except (OSError, ValueError, EOFError) as problem:
        raise PictureError(f"{path} is not an array of numbers that numpy can read ({problem})") from problem
    shapes = " and ".join(str(array.shape) for array in arrays)
    if len(arrays) != 1 or arrays[0].size == 0 or arrays[0].dtype.kind not in "fiu":
        raise PictureError(f"{path}: expected one array of depths (H, W), got {shapes or 'none'}")
    array = arrays[0].squeeze() if arrays[0].ndim > 2 else arrays[0]
    if array.ndim != 2:
        raise PictureError(f"{path}: expected one array of depths (H, W), got {shapes}")
    return np.asarray(array, np.float32)
