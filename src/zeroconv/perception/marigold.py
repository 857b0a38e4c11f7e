"""Marigold as detector: surface normals that a diffusion model paints from a picture.

Source: arXiv:2312.02145 and its journal version arXiv:2505.09358 (normals), through diffusers' MarigoldNormalsPipeline.
This module is the entry point `marigold` of the group `zeroconv.detectors`: it stands outside of the conditions, which
know nothing of diffusion. Letters: H, W the picture's height and width.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zeroconv.base.files import quiet_libraries, read_index, read_parts, wanted_files
from zeroconv.errors import UserError
from zeroconv.hub import fetch, looks_like_hub_id

PIPELINE = "MarigoldNormalsPipeline"
EXAMPLE = "prs-eth/marigold-normals-v1-1"
_WITHOUT = "method=network needs a smaller one, method=algorithm a depth map alone"

SEED = 0
"""Of the noise that the painting begins with: the same picture has the same normals every time."""

STEPS, RESOLUTION = 4, 768
"""Where the folder does not say: denoising steps, and pixels of the long side, as the published model has them."""


def normals(image: np.ndarray, weights: str, device: torch.device) -> NDArray[np.float32]:
    """A picture uint8 (H, W, 3), RGB -> unit vectors (H, W, 3): right, up, towards the viewer; in float32.

    weights: folder or hub id of a MarigoldNormalsPipeline; UserError where there is none.
    """
    pipeline = _pipeline(_folder(weights), device)
    picture = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    try:
        painted = pipeline(picture, generator=torch.Generator().manual_seed(SEED), output_type="pt").prediction
    except ValueError as problem:  # as for a strip that has no height left at the pipeline's resolution
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise UserError(f"a picture of {size} pixels cannot be painted by {weights}: {problem}") from problem
    found = np.asarray(painted[0].permute(1, 2, 0).cpu().numpy(), np.float32)
    if not np.isfinite(found).all():
        raise UserError(f"normal: {weights} answered with values that are not finite")
    return found


@functools.lru_cache(maxsize=1)
def _pipeline(folder: Path, device: torch.device) -> Any:
    """The pipeline in a folder, in float32; UserError where it is no pipeline for normals."""
    index = read_index(folder)
    if index.get("_class_name") != PIPELINE:
        found = index.get("_class_name", "nothing")
        raise UserError(f"normal: {folder} is no network for normals: expected a {PIPELINE}, got {found}")
    parts = read_parts(folder, torch.float32)
    with quiet_libraries():
        from diffusers import MarigoldNormalsPipeline

        pipeline = MarigoldNormalsPipeline(
            parts.unet,
            parts.vae,
            parts.scheduler,
            parts.text_encoders[0],
            parts.tokenizers[0],
            prediction_type="normals",
            use_full_z_range=index.get("use_full_z_range", True),
            default_denoising_steps=index.get("default_denoising_steps") or STEPS,
            default_processing_resolution=index.get("default_processing_resolution") or RESOLUTION,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _folder(weights: str) -> Path:
    """The folder itself, or the hub's copy on this machine."""
    folder = Path(weights).expanduser()
    if (folder / "model_index.json").is_file():
        return folder.resolve()
    if folder.exists() or not looks_like_hub_id(weights):
        raise UserError(
            f"normal: no network at {weights!r}; expected a folder with model_index.json and the parts of a "
            f"{PIPELINE}, or a hub id, as {EXAMPLE}; {_WITHOUT}"
        )
    try:
        return fetch(weights, wanted_files, "network for normals")
    except UserError as problem:
        raise UserError(
            f"normal: {problem}; get it where there is a network with `hf download {weights}`, or give a folder with "
            f"weights=FOLDER; {_WITHOUT}"
        ) from problem
