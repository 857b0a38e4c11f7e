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
from zeroconv.sampling.layer_weights import LayerWeights, layer_weights
from zeroconv.schedulers import check_scheduler, default_scheduler, make_scheduler
from zeroconv.weights import Sidecar


@dataclass(frozen=True, eq=False)
class Controls:
    """One ControlNet, what each picture is controlled by, and how."""

    controlnet: ControlNet
    condition: str
    """The condition's canonical name."""
    conditions: Sequence[Picture]
    """The condition image (H, W, 3) of each picture."""
    sidecar: Sidecar = field(default_factory=Sidecar)
    """How the ControlNet wants its condition images."""
    share: float = 1.0
    """Of the sampler's strength."""
    weights: LayerWeights = "flat"
    """One weight a layer, or the name of a schedule."""
    conditional_only: bool = False
    """Whether the half of the guidance without words goes without control."""

    def image(self, number: int) -> Tensor:
        """(1, N, H, W): the condition of picture `number` as the ControlNet reads it."""
        picture = Image.fromarray(self.conditions[number])
        return network_input(self.condition, picture, self.controlnet.condition_channels, self.sidecar)

    def input(self, numbers: Sequence[int], sampler: Sampler, base: BaseModel) -> ControlInput:
        """What acts on the pictures of these numbers."""
        return ControlInput(
            self.controlnet,
            torch.cat([self.image(k) for k in numbers]).to(base.device, base.dtype),
            strength=sampler.strength * self.share,
            weights=layer_weights(self.weights, self.controlnet),
            conditional_only=self.conditional_only,
        )


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
    controls: Controls | Sequence[Controls] = (),
    what: str = "draw",
    progress: Progress = silent,
) -> tuple[Picture, ...]:
    """One picture at the base's native size for each prompt, under its controls if there are any."""
    sampler, drawn = settled(sampler, base), []
    every = (controls,) if isinstance(controls, Controls) else controls
    for numbers in progress(groups(range(len(prompts)), sampler.batch), what):
        inputs = [one.input(numbers, sampler, base) for one in every]
        predict_noise = guided(base, [prompts[k] for k in numbers], sampler, inputs)
        drawn += to_pictures(from_seeds(base, predict_noise, [sampler.seed + k for k in numbers], sampler))
    return tuple(drawn)


def guided(
    base: BaseModel,
    prompts: Sequence[str],
    sampler: Sampler,
    inputs: Sequence[ControlInput] = (),
    *,
    channels: Tensor | None = None,
) -> PredictNoise:
    """The guided prediction for B prompts against the empty one, the sampler settled; channels: (B, K, h, w), what a
    U-Net of more input channels than latents reads behind them, in both halves of the guidance."""
    assert sampler.guidance is not None
    text, negative = base.encode_text(prompts), base.encode_negative([""] * len(prompts))
    return guided_noise(base, inputs, text, negative, sampler.guidance, channels=channels)


@torch.no_grad()
def from_seeds(
    base: BaseModel,
    predict_noise: PredictNoise,
    seeds: Sequence[int],
    sampler: Sampler,
    *,
    moved: Moved | None = None,
) -> Tensor:
    """B pictures (B, 3, H, W) in [-1, 1]: what `denoised` gives, decoded."""
    return base.decode(denoised(base, predict_noise, seeds, sampler, moved=moved))


@torch.no_grad()
def denoised(
    base: BaseModel,
    predict_noise: PredictNoise,
    seeds: Sequence[int],
    sampler: Sampler,
    *,
    moved: Moved | None = None,
) -> Tensor:
    """(B, C, h, w): what is sampled from the noise of each picture's seed, the sampler settled.

    moved: changes the latents after every step, as `sample` says.
    """
    assert sampler.scheduler is not None
    generators = [Generator().manual_seed(seed) for seed in seeds]
    scheduler, noise = make_scheduler(sampler.scheduler, base.scheduler), _noise(base, generators)
    *_, latents = sample(predict_noise, scheduler, noise, sampler.steps, generators, moved=moved)
    return latents


def _noise(base: BaseModel, generators: Sequence[Generator]) -> Tensor:
    """(B, C, h, w), drawn on the CPU as diffusers draws from a list of generators."""
    side = base.native_size // base.factor
    shape = (1, base.latent_channels, side, side)
    noise = [torch.randn(shape, generator=generator) for generator in generators]
    return torch.cat(noise).to(base.device, base.dtype)
