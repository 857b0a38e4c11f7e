"""Backbones that are read without transformers: Inception for FID and KID, and the embedded world's own.

How a picture comes to the network's size moves the figures (Parmar et al., arXiv 2104.11222): each says how it does.
H, W pixels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from zeroconv.conditions.device import Device, find_device
from zeroconv.errors import UserError, nearest
from zeroconv.evaluation.frechet import Features
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.quality.backbone import Backbone, as_features
from zeroconv.evaluation.quality.inception import SIDE, FidInception
from zeroconv.evaluation.quality.published import FID_INCEPTION, place_of, read_published
from zeroconv.perception import SHIPPED, load_perception

SCENES_SIDE = 128
"""The perception network's pictures, and those of the embedded base, are so high and wide."""

INCEPTION_INPUT = {
    "clean": "each channel to 299 x 299 by Pillow's bicubic filter in float, (v - 128) / 128, as clean-fid",
    "pytorch": "299 x 299 bilinear without antialiasing, 2 v / 255 - 1, as pytorch-fid",
}


def inception(weights: str, device: Device, resize: str = "clean") -> Backbone:
    """Inception-v3 of the Frechet Inception distance, 2048 features.

    resize: one of INCEPTION_INPUT, else UserError. UserError also where the file of weights is missing or another's.
    """
    if resize not in INCEPTION_INPUT:
        raise UserError(f"unknown way to resize {resize!r}; {nearest(resize, INCEPTION_INPUT)}")
    network = FidInception()
    read_published(place_of(FID_INCEPTION, weights, "inception"), network, without=("fc.",))
    place = find_device(device)
    network = network.eval().requires_grad_(False).to(place)
    prepared = {"clean": cleanly_resized, "pytorch": plainly_resized}[resize]

    def read(pictures: Sequence[Picture]) -> Features:
        with torch.inference_mode():
            return as_features(network(torch.cat([prepared(picture) for picture in pictures]).to(place)))

    return Backbone(network, {"input": INCEPTION_INPUT[resize], "features": "mean of the last activations"}, read)


def cleanly_resized(picture: Picture) -> Tensor:
    """(H, W, 3) -> (1, 3, 299, 299) in [-1, 1): bicubic with antialiasing, nothing rounded on the way."""
    channels = [Image.fromarray(picture[..., channel].astype(np.float32)) for channel in range(3)]
    resized = [np.asarray(channel.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for channel in channels]
    return (torch.from_numpy(np.stack(resized)[None]).clamp(0, 255) - 128) / 128


def plainly_resized(picture: Picture) -> Tensor:
    """(H, W, 3) -> (1, 3, 299, 299) in [-1, 1]: bilinear between the four nearest pixels."""
    values = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    return 2 * nn.functional.interpolate(values, size=(SIDE, SIDE), mode="bilinear", align_corners=False) - 1


def scenes(weights: str, device: Device) -> Backbone:
    """The perception network of the embedded world, which ships: the mean activations of its deepest levels."""
    network = load_perception(Path(weights).expanduser() if weights else SHIPPED, device=find_device(device))
    judge = Judge(network)
    settings = {
        "input": f"{SCENES_SIDE} x {SCENES_SIDE}, bicubic where a picture has another size",
        "features": "mean activations of the two deepest levels",
    }
    return Backbone(network, settings, lambda pictures: judge.features([at_scenes_size(p) for p in pictures]))


def at_scenes_size(picture: Picture) -> Picture:
    """(H, W, 3) -> (128, 128, 3)."""
    if picture.shape[:2] == (SCENES_SIDE, SCENES_SIDE):
        return picture
    return np.asarray(Image.fromarray(picture).resize((SCENES_SIDE, SCENES_SIDE), Image.Resampling.BICUBIC))
