"""Requests sampled together: each picture is the one it is alone, whatever it differs in from its company."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from helpers_generate import asked, largest_difference
from zeroconv.base import BaseModel
from zeroconv.generate import ControlRequest, Request, generate
from zeroconv.generate.joined import agreement, join
from zeroconv.generate.prepare import prepare
from zeroconv.generate.prepared import Prepared
from zeroconv.request import Lora

pytestmark = [pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning"), pytest.mark.usefixtures("one_thread")]


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8))


def left_half() -> Image.Image:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    return mask


def ready(base: BaseModel, canny: Path, seed: int, prompt: str, seeds: tuple[int, ...], **changes: Any) -> Prepared:
    changes = {"size": (64, 64), "steps": 3, **changes}
    return prepare(base, replace(asked(noise(seed), canny, seeds, **changes), prompt=prompt))


def made(base: BaseModel, prepared: Prepared, **options: Any) -> list[Image.Image]:
    return list(generate(base, prepared, **options))


@pytest.mark.parametrize("scheduler", ["ddim", "euler-a"])
def test_each_picture_is_the_one_it_is_alone(base: BaseModel, canny: Path, scheduler: str) -> None:
    several = [
        ready(base, canny, 1, "a house", (5, 6), scheduler=scheduler, strength=0.5),
        ready(base, canny, 2, "a tree", (7,), scheduler=scheduler, negative="grey"),
        ready(base, canny, 3, "a boat", (8, 9), scheduler=scheduler, strength=(0.0, 1.5)),
    ]
    alone = [image for prepared in several for image in made(base, prepared)]
    together = made(base, join(several), batch_size=5)
    in_parts = made(base, join(several), batch_size=2)
    for one, other, third in zip(alone, together, in_parts, strict=True):
        assert largest_difference(one, other) <= 1
        assert largest_difference(one, third) <= 1
    swapped = made(base, join([replace(several[0], controls=several[1].controls), several[2]]), batch_size=4)
    assert largest_difference(swapped[0], alone[0]) > 8, "the condition image matters"


def test_masks_are_each_requests_own(base: BaseModel, canny: Path) -> None:
    several = [
        ready(base, canny, 1, "a house", (5,), mask=left_half()),
        ready(base, canny, 1, "a house", (5,), mask=left_half().transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    ]
    alone = [made(base, prepared)[0] for prepared in several]
    together = made(base, join(several), batch_size=2)
    assert all(largest_difference(one, other) <= 1 for one, other in zip(alone, together, strict=True))
    assert largest_difference(*alone) > 8


def test_parts_of_what_was_joined_keep_their_own(base: BaseModel, canny: Path) -> None:
    several = [ready(base, canny, seed, "a house", (seed,)) for seed in (1, 2, 3)]
    alone = [made(base, prepared)[0] for prepared in several]
    last = made(base, join(several).only([2, 0]), batch_size=2)
    assert largest_difference(last[0], alone[2]) <= 1
    assert largest_difference(last[1], alone[0]) <= 1


def test_one_alone_is_itself(base: BaseModel, canny: Path) -> None:
    prepared = ready(base, canny, 1, "a house", (5,))
    assert join([prepared]) is prepared


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 4},
        {"size": (128, 64)},
        {"guidance": 3.0},
        {"scheduler": "euler"},
        {"speed": "fast"},
        {"prompt_mode": "long"},
        {"start": 0.5},
        {"end": 0.5},
        {"window": "noise"},
        {"schedule": "linear"},
        {"weights": "soft"},
        {"conditional_only": True},
        {"mask": left_half()},
        {"checkpoint": "another"},
        {"controls": ()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_must_agree(change: dict[str, Any]) -> None:
    control = ControlRequest("canny", noise(1), checkpoint="mine")
    request = Request("a house", (control,), size=(64, 64), guidance=4.0, scheduler="ddim")
    inside = {key: value for key, value in change.items() if hasattr(control, key)}
    outside = {key: value for key, value in change.items() if key not in inside}
    other = replace(request, **{"controls": (replace(control, **inside),), **outside})
    assert agreement(other) != agreement(request)


def test_what_may_differ() -> None:
    control = ControlRequest("canny", noise(1), checkpoint="mine")
    request = Request("a house", (control,), size=(64, 64), guidance=4.0, scheduler="ddim")
    own = replace(control, image=noise(2), strength=0.3, options={"low": 5})
    other = replace(request, prompt="a tree", negative="grey", seeds=(4, 5), controls=(own,))
    assert agreement(other) == agreement(request) is not None


def test_what_begins_from_a_picture_is_alone() -> None:
    assert agreement(Request("a house", image=noise(1))) is None


def test_loras_and_their_strengths_must_agree() -> None:
    plain = Request("a house", size=(64, 64), guidance=4.0, scheduler="ddim")
    style, weaker = replace(plain, loras=(Lora("style"),)), replace(plain, loras=(Lora("style", 0.5),))
    assert agreement(style) == agreement(replace(style, prompt="a tree", seeds=(7,)))
    assert len({agreement(each) for each in (plain, style, weaker, replace(plain, loras=(Lora("ink"),)))}) == 4
