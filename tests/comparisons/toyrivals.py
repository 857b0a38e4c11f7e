"""What tests of the compared systems share: toy batches, a few steps of training, how pictures are told apart."""

import itertools
from dataclasses import replace

import torch
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.comparisons.rival import Rival
from zeroconv.data.batches import encode_prompts
from zeroconv.data.records import Batch
from zeroconv.evaluation.drawing import settled
from zeroconv.evaluation.sampler import Sampler

PROMPTS = ("a red house", "", "houses")


def toy_batch(base: BaseModel, examples: int = 4, seed: int = 0) -> Batch:
    """Blocks of bright and dark as pictures' latents; the condition image shows where they are."""
    generator = torch.Generator().manual_seed(seed)
    side, latent_side = base.native_size, base.native_size // base.factor
    bright = torch.rand(examples, 1, 2, 2, generator=generator).round()
    blocks = torch.nn.functional.interpolate(bright, size=latent_side)
    return Batch(
        latents=(2 * blocks - 1).expand(-1, base.latent_channels, -1, -1).clone(),
        text=encode_prompts(base, list(itertools.islice(itertools.cycle(PROMPTS), examples))),
        condition=torch.nn.functional.interpolate(bright, size=side).expand(-1, 3, -1, -1).clone(),
        noise=torch.randn(examples, base.latent_channels, latent_side, latent_side, generator=generator),
        timesteps=torch.randint(base.num_train_timesteps, (examples,), generator=generator),
        names=tuple(map(str, range(examples))),
    )


def learnt(rival: Rival, batch: Batch, steps: int, rate: float = 1e-2) -> tuple[float, float]:
    """Loss of the batch before and after so many steps on it."""
    optimizer = torch.optim.Adam(rival.parameters(), lr=rate)
    told = []
    for _ in range(steps + 1):
        loss = rival.losses(batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        told.append(loss.item())
    return told[0], told[-1]


def toy_sampler(base: BaseModel, **changes: float) -> Sampler:
    return settled(replace(Sampler(steps=4, guidance=3.0), **changes), base)


def distance(first: Tensor, second: Tensor) -> float:
    """Between pictures in [-1, 1], in levels of 255."""
    return float((first - second).abs().max()) * 127.5


def check_seeds_decide(rival: Rival, batch: Batch) -> Tensor:
    """Pictures depend on their own seed and condition alone, not on their company; returns them."""
    sampler = toy_sampler(rival.base)
    condition = batch.condition[:3]
    together = rival.draw(PROMPTS, condition, (7, 8, 7), sampler)
    assert together.shape == (3, 3, rival.base.native_size, rival.base.native_size)
    assert together.dtype == torch.float32 and together.abs().max() <= 1 and not together.requires_grad
    for k, seed in enumerate((7, 8, 7)):
        alone = rival.draw(PROMPTS[k : k + 1], condition[k : k + 1], (seed,), sampler)
        assert distance(alone, together[k : k + 1]) < 1
    other = rival.draw(PROMPTS[:1], condition[:1], (8,), sampler)
    assert distance(other, together[:1]) > 1
    return together
