"""The loop over the steps of any diffusers scheduler; of guidance and control it knows nothing.

Shapes: B pictures; C latent channels; H, W latent height and width.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from zeroconv.errors import UserError
from zeroconv.sampling.image_start import ImageStart, skipped_steps
from zeroconv.sampling.timing import Moment

Generators = torch.Generator | Sequence[torch.Generator] | None
PredictNoise = Callable[[Tensor, Moment], Tensor]
"""Latents (B, C, H, W), as the scheduler scales them, and the moment -> the prediction, of the same shape."""

Moved = Callable[[Tensor, Tensor], Tensor]
"""Latents before a step and after it, both (B, C, H, W) -> those that the next step begins with."""


def sample(
    predict_noise: PredictNoise,
    scheduler: Any,
    latents: Tensor,
    steps: int,
    generators: Generators = None,
    *,
    start: ImageStart | None = None,
    moved: Moved | None = None,
) -> Iterator[Tensor]:
    """Latents (B, C, H, W) after each step, from noise of standard deviation 1 to the picture's latents.

    scheduler: any diffusers scheduler; a copy of it is used. generators: what schedulers that add noise draw from,
    one per picture (or one for all). start: a picture to begin from, at the noise level of the steps that are left.
    moved: what is done to the latents after every step.
    """
    scheduler, beginning = deepcopy(scheduler), latents
    scheduler.set_timesteps(steps, device=latents.device)
    moments = _moments(scheduler, 0 if start is None else skipped_steps(steps, start.denoise))
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    options = {"generator": _as_list(generators, len(latents))} if takes_generator else {}
    if start is None:
        latents = latents * scheduler.init_noise_sigma
    else:
        latents = start.noised(scheduler, beginning, moments[0].timestep)
    following = [moment.timestep for moment in moments[1:]]
    for moment, next_timestep in zip(moments, [*following, None], strict=True):
        with torch.no_grad():
            noise = predict_noise(scheduler.scale_model_input(latents, moment.timestep), moment)
            stepped = scheduler.step(noise, moment.timestep, latents, return_dict=False, **options)[0]
            latents = stepped if moved is None else moved(latents, stepped)
        if start is not None:
            latents = start.blended(scheduler, latents, beginning, next_timestep)
        yield latents


def _moments(scheduler: Any, skipped: int) -> list[Moment]:
    """The moments of the steps but for those skipped, counted anew."""
    first = skipped * scheduler.order
    if hasattr(scheduler, "set_begin_index") and first:
        scheduler.set_begin_index(first)
    timesteps = list(scheduler.timesteps[first:])
    sigmas = getattr(scheduler, "sigmas", None)
    levels = [None] * len(timesteps) if sigmas is None else torch.as_tensor(sigmas).tolist()[first:]
    last = scheduler.config.num_train_timesteps - 1
    noise = [time / last for time in torch.as_tensor(scheduler.timesteps[first:]).tolist()]
    return [Moment(t, step, len(timesteps), levels[step], noise[step]) for step, t in enumerate(timesteps)]


def _as_list(generators: Generators, num_pictures: int) -> torch.Generator | list[torch.Generator] | None:
    if generators is None or isinstance(generators, torch.Generator):
        return generators
    if len(generators) != num_pictures:
        raise UserError(f"one generator per picture: expected {num_pictures}, got {len(generators)}")
    return list(generators)
