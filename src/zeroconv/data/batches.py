"""Which examples a step sees and what is drawn for them: order, noise, time step and prompt drop.

Everything random about a sample is a function of (seed, epoch, sample) alone. It does not depend on the batch size,
on caches, on what else is in the batch or on where a run was interrupted, so that training can go on from any
position and be bitwise the run that never stopped.

B examples, C latent channels, h w latent height and width, N condition channels, H W pixels.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.control import Text
from zeroconv.data.buckets import turns
from zeroconv.data.cache import Encoded
from zeroconv.data.chance import generator
from zeroconv.data.order import order
from zeroconv.data.records import Batch
from zeroconv.data.views import Examples, seen


@dataclass(frozen=True)
class Draw:
    """What chance decided for one sample."""

    prompt: str
    """The caption, or the empty prompt where it was dropped."""
    timestep: int
    noise: Tensor
    """(C, h, w), standard normal, float32."""


def draw(
    example: Encoded, *, seed: int, epoch: int, prompt_drop: float, num_timesteps: int, timestep_power: float = 1.0
) -> Draw:
    """Draws for one sample in one epoch; the order drop, time step, noise never changes.

    timestep_power: the time step is num_timesteps * u ** timestep_power, u even in [0, 1); below 1 more of the noisy.
    """
    chance = generator("sample", seed, epoch, example.index)
    is_dropped = torch.rand((), generator=chance).item() < prompt_drop
    timestep = int(torch.randint(num_timesteps, (), generator=chance))
    if timestep_power != 1:
        timestep = int(num_timesteps * ((timestep + 0.5) / num_timesteps) ** timestep_power)
    return Draw(
        prompt="" if is_dropped else example.caption,
        timestep=timestep,
        noise=torch.randn(example.latent.shape, generator=chance),
    )


def share(count: int, part: int, parts: int) -> slice:
    """The rows of `count` that fall to one of `parts`: consecutive, and as many as the others', give or take one."""
    return slice(round(count * part / parts), round(count * (part + 1) / parts))


@dataclass(frozen=True)
class Batches:
    """An endless sequence of batches over the examples, epoch after epoch, that can start at any position."""

    examples: Examples
    base: BaseModel
    batch_size: int
    """Examples of one optimiser step; a batch may reach into the next epoch, none is dropped or padded."""
    seed: int
    prompt_drop: float = 0.5
    """Share of prompts replaced by the empty prompt; 0.5 is the paper's (section 3.4)."""
    buckets: tuple[Collection[int], ...] = ()
    """Indices of the examples that may share a batch; empty: all may."""
    part: int = 0
    """Which share of every batch is made, of `parts`: each process of a training makes its own."""
    parts: int = 1
    timestep_power: float = 1.0
    """Below 1 more of the noisy time steps are drawn."""
    window: int = 0
    """Blocks of consecutive examples among which an epoch mixes them; 0: all (zeroconv.data.order)."""

    def starting(self, position: int) -> Iterator[Batch]:
        """The batches after the first `position` samples of the whole training.

        With several buckets batches are whole: `position` is a multiple of the batch size.
        """
        buckets = self.buckets or (range(len(self.examples)),)
        start, rest = divmod(position, self.batch_size)
        assert rest == 0 or len(buckets) == 1
        mine = share(self.batch_size, self.part, self.parts)
        places: dict[int, Iterator[tuple[int, int]]] = {}
        for bucket, batch in turns([len(one) for one in buckets], self.batch_size, seed=self.seed, start=start):
            if bucket not in places:
                places[bucket] = self._places(buckets[bucket], batch * self.batch_size + rest)
            yield self._batch([next(places[bucket]) for _ in range(self.batch_size)][mine])

    def _places(self, bucket: Collection[int], position: int) -> Iterator[tuple[int, int]]:
        """Epoch and example of the samples of a bucket, after the first `position`."""
        epoch, slot = divmod(position, len(bucket))
        while True:
            for index in self._epoch(bucket, epoch, slot):
                yield epoch, index
            epoch, slot = epoch + 1, 0

    def _epoch(self, bucket: Collection[int], epoch: int, start: int) -> Iterator[int]:
        """The examples of a bucket in the order of an epoch, from its `start`th on.

        Without a window that is the order of all examples without the other buckets'; with one it is the bucket's own,
        whose files are read one after the other.
        """
        count = len(self.examples)
        if self.window or len(bucket) == count:
            members = sorted(bucket) if len(bucket) < count else range(count)
            places = order(len(bucket), seed=self.seed, epoch=epoch, window=self.window, start=start)
            return (members[place] for place in places)
        indices = order(count, seed=self.seed, epoch=epoch)
        return islice((index for index in indices if index in bucket), start, None)

    def _batch(self, places: Sequence[tuple[int, int]]) -> Batch:
        examples = [seen(self.examples, index, seed=self.seed, epoch=epoch) for epoch, index in places]
        draws = [self._draw(example, epoch) for example, (epoch, _) in zip(examples, places, strict=True)]
        return collate(self.base, examples, draws)

    def _draw(self, example: Encoded, epoch: int) -> Draw:
        return draw(
            example,
            seed=self.seed,
            epoch=epoch,
            prompt_drop=self.prompt_drop,
            num_timesteps=self.base.num_train_timesteps,
            timestep_power=self.timestep_power,
        )


def held_out_batches(
    base: BaseModel, examples: Examples, *, batch_size: int, seed: int, prompt_drop: float = 0.5
) -> list[Batch]:
    """All examples once, with noise and prompt drops that never change and time steps spread evenly over the schedule.

    With stratified time steps the mean loss over the n examples varies far less than with independent ones. Batches
    are equal in size but for the last, and interleave the strata, so that each holds early and late time steps.
    """
    num_timesteps, count = base.num_train_timesteps, len(examples)
    strata = order(count, seed=seed, epoch=-1)
    draws = []
    for index, stratum in enumerate(strata):
        drawn = draw(examples[index], seed=seed, epoch=-1, prompt_drop=prompt_drop, num_timesteps=num_timesteps)
        draws.append(replace(drawn, timestep=int((stratum + 0.5) * num_timesteps / count)))
    chosen = [examples[index] for index in range(count)]
    return [
        collate(base, chosen[start : start + batch_size], draws[start : start + batch_size])
        for start in range(0, count, batch_size)
    ]


def collate(base: BaseModel, examples: Sequence[Encoded], draws: Sequence[Draw]) -> Batch:
    """Examples and draws -> the batch on the base's device; conditions in their range."""
    device, dtype = base.device, base.dtype
    conditions = torch.stack([example.condition_values() for example in examples])
    text = encode_prompts(base, [drawn.prompt for drawn in draws])
    return Batch(
        latents=torch.stack([example.latent for example in examples]).to(device, dtype),
        text=replace(text, sizes=_told(text.sizes, examples)),
        condition=conditions.to(device, dtype),
        noise=torch.stack([drawn.noise for drawn in draws]).to(device, dtype),
        timesteps=torch.tensor([drawn.timestep for drawn in draws], device=device),
        names=tuple(example.name for example in examples),
    )


def _told(native: Tensor | None, examples: Sequence[Encoded]) -> Tensor | None:
    """The sizes (B, 6) for a base that is told them: those of the examples that know theirs."""
    if native is None:
        return None
    pairs = zip(native, examples, strict=True)
    return torch.stack([row if one.sizes is None else row.new_tensor(one.sizes) for row, one in pairs])


@torch.no_grad()
def encode_prompts(base: BaseModel, prompts: Sequence[str]) -> Text:
    """The prompts' encodings, each different prompt encoded once: half of a training batch is the empty prompt."""
    distinct = list(dict.fromkeys(prompts))
    text = base.encode_text(distinct)
    rows = torch.tensor([distinct.index(prompt) for prompt in prompts], device=text.tokens.device)
    return Text(
        tokens=text.tokens[rows],
        pooled=None if text.pooled is None else text.pooled[rows],
        sizes=None if text.sizes is None else text.sizes[rows],
    )
