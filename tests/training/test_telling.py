"""Which held-out examples the control gain is measured on."""

import torch

from zeroconv.data.cache import Encoded
from zeroconv.training.examples import telling
from zeroconv.training.onset import FEWEST


def example(index: int, condition: torch.Tensor) -> Encoded:
    return Encoded(f"{index}", torch.zeros(4, 2, 2), "", condition, index)


def examples(empty: int, drawn: int) -> list[Encoded]:
    lines = torch.zeros(3, 16, 16, dtype=torch.uint8)
    lines[:, 3, 5] = 255
    blank = [example(k, torch.full((3, 16, 16), 7 * k, dtype=torch.uint8)) for k in range(empty)]
    return [*blank, *(example(empty + k, lines) for k in range(drawn))]


def test_empty_conditions_are_left_out() -> None:
    assert [one.index for one in telling(examples(3, FEWEST))] == list(range(3, 3 + FEWEST))


def test_a_condition_of_one_colour_is_empty_though_its_channels_differ() -> None:
    one_colour = torch.tensor([0, 128, 255], dtype=torch.uint8)[:, None, None].expand(3, 16, 16)
    assert len(telling([example(9, one_colour), *examples(0, FEWEST)])) == FEWEST


def test_where_few_tell_anything_all_are_kept() -> None:
    assert len(telling(examples(3, FEWEST - 1))) == 3 + FEWEST - 1
