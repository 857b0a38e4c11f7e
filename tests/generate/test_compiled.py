"""torch.compile for generation: compiled once whatever is asked, nothing computed twice, one sentence without it."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor
from torch._dynamo.utils import counters

from adapters import random_network
from helpers_generate import write_photo
from networks import random_condition, random_latents, random_text, small_base, small_controlnet, small_unet
from tinybases import random_unet
from zeroconv.base import load_base
from zeroconv.base.model import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.generate import ControlRequest, Request, compiled
from zeroconv.generate.compiled import check_compiler, compile_networks, compile_parts, repeated_parts
from zeroconv.generate.prepare import prepare
from zeroconv.sampling import ControlInput, Moment, guided_noise
from zeroconv.sampling.computed_once import before_text, text_readers
from zeroconv.sampling.savings import Savings

LEVEL: dict[str, Any] = {
    "block_out_channels": (16,),
    "down_block_types": ("CrossAttnDownBlock2D",),
    "up_block_types": ("CrossAttnUpBlock2D",),
    "layers_per_block": 1,
}
BATCH = 2


@pytest.fixture
def base() -> Iterator[BaseModel]:
    """A base of one level; what a test compiles of it is forgotten afterwards."""
    torch._dynamo.reset()
    counters.clear()
    plain = small_base()
    yield BaseModel("one level", random_unet("sd15", **LEVEL), plain.vae, (), (), plain.scheduler)
    torch._dynamo.reset()


def moment(step: int) -> Moment:
    return Moment(torch.tensor(901 - 100 * step), step=step, steps=10)


def predictions(base: BaseModel, net: ControlNet, steps: int = 2, **changes: Any) -> list[Tensor]:
    """What a sampling predicts, with changes to its control or, by their names, to its prompt, noise and guidance."""
    seed, guidance = changes.pop("seed", 3), changes.pop("guidance", 5.0)
    text, negative = random_text(base.unet, BATCH, changes.pop("prompt", 2)), random_text(base.unet, BATCH, seed=5)
    entry = ControlInput(net, random_condition(BATCH), **changes)
    predict = guided_noise(base, [entry], text, negative, guidance)
    with torch.no_grad():
        return [predict(random_latents(base.unet, BATCH, seed + step), moment(step)) for step in range(steps)]


CHANGES: list[dict[str, Any]] = [
    {"strength": 0.3},
    {"strength": torch.tensor([0.2, 1.0])},
    {"end": 0.1},
    {"start": 0.1, "schedule": "linear"},
    {"mask": torch.ones(1, 1, 64, 64)},
    {"prompt": 8},
    {"seed": 9},
    {"guidance": 2.5},
]


def test_nothing_is_compiled_anew_for_another_request(base: BaseModel) -> None:
    net = small_controlnet(base.unet)
    expected = [predictions(base, net, **changes) for changes in CHANGES]
    for network in (base.unet, net):
        compile_parts(network, "eager")
    predictions(base, net)
    graphs, parts = counters["stats"]["unique_graphs"], len(repeated_parts(base.unet)) + len(repeated_parts(net))
    assert graphs == parts > 8, "each part is one piece of code"
    found = [predictions(base, net, **changes) for changes in CHANGES]
    assert counters["stats"]["unique_graphs"] == graphs
    for mine, plain in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, plain, atol=1e-5, rtol=1e-4)


def test_what_is_computed_once_stays_so(base: BaseModel) -> None:
    net = small_controlnet(base.unet)
    reader, first = text_readers(base.unet)[0], base.unet.down_blocks[0].resnets[0]
    assert first in repeated_parts(base.unet) and first in before_text(base.unet)
    first.compile(backend="eager")
    rows: dict[Any, list[int]] = {reader: [], first: []}
    code, linear = first._compiled_call_impl, reader.forward

    def spied(module: Any, compute: Any) -> Any:
        return lambda hidden, *others: rows[module].append(len(hidden)) or compute(hidden, *others)

    vars(first)["_compiled_call_impl"], vars(reader)["forward"] = spied(first, code), spied(reader, linear)
    predictions(base, net, steps=3)
    assert rows == {reader: [2 * BATCH], first: [BATCH] * 3}


def test_deep_features_are_kept_of_compiled_parts(base: BaseModel) -> None:
    part = base.unet.mid_block.resnets[0]
    part.compile(backend="eager")
    text, negative = random_text(base.unet, BATCH), random_text(base.unet, BATCH, seed=5)
    predict = guided_noise(base, [], text, negative, 5.0, savings=Savings(deep_every=2))
    middle: list[int] = []
    code = part._compiled_call_impl
    vars(part)["_compiled_call_impl"] = lambda *values: middle.append(1) or code(*values)
    with torch.no_grad():
        for step in range(4):
            predict(random_latents(base.unet, BATCH, step), moment(step))
    assert len(middle) == 2


def test_a_copy_is_plain(base: BaseModel) -> None:
    """LoRAs are merged into copies: code that computes with the original's weights must not come along."""
    compile_parts(base.unet, "eager")
    assert all(part._compiled_call_impl is None for part in repeated_parts(deepcopy(base.unet)))


def test_unet_and_controlnets_are_compiled_and_adapters_are_not(
    sd15_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_base(sd15_folder)
    net, photo = small_controlnet(base.unet), write_photo(tmp_path / "photo.png")
    random_network().save_pretrained(tmp_path / "adapter")
    controls = tuple(ControlRequest("canny", photo, checkpoint=each) for each in (tmp_path / "adapter", net))
    seen: list[ResnetBlock2D] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: seen.append(self))
    compile_networks(prepare(base, Request("a red house", controls)))
    assert seen == [*repeated_parts(base.unet), *repeated_parts(net)]
    kinds = {type(part).__name__ for part in seen}
    assert kinds == {"ResnetBlock2D", "FeedForward"}
    assert not set(seen) & {module for reader in text_readers(base.unet) for module in reader.modules()}


def test_without_a_compiler_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder, exc

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", lambda: "g++")
    check_compiler(torch.device("cpu"))
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="on a GPU needs triton"):
        check_compiler(torch.device("cuda"))

    def missing() -> str:
        raise exc.InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", missing)
    with pytest.raises(UserError, match=r"needs a C\+\+ compiler, and this machine has none: install g\+\+"):
        check_compiler(torch.device("cpu"))


def test_every_shape_of_network_has_parts() -> None:
    assert all(repeated_parts(small_unet(kind)) for kind in ("sd15", "sd21", "sdxl", "no attention"))
