"""The loop over any diffusers scheduler: its steps, its noise, its scale; it knows nothing of guidance or control."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler
from torch import Tensor

from zeroconv.errors import UserError
from zeroconv.sampling import Moment, sample

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_sampling_yields_after_each_step_and_leaves_the_scheduler_alone() -> None:
    scheduler = DDIMScheduler(steps_offset=1)
    before = scheduler.timesteps.clone()
    moments: list[Moment] = []

    def predict(latents: Tensor, moment: Moment) -> Tensor:
        assert not torch.is_grad_enabled()
        moments.append(moment)
        return torch.zeros_like(latents)

    noise = torch.ones(1, 4, 2, 2, requires_grad=True)
    stages = list(sample(predict, scheduler, noise, 5))
    assert len(stages) == 5 and not any(stage.requires_grad for stage in stages) and torch.is_grad_enabled()
    assert not torch.equal(stages[0], stages[1])
    assert [(moment.step, moment.steps) for moment in moments] == [(step, 5) for step in range(5)]
    assert torch.equal(scheduler.timesteps, before)


def test_latents_can_be_moved_after_each_step() -> None:
    asked: list[Tensor] = []
    pairs: list[tuple[Tensor, Tensor]] = []

    def predict(latents: Tensor, moment: Moment) -> Tensor:
        asked.append(latents)
        return torch.zeros_like(latents)

    def moved(before: Tensor, after: Tensor) -> Tensor:
        pairs.append((before, after))
        return after + 1

    stages = list(sample(predict, DDIMScheduler(steps_offset=1), torch.ones(1, 4, 2, 2), 3, moved=moved))
    for k, (before, after) in enumerate(pairs):
        assert torch.equal(before, asked[k]) and torch.equal(stages[k], after + 1)
        assert k == 0 or torch.equal(asked[k], stages[k - 1])
    assert len(pairs) == 3


def test_the_loop_is_lazy() -> None:
    runs: list[int] = []

    def predict(latents: Tensor, moment: Moment) -> Tensor:
        runs.append(moment.step)
        return latents

    stages = sample(predict, DDIMScheduler(steps_offset=1), torch.ones(1, 4, 2, 2), 5)
    next(stages)
    assert runs == [0]


def test_second_order_schedulers_count_their_own_steps() -> None:
    moments: list[Moment] = []

    def predict(latents: Tensor, moment: Moment) -> Tensor:
        moments.append(moment)
        return torch.zeros_like(latents)

    assert len(list(sample(predict, HeunDiscreteScheduler(), torch.ones(1, 4, 2, 2), 3))) == 5
    assert {moment.steps for moment in moments} == {5}
    sigmas = [moment.sigma for moment in moments]
    assert all(sigma is not None for sigma in sigmas) and sigmas == sorted(sigmas, reverse=True)


@pytest.mark.parametrize("kind", [DDPMScheduler, EulerAncestralDiscreteScheduler])
def test_noise_comes_from_the_generators(kind: Any) -> None:
    def latents(seeds: Sequence[int]) -> Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        start = torch.ones(len(seeds), 4, 4, 4)
        *_, last = sample(lambda z, moment: 0.1 * z, kind(), start, 3, generators)
        return last

    together = latents((1, 2))
    assert torch.equal(together[:1], latents((1,))) and torch.equal(together[1:], latents((2,)))
    assert not torch.equal(together[0], together[1])


def test_one_generator_a_picture() -> None:
    generators = [torch.Generator(), torch.Generator()]
    with pytest.raises(UserError, match="expected 3, got 2"):
        next(sample(lambda z, moment: z, DDPMScheduler(), torch.ones(3, 4, 2, 2), 2, generators))


def test_the_noise_is_brought_to_the_schedulers_scale() -> None:
    seen: list[Tensor] = []

    def predict(latents: Tensor, moment: Moment) -> Tensor:
        seen.append(latents)
        return torch.zeros_like(latents)

    scheduler = EulerAncestralDiscreteScheduler()
    scheduler.set_timesteps(3)
    next(sample(predict, EulerAncestralDiscreteScheduler(), torch.ones(1, 4, 2, 2), 3))
    sigma = float(scheduler.sigmas[0])
    expected = torch.full((1, 4, 2, 2), float(scheduler.init_noise_sigma) / (sigma**2 + 1) ** 0.5)
    torch.testing.assert_close(seen[0], expected)
