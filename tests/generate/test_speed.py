"""The levels of speed: what they take, what they change, and that a record makes the same pictures again."""

from pathlib import Path

import pytest
from torch.utils.flop_counter import FlopCounterMode

from helpers_generate import asked, largest_difference, write_controlnet, write_photo
from zeroconv.base import BaseModel, load_base
from zeroconv.errors import UserError
from zeroconv.generate import generate
from zeroconv.generate.prepare import prepare
from zeroconv.generate.speed import LEVELS, Level
from zeroconv.request import Request
from zeroconv.request.record import from_json, to_json

# Under numpy 2 diffusers' UniPC makes an array of a tensor in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def request_of(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Request:
    folder = tmp_path_factory.mktemp("speed")
    return asked(write_photo(folder / "photo.png"), write_controlnet(base, folder / "canny"), (5,), steps=10)


def test_exact_leaves_nothing_out_and_each_level_more(base: BaseModel, request_of: Request) -> None:
    assert LEVELS["exact"] == Level()
    pictures, flops = {}, {}
    for speed in LEVELS:
        prepared = prepare(base, Request(**{**vars(request_of), "speed": speed}))
        with FlopCounterMode(display=False) as counter:
            (pictures[speed],) = generate(base, prepared)
        flops[speed] = counter.get_total_flops()
    assert flops["exact"] > 1.5 * flops["balanced"] > 1.5 * flops["fast"]
    assert largest_difference(pictures["exact"], next(generate(base, request_of))) == 0
    assert largest_difference(pictures["exact"], pictures["fast"]) > 1


def test_a_record_keeps_the_speed_and_the_steps_asked_for(base: BaseModel, request_of: Request, tmp_path: Path) -> None:
    prepared = prepare(base, Request(**{**vars(request_of), "speed": "fast", "steps": 20}))
    assert (prepared.request.steps, prepared.request.scheduler) == (20, "unipc")
    assert prepared.steps == prepared.num_steps == LEVELS["fast"].steps(20)
    assert f"speed fast: {prepared.steps} steps of unipc" in prepared.notes
    again = prepare(base, from_json(to_json(prepared.request, tmp_path), tmp_path, of="it").request)
    assert (again.steps, again.level, again.request.speed) == (prepared.steps, prepared.level, "fast")


def test_few_steps_are_not_made_fewer() -> None:
    assert [LEVELS["fast"].steps(steps) for steps in (1, 3, 8, 40)] == [1, 3, 4, 10]


def test_a_scheduler_that_was_asked_for_is_kept(base: BaseModel) -> None:
    assert prepare(base, Request("a", speed="fast", scheduler="ddim")).request.scheduler == "ddim"


def test_few_step_models_have_no_speed(base: BaseModel) -> None:
    with pytest.warns(UserWarning) as caught:
        prepared = prepare(base, Request("a", speed="fast", scheduler="lcm", steps=4))
    assert prepared.level == LEVELS["exact"]
    assert any("the speed fast has no effect with the scheduler lcm" in str(entry.message) for entry in caught)


def test_an_unknown_speed_is_named() -> None:
    with pytest.raises(UserError, match="unknown speed 'fats'"):
        Request("a", speed="fats")  # type: ignore[arg-type]
