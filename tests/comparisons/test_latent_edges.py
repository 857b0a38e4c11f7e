"""Sketch-Guided Diffusion in small: edges are found in features, and their gradient moves the sampling."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from toyrivals import PROMPTS, check_seeds_decide, distance, learnt, toy_batch, toy_sampler

from wordbase import word_base
from zeroconv.base import BaseModel
from zeroconv.comparisons.latent_edges import LatentEdges, _Pull
from zeroconv.errors import UserError
from zeroconv.evaluation.drawing import denoised
from zeroconv.sampling import guided_noise


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return word_base()


@pytest.fixture(scope="module")
def trained(base: BaseModel) -> LatentEdges:
    """One that has learnt to find the blocks of the toy batches."""
    torch.manual_seed(0)
    rival = LatentEdges(base, widths=(32, 16))
    batches = [toy_batch(base, 8, seed) for seed in range(8)]
    rival.prepare(batches)
    before, after = learnt(rival, batches[0], 30)
    assert after < 0.7 * before
    return rival


def test_edges_are_means_over_parts_of_each_latents_place(base: BaseModel) -> None:
    rival = LatentEdges(base, condition_channels=1, detail=2, widths=(8,))
    condition = torch.zeros(1, 1, 32, 32)
    condition[0, 0, 4, 7] = 1  # second row and column of latents, its upper right quarter of 2 x 2 pixels
    edges = rival.edges(condition)
    assert edges.shape == (1, 4, 8, 8)
    assert edges[0, :, 1, 1].tolist() == [0, 0.25, 0, 0] and edges.sum() == 0.25


def test_features_and_edges_are_standardised(base: BaseModel) -> None:
    rival, batch = LatentEdges(base, widths=(8,)), toy_batch(base, 8)
    rival.prepare([batch])
    edges = rival.edges(batch.condition)
    assert edges.mean().abs() < 1e-5 and abs(float(edges.std()) - 1) < 0.05
    assert {"features_centre", "edges_spread"} <= set(rival.state_dict())
    assert not base.unet.mid_block._forward_hooks


def test_what_is_found_depends_on_the_place_alone_and_on_time(trained: LatentEdges) -> None:
    features = torch.randn(1, len(trained.features_centre), 4, 4, generator=torch.Generator().manual_seed(0))
    times = torch.tensor([500])
    found = trained._found(features, times)
    mirrored = trained._found(features.flip(-1), times).flip(-1)
    assert torch.allclose(found, mirrored, atol=1e-5)
    assert not torch.allclose(found, trained._found(features, times // 2), atol=1e-3)


def test_without_beta_the_pictures_are_the_bases_own(base: BaseModel, trained: LatentEdges) -> None:
    sampler, seeds, trained.beta = toy_sampler(base), (7, 8, 9), 0.0
    pictures = trained.draw(PROMPTS, toy_batch(base, 3).condition, seeds, sampler)
    text, negative = base.encode_text(PROMPTS), base.encode_negative([""] * 3)
    latents = denoised(base, guided_noise(base, [], text, negative, 3.0), seeds, sampler)
    assert torch.equal(pictures, base.decode(latents))


def test_latents_come_nearer_to_the_edges_asked_for(base: BaseModel, trained: LatentEdges) -> None:
    condition = toy_batch(base, 3, seed=50).condition
    text, asked = base.encode_text(PROMPTS), trained.edges(condition)
    predict_noise = guided_noise(base, [], text, base.encode_negative([""] * 3), 3.0)

    def away(beta: float) -> Tensor:
        trained.beta = beta
        pull = _Pull(trained, predict_noise, text, asked)
        latents = denoised(base, pull.predict_noise, (1, 2, 3), toy_sampler(base, steps=8), moved=pull.moved)
        return trained.distance(latents, torch.tensor([10, 10, 10]), text, asked)

    assert (away(0.4) < 0.97 * away(0.0)).all()
    assert (away(1.6) < 0.9 * away(0.0)).all()


def test_the_move_is_beta_steps_long_and_ends_half_way(base: BaseModel, trained: LatentEdges) -> None:
    trained.beta = 1.6
    asked = trained.edges(toy_batch(base, 1).condition)
    pull = _Pull(trained, lambda latents, moment: torch.zeros_like(latents), base.encode_text(PROMPTS[:1]), asked)
    lengths: list[float] = []

    def noted(before: Tensor, after: Tensor) -> Tensor:
        result = pull.moved(before, after)
        lengths.append(float((result - after).norm() / (before - after).norm()))
        return result

    denoised(base, pull.predict_noise, (1,), toy_sampler(base, steps=8), moved=noted)
    assert lengths == pytest.approx([1.6] * 4 + [0.0] * 4, rel=1e-4)


def test_schedulers_of_another_scale_are_refused(base: BaseModel, trained: LatentEdges) -> None:
    sampler = replace(toy_sampler(base), scheduler="euler")
    with pytest.raises(UserError, match="the scheduler euler; ddim can"):
        trained.draw(PROMPTS[:1], toy_batch(base, 1).condition, (7,), sampler)


def test_seeds_and_conditions_decide_the_pictures(base: BaseModel, trained: LatentEdges) -> None:
    trained.beta = 1.6
    batch = toy_batch(base)
    pictures = check_seeds_decide(trained, batch)
    elsewhere = trained.draw(PROMPTS[:1], 1 - batch.condition[:1], (7,), toy_sampler(base))
    assert distance(elsewhere, pictures[:1]) > 1
