"""What a training step of Stable Diffusion costs at its real size, counted without computing it.

    python benchmarks/train_cost.py [--family sd15] [--size 512] [--batch-sizes 1,4] [--precision fp32]

Floating-point operations of forward and backward pass (a multiplication and an addition are two), the memory that
`--dry-run` would foretell, and the bytes of gradients that processes exchange. Networks and tensors have no content.
"""

import argparse
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from zeroconv.base import BaseModel
from zeroconv.base.families import FULL_SIZE
from zeroconv.control import ControlNet, Text
from zeroconv.data.records import Batch
from zeroconv.training.config import TrainConfig
from zeroconv.training.memory import LiveBytes, num_bytes, step_without_content

FACTOR = 8
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}


def empty_base(family: str) -> BaseModel:
    """A base of the real size whose weights are memory that nobody has written to."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**FULL_SIZE[family])
    return BaseModel(family, unet.to_empty(device="cpu"), nn.Identity(), (), (), DDIMScheduler())  # type: ignore[arg-type]


def batch_of(base: BaseModel, count: int, size: int) -> Batch:
    """A batch of pictures of size x size pixels."""
    side, width = size // FACTOR, base.unet.config.cross_attention_dim
    latents = torch.zeros(count, 4, side, side)
    text = Text(torch.zeros(count, 77, width))
    if base.takes_sizes:
        text = Text(text.tokens, torch.zeros(count, 1280), torch.zeros(count, 6))
    names = tuple(map(str, range(count)))
    return Batch(
        latents, text, torch.zeros(count, 3, size, size), latents, torch.zeros(count, dtype=torch.int64), names
    )


def encoder_operations(size: int) -> int:
    """Of the autoencoder's encoder, once an example for the cache."""
    with torch.device("meta"), FlopCounterMode(display=False) as counted:
        AutoencoderKL(**VAE).encode(torch.zeros(1, 3, size, size))
    return int(counted.get_total_flops())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="sd15", choices=sorted(FULL_SIZE))
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch-sizes", default="1,4")
    parser.add_argument("--precision", default="fp32")
    arguments = parser.parse_args()
    base = empty_base(arguments.family)
    controlnet = ControlNet(base.unet, factor=FACTOR)
    parameters, weights = sum(value.numel() for value in controlnet.parameters()), num_bytes(controlnet)
    config = TrainConfig(precision=arguments.precision)
    counted = step_without_content(
        base, controlnet, batch_of(base, 1, arguments.size), config, FlopCounterMode(display=False)
    )
    print(f"ControlNet: {parameters:,} parameters; gradients exchanged a step: {weights / 1e9:.2f} GB")
    print(f"state on disk: {3 * weights / 1e9:.2f} GB; weights of the U-Net: {num_bytes(base.unet) / 1e9:.2f} GB")
    print(f"step: {counted.get_total_flops() / 1e12:.2f} TFLOP an example at {arguments.size} px", flush=True)
    print(f"cache: {encoder_operations(arguments.size) / 1e12:.2f} TFLOP an example", flush=True)
    for count in map(int, arguments.batch_sizes.split(",")):
        for checkpointing in (False, True):
            batch = batch_of(base, count, arguments.size)
            config = TrainConfig(precision=arguments.precision, checkpointing=checkpointing)
            step = step_without_content(base, controlnet, batch, config, LiveBytes()).peak
            told = "with checkpointing" if checkpointing else "without checkpointing"
            print(
                f"batch {count}, {arguments.precision}, {told}: gradients and activations {step / 1e9:.1f} GB",
                flush=True,
            )


if __name__ == "__main__":
    main()
