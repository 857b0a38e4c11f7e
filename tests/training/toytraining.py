"""A training that takes milliseconds a step: a random U-Net of the SD 1.5 kind, twelve random examples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import nn

from tinybases import WIDTH, random_unet, randomise
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet, Text
from zeroconv.data.batches import Batches, held_out_batches
from zeroconv.data.cache import Encoded
from zeroconv.data.records import Batch
from zeroconv.training.config import TrainConfig
from zeroconv.variants import variant

COUNT = 12
Train = Callable[..., int]
"""`zeroconv train` on something small: its folder and further options -> the exit code."""


@dataclass(frozen=True, eq=False)
class ToyBase(BaseModel):
    """A base without text encoder and autoencoder: a prompt's states are noise of its own."""

    def encode_text(self, prompts: Sequence[str], size: tuple[int, int] | None = None) -> Text:
        seeds = [sum(map(ord, prompt)) for prompt in prompts]
        return Text(torch.stack([torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(s)) for s in seeds]))


def toy_unet(channels: tuple[int, int] = (8, 16)) -> UNet2DConditionModel:
    """Two levels, the first with attention."""
    return random_unet(
        "sd15",
        block_out_channels=channels,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        attention_head_dim=2,
    )


def toy_base(prediction_type: str = "epsilon") -> BaseModel:
    scheduler = DDIMScheduler(steps_offset=1, prediction_type=prediction_type)
    return ToyBase("toy", toy_unet(), nn.Identity(), (), (), scheduler)


def toy_controlnet(base: BaseModel, *, awake: bool = True, name: str = "full") -> ControlNet:
    """A new ControlNet, the same each time; `awake`: its zero convolutions are random numbers instead of zeros."""
    torch.manual_seed(0)
    controlnet = variant(name)(base.unet, factor=8, conditioning_channels=(4, 4, 8, 8))
    if awake:
        for part in (controlnet.zero_convolutions, controlnet.middle_zero_convolution, controlnet.condition_encoder):
            randomise(part)
    return controlnet


def toy_example(index: int) -> Encoded:
    generator = torch.Generator().manual_seed(index)
    latent = torch.randn(4, 8, 8, generator=generator)
    condition = (latent[:3] > 0).to(torch.uint8).repeat_interleave(8, 1).repeat_interleave(8, 2) * 255
    return Encoded(f"toy {index}", latent, f"picture {index}", condition, index)


def toy_batches(base: BaseModel, config: TrainConfig) -> Batches:
    examples = [toy_example(index) for index in range(COUNT)]
    return Batches(examples, base, config.batch_size, config.seed, config.prompt_drop)


def toy_held_out(base: BaseModel) -> list[Batch]:
    return held_out_batches(base, [toy_example(100 + k) for k in range(4)], batch_size=4, seed=0)


def weights_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same_weights(mine: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
