"""Less memory, the same pictures: text encoders that may go, networks that come and go, decoding in tiles."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from helpers_generate import asked, largest_difference, write_controlnet, write_photo
from zeroconv.base import BaseModel, load_base
from zeroconv.generate import generate, pictures
from zeroconv.generate.low_memory import decoded, lent, without_text_encoders
from zeroconv.generate.prepare import prepare


@pytest.fixture
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photo(tmp_path_factory.mktemp("inputs") / "photo.png")


@pytest.fixture
def canny(base: BaseModel, tmp_path: Path) -> Path:
    return write_controlnet(base, tmp_path / "canny")


@pytest.mark.parametrize("prompt", ["a red house", ("a red house", "blue", "a")])
def test_text_encoders_may_go_once_the_prompts_are_read(
    sd15_folder: Path, canny: Path, photo: Path, prompt: Any
) -> None:
    base = load_base(sd15_folder)  # held by nobody else
    request = replace(asked(photo, canny), prompt=prompt)
    expected = list(generate(base, request, batch_size=1))
    prepared = without_text_encoders(prepare(base, request))
    assert prepared.base.text_encoders == () and base.text_encoders
    encoder = weakref.ref(base.text_encoders[0])
    base = prepared.base
    gc.collect()
    assert encoder() is None, "somebody still holds it"
    found = list(generate(base, prepared, batch_size=1))
    assert all(largest_difference(*pair) == 0 for pair in zip(found, expected, strict=True))
    last = next(generate(base, prepared.only([2])))
    assert largest_difference(last, expected[2]) <= 1 and largest_difference(last, expected[0]) > 8


class Traveller(nn.Linear):
    """Remembers where it was sent, and stays."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.sent: list[str] = []

    def to(self, place: Any) -> Any:
        self.sent.append(str(place))
        return self


def test_networks_are_lent_and_come_back() -> None:
    one, other = Traveller(), Traveller()
    with pytest.raises(KeyboardInterrupt), lent(torch.device("cuda"), one, other):
        assert one.sent == other.sent == ["cuda"]
        raise KeyboardInterrupt
    assert one.sent == other.sent == ["cuda", "cpu"]
    with lent(None, one):
        assert one.sent == ["cuda", "cpu"]


@pytest.mark.parametrize("has_image", [False, True])
def test_what_runs_is_lent_and_nothing_else(
    base: BaseModel, canny: Path, photo: Path, monkeypatch: pytest.MonkeyPatch, has_image: bool
) -> None:
    there: set[nn.Module] = set()

    @contextmanager
    def watched(device: torch.device | None, *networks: nn.Module) -> Iterator[None]:
        assert device == torch.device("cpu") and not there
        there.update(networks)
        yield
        there.clear()

    monkeypatch.setattr(pictures, "lent", watched)
    prepared = prepare(base, replace(asked(photo, canny, (5,)), image=photo if has_image else None))
    net = prepared.controls[0].controlnet
    hooks = [
        net.condition_encoder.register_forward_pre_hook(lambda *_: seen("net", net)),
        base.unet.register_forward_pre_hook(lambda *_: seen("unet", base.unet)),
        base.vae.decoder.register_forward_pre_hook(lambda *_: seen("decoder", base.vae)),
        base.vae.encoder.register_forward_pre_hook(lambda *_: seen("encoder", base.vae)),
    ]
    ran: set[str] = set()

    def seen(name: str, network: nn.Module) -> None:
        assert network in there, name
        assert (base.unet in there) == (name != "decoder")
        ran.add(name)

    next(generate(base, prepared, device=torch.device("cpu")))
    assert ran == {"net", "unet", "decoder", *(["encoder"] if has_image else [])}
    for hook in hooks:
        hook.remove()


def test_decoding_falls_back_to_tiles(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    latents, decode, modes = torch.randn(2, 4, 8, 8), BaseModel.decode, []

    def short_of_memory(self: BaseModel, latents: torch.Tensor) -> torch.Tensor:
        modes.append((self.vae.use_slicing, self.vae.use_tiling))
        if len(modes) == 1:
            raise torch.OutOfMemoryError
        return decode(self, latents)

    expected = base.decode(latents)
    monkeypatch.setattr(BaseModel, "decode", short_of_memory)
    with pytest.warns(UserWarning, match="did not suffice to decode at once"):
        images = decoded(base, latents)
    assert modes == [(False, False), (True, True)] and not (base.vae.use_slicing or base.vae.use_tiling)
    assert images.shape == expected.shape
    assert torch.equal(decoded(base, latents), expected)
