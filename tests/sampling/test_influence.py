"""The report of controls: ratios and cosines as they are computed by hand, at no cost when it is off."""

import json
from pathlib import Path

import pytest
import torch

from networks import random_condition, random_latents, random_text, small_base, small_controlnet
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
