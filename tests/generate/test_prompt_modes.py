"""Long prompts in chunks and weighted prompts through compel: a short plain prompt stays what it is."""

import sys
from pathlib import Path

import pytest
import torch

from networks import random_latents
from tinybases import LENGTH
from zeroconv.base import BaseModel, load_base
from zeroconv.control import Text
from zeroconv.errors import UserError
from zeroconv.generate.prompt_modes import encode_prompts
from zeroconv.request import Request

SIZE = (64, 64)
SHORT, LONG = "a red house", "a house " * 12


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def base(request: pytest.FixtureRequest, base_folders: dict[str, Path]) -> BaseModel:
    return load_base(base_folders[request.param])


def test_a_short_prompt_is_what_it_is(base: BaseModel) -> None:
    plain = encode_prompts(base, [SHORT], [""], SIZE, "plain")
    long = encode_prompts(base, [SHORT], [""], SIZE, "long")
    for one, other in zip(plain, long, strict=True):
        torch.testing.assert_close(one.tokens, other.tokens, atol=1e-6, rtol=1e-5)
        if one.pooled is not None and other.pooled is not None:
            torch.testing.assert_close(one.pooled, other.pooled, atol=1e-6, rtol=1e-5)
            assert torch.equal(one.sizes, other.sizes)  # type: ignore[arg-type]


def test_each_chunk_is_a_prompt_of_its_own(base: BaseModel) -> None:
    words = LENGTH - 2
    text, negative = encode_prompts(base, ["house " * (2 * words)], [""], SIZE, "long")
    chunk = base.encode_text(["house " * words], SIZE)
    assert text.tokens.shape == negative.tokens.shape == (1, 2 * LENGTH, chunk.tokens.shape[-1])
    torch.testing.assert_close(text.tokens, chunk.tokens.repeat(1, 2, 1), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_prompt_does_not_depend_on_those_beside_it(base: BaseModel) -> None:
    text, _ = encode_prompts(base, [SHORT, LONG], [""], SIZE, "long")
    alone, _ = encode_prompts(base, [SHORT], [""], SIZE, "long")
    first = Text(text.tokens[:1], *(part if part is None else part[:1] for part in (text.pooled, text.sizes)))
    latents, time = random_latents(base.unet, 1), torch.tensor(400)
    together, single = (base.predict_noise(latents, time, own) for own in (first, alone))
    torch.testing.assert_close(together, single, atol=1e-5, rtol=1e-4)
    other = Text(text.tokens[1:], first.pooled, first.sizes)
    assert (base.predict_noise(latents, time, other) - single).abs().max() > 1e-4


def test_weights_through_compel(base: BaseModel) -> None:
    pytest.importorskip("compel")
    plain, _ = encode_prompts(base, [SHORT], [""], SIZE, "plain")
    weighted, _ = encode_prompts(base, [SHORT], [""], SIZE, "weighted")
    torch.testing.assert_close(weighted.tokens, plain.tokens, atol=1e-5, rtol=1e-4)
    stronger, negative = encode_prompts(base, ["a (red)1.5 house"], ["blue"], SIZE, "weighted")
    assert stronger.tokens.shape == plain.tokens.shape == negative.tokens.shape
    assert (stronger.tokens - plain.tokens).abs().max() > 1e-2
    if plain.pooled is not None and weighted.pooled is not None:
        torch.testing.assert_close(weighted.pooled, plain.pooled, atol=1e-5, rtol=1e-4)


def test_without_compel_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compel", None)
    with pytest.raises(UserError, match=r"needs the package compel: pip install 'zeroconv\[prompts\]'"):
        Request("a", prompt_mode="weighted")
    with pytest.raises(UserError, match="unknown prompt mode 'lang'; did you mean 'long'"):
        Request("a", prompt_mode="lang")  # type: ignore[arg-type]
