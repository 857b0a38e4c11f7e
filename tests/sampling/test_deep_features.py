"""Deep levels kept from a step before: not run, right where nothing changed, near where little did."""

import pytest
import torch
from torch import nn

from networks import KINDS, random_condition, random_latents, random_text, small_base, small_controlnet, small_unet
from zeroconv.sampling import ControlInput, Moment, guided_noise
from zeroconv.sampling.deep_features import DeepFeatures, deep_modules
from zeroconv.sampling.savings import Savings

KEPT = Savings(deep_every=2)


def moment(step: int) -> Moment:
    return Moment(torch.tensor(601 - step), step, 8)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "classes"])
@torch.no_grad()
def test_the_same_step_again_is_the_same_prediction(kind: str) -> None:
    base = small_base(kind)
    texts = random_text(base.unet), random_text(base.unet, seed=5)
    inputs = [ControlInput(small_controlnet(base.unet), random_condition())]
    exact, kept = guided_noise(base, inputs, *texts, 5.0), guided_noise(base, inputs, *texts, 5.0, savings=KEPT)
    latents, deep = random_latents(base.unet), deep_modules(base.unet)
    runs: list[nn.Module] = []
    inner = [module for block in deep for module in block.modules() if isinstance(module, nn.Conv2d)]
    handles = [module.register_forward_hook(lambda module, *_: runs.append(module)) for module in inner]
    assert torch.equal(kept(latents, moment(0)), exact(latents, moment(0)))
    runs.clear()
    again = kept(latents, Moment(torch.tensor(601), 1, 8))
    assert not runs and torch.equal(again, exact(latents, moment(0)))
    for handle in handles:
        handle.remove()
    assert not any("forward" in vars(module) for module in base.unet.modules())


@torch.no_grad()
def test_a_step_in_between_is_near_and_the_next_is_exact() -> None:
    base = small_base()
    texts = random_text(base.unet), random_text(base.unet, seed=5)
    exact, kept = guided_noise(base, [], *texts, 2.0), guided_noise(base, [], *texts, 2.0, savings=KEPT)
    first = random_latents(base.unet)
    away = [(kept(z, moment(k)) - exact(z, moment(k))).norm() for k, z in enumerate((first, 0.98 * first, first))]
    change = (exact(0.98 * first, moment(1)) - exact(first, moment(0))).norm()
    assert away[0] == 0 and 0 < away[1] < change and away[2] == 0


def test_the_first_level_is_not_deep() -> None:
    unet = small_unet("sd15")
    deep = deep_modules(unet)
    assert deep == [unet.down_blocks[0].downsamplers[0], *unet.down_blocks[1:], unet.mid_block, *unet.up_blocks[:-1]]
    assert deep_modules(small_unet("no middle"))[-1] is small_unet("no middle").up_blocks[-2]


@torch.no_grad()
def test_nothing_is_kept_that_is_not_needed() -> None:
    unet = small_unet("sd15")
    deep = DeepFeatures(unet, 1)
    with deep.predicting(moment(0), ()):
        assert not any("forward" in vars(module) for module in unet.modules())
