"""Taming Transformers in small: tokens in their order, no look ahead, drawn by each picture's own generator."""

from dataclasses import replace

import pytest
import torch
from toyrivals import PROMPTS, check_seeds_decide, distance, learnt, toy_batch, toy_sampler

from wordbase import word_base
from zeroconv.base import BaseModel
from zeroconv.comparisons.token_transformer import TokenTransformer


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return word_base()


def small(base: BaseModel, codes: int = 32) -> TokenTransformer:
    """Codes of latents that are noise, so that pictures differ; its joints are large, so that all tokens count."""
    torch.manual_seed(0)
    rival = TokenTransformer(base, codes=codes, condition_codes=8, width=32, layers=2)
    noisy = [replace(batch, latents=batch.noise) for batch in (toy_batch(base, 8, seed) for seed in range(2))]
    rival.prepare(noisy)
    with torch.no_grad():
        for weights in (
            rival.picture_embedding.weight,
            rival.condition_embedding.weight,
            rival.places,
            rival.out.weight,
        ):
            weights.normal_(std=0.5)
    return rival


def test_a_token_sees_the_condition_and_what_came_before(base: BaseModel) -> None:
    rival = small(base)
    given = torch.randn(1, 128, 32, generator=torch.Generator().manual_seed(0))
    changed = given.clone()
    changed[0, 90] += 1
    (read, _), (other, _) = rival._read(given), rival._read(changed)
    assert torch.equal(read[0, :90], other[0, :90])
    assert ((read - other).abs().amax(dim=-1)[0, 90:] > 0).all()


def test_reading_one_by_one_is_reading_all(base: BaseModel) -> None:
    rival = small(base)
    given = torch.randn(2, 70, 32, generator=torch.Generator().manual_seed(0))
    whole, _ = rival._read(given)
    read, past = rival._read(given[:, :64])
    pieces = [read]
    for k in range(64, 70):
        read, past = rival._read(given[:, k : k + 1], past)
        pieces.append(read)
    assert torch.allclose(torch.cat(pieces, dim=1), whole, atol=1e-5)


def test_the_loss_is_that_of_the_next_token(base: BaseModel) -> None:
    rival, batch = small(base), toy_batch(base, 2)
    told = rival.condition_embedding(rival._condition_tokens(batch.condition))
    tokens = rival.picture_codes.tokens(batch.latents.flatten(2).mT)
    past, given, by_hand = (), told, torch.zeros(2)
    for k in range(64):
        hidden, past = rival._read(given, past)
        likelihoods = rival._logits(hidden[:, -1]).log_softmax(dim=-1)
        by_hand -= likelihoods[torch.arange(2), tokens[:, k]] / 64
        given = rival.picture_embedding(tokens[:, k])[:, None]
    assert torch.allclose(rival.losses(batch), by_hand, rtol=1e-4)


def test_near_codes_begin_alike(base: BaseModel) -> None:
    rival = TokenTransformer(base, codes=32, condition_codes=8, width=32, layers=1)
    rival.prepare([replace(batch, latents=batch.noise) for batch in [toy_batch(base, 8)]])
    apart = torch.cdist(rival.picture_codes.codes, rival.picture_codes.codes).flatten()
    for weights in (rival.picture_embedding.weight, rival.out.weight):
        assert torch.corrcoef(torch.stack([apart, torch.cdist(weights, weights).flatten()]))[0, 1] > 0.8


def test_it_learns_from_the_condition(base: BaseModel) -> None:
    torch.manual_seed(0)
    rival, batch = TokenTransformer(base, codes=4, condition_codes=2, width=32, layers=2), toy_batch(base)
    rival.prepare([batch])
    before, after = learnt(rival, batch, 100)
    assert after < 0.1 * before
    elsewhere = replace(batch, condition=1 - batch.condition)
    assert rival.losses(elsewhere).mean() > 2 * after


def test_seeds_and_conditions_decide_the_pictures(base: BaseModel) -> None:
    rival, batch = small(base), toy_batch(base)
    pictures = check_seeds_decide(rival, batch)
    sampler = toy_sampler(base)
    assert torch.equal(rival.draw(("other", "words", "here"), batch.condition[:3], (7, 8, 7), sampler), pictures)
    assert distance(rival.draw(PROMPTS[:1], 1 - batch.condition[:1], (7,), sampler), pictures[:1]) > 1


def test_only_the_likeliest_codes_are_drawn(base: BaseModel) -> None:
    rival, batch = small(base), toy_batch(base, 1)
    rival.top_k = 1
    first, second = (rival.draw(PROMPTS[:1], batch.condition, (seed,), toy_sampler(base)) for seed in (1, 2))
    assert torch.equal(first, second)
    logits = torch.randn(1, 32, generator=torch.Generator().manual_seed(0))
    rival.top_k, generator = 3, torch.Generator().manual_seed(0)
    drawn = {int(rival._drawn(logits, [generator])) for _ in range(60)}
    assert drawn == set(logits[0].topk(3).indices.tolist())
