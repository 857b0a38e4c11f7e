"""Faults planted into the data of a training, as users meet them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from zeroconv.data.cache import Encoded
from zeroconv.data.views import Examples

SHIFT = 24
"""Pixels by which the condition is moved: an eighth to a fifth of the picture's side."""


@dataclass(frozen=True)
class Few:
    """The first examples alone."""

    examples: Examples
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Encoded:
        return self.examples[index]


@dataclass(frozen=True)
class Altered:
    """Examples of which each condition passes through a function of the examples and the index."""

    examples: Examples
    alter: Callable[[Examples, int], torch.Tensor]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Encoded:
        return replace(self.examples[index], condition=self.alter(self.examples, index))


def _others(examples: Examples, index: int) -> torch.Tensor:
    """The condition of another example, always the same one."""
    return examples[(index + len(examples) // 2) % len(examples)].condition


def _every_second(examples: Examples, index: int) -> torch.Tensor:
    return _others(examples, index) if index % 2 else examples[index].condition


def _shifted(examples: Examples, index: int) -> torch.Tensor:
    return examples[index].condition.roll((SHIFT, SHIFT), (1, 2))


def _blank(examples: Examples, index: int) -> torch.Tensor:
    return torch.zeros_like(examples[index].condition)


FAULTS: Mapping[str, Callable[[Examples], Examples]] = {
    "": lambda examples: examples,
    "few-100": lambda examples: Few(examples, 100),
    "few-1000": lambda examples: Few(examples, 1000),
    "mispaired": lambda examples: Altered(examples, _others),
    "half-mispaired": lambda examples: Altered(examples, _every_second),
    "shifted": lambda examples: Altered(examples, _shifted),
    "blank": lambda examples: Altered(examples, _blank),
}
