"""The report of controls: ratios and cosines as they are computed by hand, at no cost when it is off."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from adapters import random_adapter
from networks import random_condition, random_latents, random_text, small_base, small_controlnet
from zeroconv.base import BaseModel
from zeroconv.control import Control, Text
from zeroconv.generate.influence_report import write_report
from zeroconv.images import read_image
from zeroconv.sampling import ControlInput, Moment, guided_noise
from zeroconv.sampling.influence import Influence

MOMENT = Moment(torch.tensor(601), step=4, steps=10)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["sd15", "sdxl", "no middle"])
def test_contribution_and_agreement_are_the_formulas(kind: str) -> None:
    base = small_base(kind)
    nets = [small_controlnet(base.unet, seed) for seed in (1, 2)]
    text, negative, latents = random_text(base.unet), random_text(base.unet, seed=5), random_latents(base.unet)
    entries = [ControlInput(net, random_condition(2, seed)) for seed, net in enumerate(nets)]
    influence = Influence(("canny", "depth"), is_guided=True)
    predict = guided_noise(base, entries, text, negative, 4.0, watch=influence)
    with influence.watching(base.unet):
        watched = predict(latents, MOMENT)
    assert torch.equal(watched, guided_noise(base, entries, text, negative, 4.0)(latents, MOMENT))

    one, other = (net(latents, MOMENT.timestep, text, entry.image) for net, entry in zip(nets, entries, strict=True))
    skips: list[torch.Tensor] = []
    handles = [base.unet.conv_in.register_forward_hook(lambda *args: skips.append(args[2]))]
    handles += [block.register_forward_hook(lambda *args: skips.extend(args[2][1])) for block in base.unet.down_blocks]
    base.predict_noise(latents, MOMENT.timestep, text)
    for handle in handles:
        handle.remove()
    for layer, skip in enumerate(skips):
        a, b = one.residuals[layer].flatten(1), other.residuals[layer].flatten(1)
        ratio = (a.norm(dim=1) / skip.flatten(1).norm(dim=1)).mean()
        assert influence.contribution(0)[layer] == pytest.approx(float(ratio), rel=1e-3)
        cosine = torch.nn.functional.cosine_similarity(a, b).mean()
        assert influence.agreement((0, 1))[layer] == pytest.approx(float(cosine), abs=1e-3)
    assert len(influence.contribution(0)) == len(one.residuals) == len(influence.sizes)
    assert not base.unet.conv_in._forward_hooks, "the hooks are gone"


@torch.no_grad()
@pytest.mark.parametrize("conditional_only", [False, True])
@pytest.mark.parametrize(("kind", "adapter_kind"), [("sd15", "full_adapter"), ("sdxl", "full_adapter_xl")])
def test_a_feature_is_seen_beside_what_it_is_added_to(kind: str, adapter_kind: str, conditional_only: bool) -> None:
    base, adapter = small_base(kind), random_adapter(adapter_kind)
    text, negative, latents = random_text(base.unet), random_text(base.unet, seed=5), random_latents(base.unet, size=16)
    strengths = (1.0, 0.5)  # two of the same: what they are added to has neither of them
    image = random_condition(2, size=128)
    entries = [ControlInput(adapter, image, each, conditional_only=conditional_only) for each in strengths]
    influence = Influence(("canny", "canny"), is_guided=True)
    predict = guided_noise(base, entries, text, negative, 4.0, watch=influence)
    with influence.watching(base.unet):
        predict(latents, MOMENT)

    features = [1.5 * feature for feature in adapter.encode_condition(image)]
    for depth, feature in enumerate(features):
        before = hidden_before(base, latents, text, features, depth)
        ratio = float((feature.flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)).mean())
        for index, strength in enumerate(strengths):
            assert influence.contribution(index)[depth] == pytest.approx(ratio * strength / 1.5, rel=1e-3)
    assert len(influence.contribution(0)) == len(features) == len(influence.feature_sizes) == 4
    assert influence.agreement((0, 1)) == pytest.approx([1.0] * 4, abs=1e-4)
    assert influence.is_adapter(0) and influence.agreement_map((0, 1)).shape == features[0].shape[-2:]


def hidden_before(base: BaseModel, latents: Tensor, text: Text, features: list[Tensor], depth: int) -> Tensor:
    """What diffusers adds feature `depth` to: the hidden values there where the feature itself is nothing."""
    given = [each if number < depth else torch.zeros_like(each) for number, each in enumerate(features)]
    seen: list[Tensor] = []
    hooks = [
        block.register_forward_hook(
            lambda block, inputs, output: seen.append(
                (
                    output[1][len(block.resnets) - 1] if getattr(block, "has_cross_attention", False) else output[0]
                ).clone()
            )
        )
        for block in base.unet.down_blocks
    ]
    hooks.append(base.unet.mid_block.register_forward_hook(lambda block, inputs, output: seen.append(output)))
    base.predict_noise(latents, MOMENT.timestep, text, Control((), tuple(given)))
    for hook in hooks:
        hook.remove()
    return seen[depth]


@torch.no_grad()
def test_a_control_agrees_with_itself_and_opposes_its_negative(tmp_path: Path) -> None:
    base = small_base()
    entry = ControlInput(small_controlnet(base.unet), random_condition(1))
    opposed = ControlInput(entry.controlnet, entry.image, -0.5, end=0.5)
    influence = Influence(("canny", "canny", "canny"), is_guided=False)
    predict = guided_noise(base, [entry, entry, opposed], random_text(base.unet), guidance=1, watch=influence)
    with influence.watching(base.unet):
        for step in (4, 9):
            predict(random_latents(base.unet), Moment(MOMENT.timestep, step, 10))
    assert influence.agreement((0, 1)) == pytest.approx([1.0] * 13, abs=1e-4)
    assert influence.agreement((0, 2)) == pytest.approx([-1.0] * 13, abs=1e-4)
    assert influence.agreement_map((1, 2)).shape == (8, 8) and bool((influence.agreement_map((1, 2)) < -0.99).all())
    assert [influence.steps(index) for index in range(3)] == [2, 2, 1]
    report, picture = write_report(influence, tmp_path)
    written = json.loads(report.read_text("utf-8"))
    assert written["layers"][0] == "skip 0 (8x8)" and written["layers"][-1] == "middle (1x1)"
    assert [pair["opposed_share_of_the_picture"] for pair in written["pairs"]] == [0.0, 1.0, 1.0]
    assert written["controls"][2]["contribution"][0] > 0 and read_image(picture).width > 500
