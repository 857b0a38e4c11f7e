"""Views of an example: its crops, and those seen in a mirror, all prepared beforehand; one is drawn for each sample."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from zeroconv.data.cache import Encoded
from zeroconv.data.chance import generator


class Examples(Protocol):
    """Encoded examples by index."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Encoded: ...


@dataclass(frozen=True)
class Views:
    """The same examples several times over; by their index alone they are the first crop as it is."""

    crops: Sequence[Examples]
    mirrored: Sequence[Examples] = ()
    """The same crops in a mirror; empty: none are."""
    flip: float = 0.0
    """Share of the samples that are mirrored."""

    def __len__(self) -> int:
        return len(self.crops[0])

    def __getitem__(self, index: int) -> Encoded:
        return self.crops[0][index]

    def drawn(self, index: int, *, seed: int, epoch: int) -> Encoded:
        """The view of an example that an epoch sees: a function of (seed, epoch, sample) alone."""
        chance = generator("view", seed, epoch, index)
        is_mirrored = torch.rand((), generator=chance).item() < self.flip
        crop = int(torch.randint(len(self.crops), (), generator=chance))
        return (self.mirrored if is_mirrored else self.crops)[crop][index]


class Joined:
    """The examples of several parts under the indices they have in the whole."""

    def __init__(self, parts: Sequence[Examples], members: Sequence[Sequence[int]]) -> None:
        """members: the indices in the whole of the examples of each part."""
        self.parts = parts
        self.places = {index: (part, row) for part, those in enumerate(members) for row, index in enumerate(those)}

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Encoded:
        part, row = self.places[index]
        return replace(self.parts[part][row], index=index)


def seen(examples: Examples, index: int, *, seed: int, epoch: int) -> Encoded:
    """An example as an epoch sees it: one of its views, and where its deviation is known a sample of its posterior."""
    if isinstance(examples, Views):
        return _sampled(examples.drawn(index, seed=seed, epoch=epoch), seed, epoch)
    return _sampled(examples[index], seed, epoch)


def _sampled(example: Encoded, seed: int, epoch: int) -> Encoded:
    if example.deviation is None:
        return example
    noise = torch.randn(example.latent.shape, generator=generator("posterior", seed, epoch, example.index))
    return replace(example, latent=example.latent + example.deviation * noise)
