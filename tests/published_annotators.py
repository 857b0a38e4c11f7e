"""The published layouts, written down as key -> shape, random files of them, and where real data lies."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

Layout = dict[str, tuple[int, ...]]

DATA = Path(__file__).parents[2] / "shared" / "data"
ANNOTATORS = DATA / "annotators"
needs_data = pytest.mark.skipif(
    not (ANNOTATORS.is_dir() and (DATA / "photos").is_dir()),
    reason="needs photographs and real weights in ../shared/data",
)


def photograph(name: str, long_side: int = 384) -> np.ndarray:
    """A picture of ../shared/data as uint8 (H, W, 3), RGB."""
    image = cv2.imread(str(DATA / name))[:, :, ::-1]
    scale = long_side / max(image.shape[:2])
    return np.ascontiguousarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def noise(height: int, width: int) -> np.ndarray:
    """Coloured noise uint8 (H, W, 3)."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def convolution(name: str, out: int, into: int, kernel: int) -> Layout:
    return {f"{name}.weight": (out, into, kernel, kernel), f"{name}.bias": (out,)}


def hed() -> Layout:
    layout: Layout = {"norm": (1, 3, 1, 1)}
    blocks = [(3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3)]
    for block, (into, out, depth) in enumerate(blocks, 1):
        for layer in range(depth):
            layout |= convolution(f"block{block}.convs.{layer}", out, into if layer == 0 else out, 3)
        layout |= convolution(f"block{block}.projection", 1, out, 1)
    return layout


def line_drawing() -> Layout:
    layout = convolution("model0.1", 64, 3, 7)
    layout |= convolution("model1.0", 128, 64, 3) | convolution("model1.3", 256, 128, 3)
    for residual in range(3):
        for place in (1, 5):
            layout |= convolution(f"model2.{residual}.conv_block.{place}", 256, 256, 3)
    # transposed convolutions: input channels come first
    layout |= {"model3.0.weight": (256, 128, 3, 3), "model3.0.bias": (128,)}
    layout |= {"model3.3.weight": (128, 64, 3, 3), "model3.3.bias": (64,)}
    return layout | convolution("model4.1", 1, 64, 7)


def anime() -> Layout:
    widths = (64, 128, 256, 512, 512, 512, 512, 512)
    layout = convolution("model.model.0", 64, 3, 4)
    layout |= {"model.model.3.weight": (128, 1, 4, 4), "model.model.3.bias": (1,)}
    place = "model.model.1"
    for level, (channels, wide) in enumerate(pairwise(widths)):
        is_innermost = level == len(widths) - 2
        layout |= convolution(f"{place}.model.1", wide, channels, 4)
        up = f"{place}.model.{3 if is_innermost else 5}"
        layout |= {f"{up}.weight": (wide if is_innermost else 2 * wide, channels, 4, 4), f"{up}.bias": (channels,)}
        place += ".model.3"
    return {f"module.{key}": shape for key, shape in layout.items()}


def _norm(name: str, channels: int) -> Layout:
    vectors = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{vector}": (channels,) for vector in vectors} | {f"{name}.num_batches_tracked": ()}


def _normed(name: str, out: int, into: int, kernel: int) -> Layout:
    return convolution(f"{name}.0", out, into, kernel) | _norm(f"{name}.1", out)


def mlsd_large() -> Layout:
    layout: Layout = {"backbone.features.0.0.weight": (32, 4, 3, 3)} | _norm("backbone.features.0.1", 32)
    into, number = 32, 1
    for expansion, out, blocks in ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3)):
        for _ in range(blocks):
            name, wide, place = f"backbone.features.{number}.conv", into * expansion, 0
            if expansion > 1:
                layout |= {f"{name}.0.0.weight": (wide, into, 1, 1)} | _norm(f"{name}.0.1", wide)
                place = 1
            layout |= {f"{name}.{place}.0.weight": (wide, 1, 3, 3)} | _norm(f"{name}.{place}.1", wide)
            layout |= {f"{name}.{place + 1}.weight": (out, wide, 1, 1)} | _norm(f"{name}.{place + 2}", out)
            into, number = out, number + 1
    for block, (fine, coarse) in zip((15, 17, 19, 21), ((64, 96), (32, 64), (24, 64), (16, 64)), strict=True):
        layout |= _normed(f"block{block}.conv1", 64, coarse, 1) | _normed(f"block{block}.conv2", 64, fine, 1)
        layout |= _normed(f"block{block + 1}.conv1", 128, 128, 3) | _normed(f"block{block + 1}.conv2", 64, 128, 3)
    layout |= _normed("block23.conv1", 64, 64, 3) | _normed("block23.conv2", 64, 64, 3)
    return layout | convolution("block23.conv3", 16, 64, 1)


def openpose_body() -> Layout:
    layout = _vgg() | convolution("conv4_3_CPM", 256, 512, 3) | convolution("conv4_4_CPM", 128, 256, 3)
    for branch, out in (("L1", 38), ("L2", 19)):
        for number in (1, 2, 3):
            layout |= convolution(f"conv5_{number}_CPM_{branch}", 128, 128, 3)
        layout |= convolution(f"conv5_4_CPM_{branch}", 512, 128, 1) | convolution(f"conv5_5_CPM_{branch}", out, 512, 1)
        for stage in range(2, 7):
            layout |= _refinement(f"stage{stage}_{branch}", 185, out)
    return layout


def openpose_hand() -> Layout:
    return _openpose_part(22)


def openpose_face() -> Layout:
    return _openpose_part(71)


def _openpose_part(out: int) -> Layout:
    layout = _vgg() | convolution("conv5_3_CPM", 128, 512, 3)
    for name in ("conv4_3", "conv4_4", "conv5_1", "conv5_2"):
        layout |= convolution(name, 512, 512, 3)
    layout |= convolution("conv6_1_CPM", 512, 128, 1) | convolution("conv6_2_CPM", out, 512, 1)
    for stage in range(2, 7):
        layout |= _refinement(f"stage{stage}", 128 + out, out)
    return layout


def _vgg() -> Layout:
    layout: Layout = {}
    into = 3
    for block, (out, depth) in enumerate(((64, 2), (128, 2), (256, 4), (512, 2)), 1):
        for number in range(1, depth + 1):
            layout |= convolution(f"conv{block}_{number}", out, into, 3)
            into = out
    return layout


def _refinement(stage: str, into: int, out: int) -> Layout:
    layout = convolution(f"Mconv1_{stage}", 128, into, 7)
    for number in (2, 3, 4, 5):
        layout |= convolution(f"Mconv{number}_{stage}", 128, 128, 7)
    return layout | convolution(f"Mconv6_{stage}", 128, 128, 1) | convolution(f"Mconv7_{stage}", out, 128, 1)


def random_tensors(layout: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Values of the size that layers of these shapes start with; variances are positive, counters whole."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for key, shape in layout.items():
        if key.endswith("num_batches_tracked"):
            tensors[key] = torch.tensor(1)
        elif key.endswith("running_var"):
            tensors[key] = torch.ones(shape)
        else:
            fan = max(1, int(np.prod(shape[1:])))
            tensors[key] = torch.randn(shape, generator=generator) * (1.5 / fan) ** 0.5 * (0.5 if fan > 1 else 0.1)
    return tensors


def write(folder: Path, name: str, layout: Callable[[], Layout], dtype: torch.dtype = torch.float32) -> Path:
    """A random file of a published layout; half precision where it would be large."""
    torch.save({key: tensor.to(dtype) for key, tensor in random_tensors(layout()).items()}, folder / name)
    return folder / name
