"""Many pictures, one for each prompt, drawn in batches: the same sampler as `zeroconv generate`, one noise a picture.

Picture k starts from the noise of its own generator, seeded with seed + k, whatever the prompt, the condition and the
batch: the settings that are compared differ in nothing else.

B pictures of a batch; C latent channels; h w latent height and width; H W pixels (= factor * h, factor * w).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from PIL import Image
from torch import Generator, Tensor

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.evaluation.held_out import Picture, Progress, groups, silent, to_pictures
from zeroconv.evaluation.sampler import Sampler
from zeroconv.generate import network_input
from zeroconv.generate.prepare import default_guidance
from zeroconv.sampling import ControlInput, Moved, PredictNoise, guided_noise, sample
from zeroconv.schedulers import check_scheduler, default_scheduler, make_scheduler
from zeroconv.weights import Sidecar


@dataclass(frozen=True, eq=False)
class Controls:
    """One ControlNet, and what each picture is controlled by."""

    controlnet: ControlNet
    condition: str
    """The condition's canonical name."""
    conditions: Sequence[Picture]
    """The condition image (H, W, 3) of each picture."""
    sidecar: Sidecar = field(default_factory=Sidecar)
    """How the ControlNet wants its condition images."""

    def image(self, number: int) -> Tensor:
        """(1, N, H, W): the condition of picture `number` as the ControlNet reads it."""
        picture = Image.fromarray(self.conditions[number])
        return network_input(self.condition, picture, self.controlnet.condition_channels, self.sidecar)


def settled(sampler: Sampler, base: BaseModel) -> Sampler:
    """The sampler with what it leaves to the base filled in; UserError for values that draw nothing."""
    if sampler.batch < 1 or not 1 <= sampler.steps <= base.num_train_timesteps:
        limits = f"steps from 1 to {base.num_train_timesteps} and a batch of 1 or more"
        raise UserError(f"expected {limits}, got {sampler.steps} steps and a batch of {sampler.batch}")
    return replace(
        sampler,
        guidance=default_guidance(base) if sampler.guidance is None else sampler.guidance,
        scheduler=check_scheduler(sampler.scheduler or default_scheduler(base.scheduler)),
    )


def draw(
    base: BaseModel,
    prompts: Sequence[str],
    sampler: Sampler,
    *,
    controls: Controls | None = None,
    what: str = "draw",
    progress: Progress = silent,
) -> tuple[Picture, ...]:
    """One picture at the base's native size for each prompt, under its control if there are any."""
    sampler, drawn = settled(sampler, base), []
    for numbers in progress(groups(range(len(prompts)), sampler.batch), what):
        inputs = []
        if controls is not None:
            image = torch.cat([controls.image(k) for k in numbers]).to(base.device, base.dtype)
            inputs = [ControlInput(controls.controlnet, image, strength=sampler.strength)]
        drawn += _draw_batch(base, [prompts[k] for k in numbers], numbers, sampler, inputs)
    return tuple(drawn)


@torch.no_grad()
def denoised(
    base: BaseModel,
    predict_noise: PredictNoise,
    seeds: Sequence[int],
    sampler: Sampler,
    moved: Moved | None = None,
) -> Tensor:
    """(B, C, h, w): what `predict_noise` makes of the noise of these seeds; the sampler as `settled` gives it.

    moved: changes the latents after every step, as `sample` says.
    """
    assert sampler.scheduler is not None
    generators = [Generator().manual_seed(seed) for seed in seeds]
    scheduler = make_scheduler(sampler.scheduler, base.scheduler)
    noise = _noise(base, generators)
    *_, latents = sample(predict_noise, scheduler, noise, sampler.steps, generators, moved=moved)
    return latents


@torch.no_grad()
def _draw_batch(
    base: BaseModel, prompts: Sequence[str], numbers: Sequence[int], sampler: Sampler, inputs: Sequence[ControlInput]
) -> list[Picture]:
    assert sampler.guidance is not None
    text, negative = base.encode_text(prompts), base.encode_negative([""] * len(prompts))
    predict_noise = guided_noise(base, inputs, text, negative, sampler.guidance)
    seeds = [sampler.seed + k for k in numbers]
    return to_pictures(base.decode(denoised(base, predict_noise, seeds, sampler)))


def _noise(base: BaseModel, generators: Sequence[Generator]) -> Tensor:
    """(B, C, h, w), drawn on the CPU as diffusers draws from a list of generators."""
    side = base.native_size // base.factor
    shape = (1, base.latent_channels, side, side)
    noise = [torch.randn(shape, generator=generator) for generator in generators]
    return torch.cat(noise).to(base.device, base.dtype)
