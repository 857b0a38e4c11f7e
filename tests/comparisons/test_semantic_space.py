"""PITI in small: the condition's tokens stand where the prompt's stand, and the base stays as it is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toyrivals import PROMPTS, check_seeds_decide, distance, learnt, toy_batch, toy_sampler

from wordbase import word_base
from zeroconv.base import BaseModel, load_base
from zeroconv.comparisons.semantic_space import SemanticSpace


@pytest.fixture(scope="module")
def base() -> BaseModel:
    """One in which words count: random attention hardly changes anything."""
    base = word_base()
    for name, weights in base.unet.named_parameters():
        if "attn2.to_" in name:
            weights.mul_(5)
    return base


def small(base: BaseModel) -> SemanticSpace:
    torch.manual_seed(0)
    return SemanticSpace(base, width=32, layers=1)


def test_tokens_have_the_shape_and_the_place_of_the_text(base: BaseModel) -> None:
    rival, batch = small(base), toy_batch(base)
    rival.prepare([batch, toy_batch(base, seed=1)])
    text = rival.text(batch.condition)
    assert text.tokens.shape == batch.text.tokens.shape
    assert torch.allclose(rival.centre, batch.text.tokens.mean(dim=(0, 1)), atol=1e-3)
    assert torch.allclose(rival.spread, batch.text.tokens.flatten(0, 1).std(dim=0), rtol=0.1)
    assert {"centre", "spread"} <= set(rival.state_dict())


def test_what_a_base_reads_beside_tokens_is_that_of_no_words(sdxl_folder: Path) -> None:
    base = load_base(sdxl_folder)
    text, wordless = small(base).text(toy_batch(base, 2).condition), base.encode_text(["", ""])
    assert text.pooled is not None and text.sizes is not None and wordless.pooled is not None
    assert torch.allclose(text.pooled, wordless.pooled, atol=1e-5) and text.tokens.shape == wordless.tokens.shape


def test_it_learns_from_the_condition_and_not_from_words(base: BaseModel) -> None:
    rival, batch = small(base), toy_batch(base)
    before, after = learnt(rival, batch, 20)
    assert after < before
    other_words = replace(batch, text=base.encode_text(["another"] * 4))
    assert torch.equal(rival.losses(batch), rival.losses(other_words))
    elsewhere = replace(batch, condition=batch.condition.flip(0))
    assert not torch.allclose(rival.losses(batch), rival.losses(elsewhere), rtol=1e-3)
    assert all(parameter.grad is None for parameter in base.unet.parameters())


def test_seeds_and_conditions_decide_the_pictures(base: BaseModel) -> None:
    rival, batch = small(base), toy_batch(base)
    pictures = check_seeds_decide(rival, batch)
    sampler = toy_sampler(base)
    assert torch.equal(rival.draw(("other", "words", "here"), batch.condition[:3], (7, 8, 7), sampler), pictures)
    elsewhere = rival.draw(PROMPTS[:1], 1 - batch.condition[:1], (7,), sampler)
    assert distance(elsewhere, pictures[:1]) > 0
