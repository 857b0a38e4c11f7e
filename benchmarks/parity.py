"""Is our ControlNet diffusers' ControlNet, number by number, at the real sizes of SD 1.5, SD 2.1 and SDXL?

    python benchmarks/parity.py [--family sd15 sd21 sdxl] [--size 32] [--json FILE]

Random weights made on the spot, every zero convolution among them; float32 on the CPU. Our residuals, and the U-Net's
prediction under them, against diffusers' ControlNetModel and UNet2DConditionModel that hold the same parameters.
Memory: the copied parts share the U-Net's, so 5 GB for SD 1.5 and 2.1, 12 GB for SDXL.
"""

import argparse
import gc
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import torch
from diffusers import ControlNetModel, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from zeroconv import BaseModel, Control, ControlNet, Text, as_diffusers
from zeroconv.base.families import FULL_SIZE

TIMESTEPS = (1, 500, 999)
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Result:
    """The largest differences of one family over all time steps."""

    family: str
    unet_parameters: int
    controlnet_parameters: int
    num_residuals: int
    residual_difference: float
    """The largest absolute difference of a residual."""
    residual_relative: float
    """The same over that residual's largest value."""
    prediction_difference: float
    prediction_relative: float
    control_effect: float
    """How much the control changes the prediction: the largest change over the prediction's largest value."""
    seconds: float


@torch.no_grad()
def compare(family: str, size: int, seed: int = 0) -> Result:
    """Build the family at its real size, run both implementations, return the largest differences."""
    start = time.perf_counter()
    unet = random_unet(family, seed)
    base = BaseModel(family, unet, nn.Identity(), (), (), DDIMScheduler())
    mine = random_controlnet(unet, seed + 1)
    theirs = as_diffusers(mine)
    text, latents, condition = inputs(unet, size, seed + 2)
    rows = [differences(base, mine, theirs, text, latents, condition, timestep) for timestep in TIMESTEPS]
    largest = [max(column) for column in zip(*rows, strict=True)]
    return Result(
        family,
        sum(p.numel() for p in unet.parameters()),
        sum(p.numel() for p in mine.parameters()),
        1 + len(mine.zero_convolutions),
        *largest[:4],
        control_effect=largest[4],
        seconds=round(time.perf_counter() - start, 1),
    )


def differences(
    base: BaseModel,
    mine: ControlNet,
    theirs: ControlNetModel,
    text: Text,
    latents: Tensor,
    condition: Tensor,
    timestep: int,
) -> tuple[float, float, float, float, float]:
    """At one time step: residuals absolute and relative, prediction absolute and relative, effect of the control."""
    timesteps = torch.tensor([timestep])
    control = mine(latents, timesteps, text, condition)
    added = None if text.pooled is None else {"text_embeds": text.pooled, "time_ids": text.sizes}
    skips, middle = theirs(latents, timesteps, text.tokens, condition, added_cond_kwargs=added, return_dict=False)
    pairs = list(zip(control.residuals, (*skips, middle), strict=True))
    ours = base.predict_noise(latents, timesteps, text, control)
    expected = base.unet(
        latents,
        timesteps,
        text.tokens,
        added_cond_kwargs=added,
        down_block_additional_residuals=skips,
        mid_block_additional_residual=middle,
    ).sample
    alone = base.predict_noise(latents, timesteps, text, Control(tuple(torch.zeros_like(r) for r in control.residuals)))
    return (
        max(float((a - b).abs().max()) for a, b in pairs),
        max(relative(a, b) for a, b in pairs),
        float((ours - expected).abs().max()),
        relative(ours, expected),
        relative(ours, alone),
    )


def relative(mine: Tensor, theirs: Tensor) -> float:
    """The largest difference over the largest value of the other."""
    return float((mine - theirs).abs().max() / theirs.abs().max())


def random_unet(family: str, seed: int) -> UNet2DConditionModel:
    """The family's U-Net with random weights that keep signals near unit size through all of its layers."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=64, **FULL_SIZE[family])
    return randomise(unet.to_empty(device="cpu"), torch.Generator().manual_seed(seed))


def random_controlnet(unet: UNet2DConditionModel, seed: int) -> ControlNet:
    """What ControlNet(unet) makes, with the copied weights where the U-Net's lie and random numbers in all new ones."""
    net = ControlNet.from_config(unet.config, UNet2DConditionModel.from_config)
    parts = nn.ModuleList([net.condition_encoder, net.zero_convolutions, net.middle_zero_convolution])
    randomise(parts.to_empty(device="cpu"), torch.Generator().manual_seed(seed))
    copied = {key: value for key, value in unet.state_dict().items() if key in net.state_dict()}
    net.load_state_dict({**net.state_dict(), **copied}, assign=True)
    assert not any(parameter.is_meta for parameter in net.parameters())
    return net.eval()


def randomise(module: Module, generator: torch.Generator) -> Module:
    """Random weights that keep signals near unit size; no zero convolution stays zero, else no wrong wiring shows."""
    for name, parameter in module.named_parameters():
        if parameter.ndim > 1:
            parameter.normal_(0, 1 / math.sqrt(parameter[0].numel()), generator=generator)
        else:
            parameter.normal_(1.0 if "norm" in name and name.endswith("weight") else 0.0, 0.1, generator=generator)
    return module


def inputs(unet: UNet2DConditionModel, size: int, seed: int) -> tuple[Text, Tensor, Tensor]:
    """Random text, noisy latents (1, 4, size, size) and a condition (1, 3, 8 size, 8 size)."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(1, 77, unet.config.cross_attention_dim, generator=generator)
    text = Text(tokens)
    if unet.config.addition_embed_type == "text_time":
        sizes = torch.tensor([[8.0 * size, 8.0 * size, 0.0, 0.0, 8.0 * size, 8.0 * size]])
        text = Text(tokens, torch.randn(1, 1280, generator=generator), sizes)
    latents = torch.randn(1, 4, size, size, generator=generator)
    return text, latents, torch.rand(1, 3, 8 * size, 8 * size, generator=generator)


def results(families: list[str], size: int) -> Iterator[Result]:
    """One family after another; the memory of each is free before the next begins."""
    for family in families:
        yield compare(family, size)
        gc.collect()


def main() -> None:
    """Print a row a family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", choices=list(FULL_SIZE), default=list(FULL_SIZE))
    parser.add_argument("--size", type=int, default=32, help="side of the latents (a multiple of 8), 32: 256 pixels")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    print("family  U-Net          ControlNet     n   residuals: abs, rel    prediction: abs, rel  effect  seconds")
    rows = []
    for row in results(arguments.family, arguments.size):
        rows.append(asdict(row))
        print(
            f"{row.family:<6}  {row.unet_parameters:>13,}  {row.controlnet_parameters:>13,}  {row.num_residuals:<2}  "
            f"{row.residual_difference:.1e}, {row.residual_relative:.1e}      "
            f"{row.prediction_difference:.1e}, {row.prediction_relative:.1e}      "
            f"{row.control_effect:.2f}    {row.seconds:.0f}",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
